_base_ = ['./sub_jhmdb_data.py', './pipelines_384x288.py']

train_dataloader = dict(dataset=dict(frame_offsets=_base_.frame_offsets, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(frame_offsets=_base_.frame_offsets, pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
