# Tested with detected boxes of a score of 0.2 or more, joint score = heatmap maximum x box score, no OKS NMS,
# no flip test; training is the base config's.
_base_ = './td-hm_GLSMamba-base_1xb16-20e_posetrack21-256x192.py'

test_dataloader = dict(dataset=_base_.detected_boxes)
test_evaluator = dict(box_source='detected')
