# Tested with detected boxes, as in the papers' tables of detected boxes; training is the base config's.
_base_ = './td-hm_GLSMamba-base_1xb16-20e_posetrack21-256x192.py'

test_dataloader = dict(dataset=_base_.detected_boxes)
test_evaluator = dict(box_source='detected')
