_base_ = './td-hm_GLSMamba-base_1xb16-20e_sub-jhmdb-256x192.py'

train_dataloader = dict(dataset=dict(ann_file='annotations/Sub2_train.json'))
val_dataloader = dict(dataset=dict(ann_file='annotations/Sub2_test.json'))
test_dataloader = dict(dataset=dict(ann_file='annotations/Sub2_test.json'))
val_evaluator = dict(split=2)
test_evaluator = dict(split=2)
