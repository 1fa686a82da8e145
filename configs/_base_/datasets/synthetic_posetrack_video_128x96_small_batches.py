# For a model trained on two CPU cores in minutes. Neighbouring windows are alike: every second one will do.
_base_ = './synthetic_posetrack_video_128x96.py'

train_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(sample_interval=2))
val_dataloader = dict(batch_size=16, num_workers=1)
test_dataloader = val_dataloader
