_base_ = ['./posetrack21_data.py', './pipelines_256x192.py']

train_dataloader = dict(dataset=dict(frame_offsets=_base_.frame_offsets, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(frame_offsets=_base_.frame_offsets, pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
