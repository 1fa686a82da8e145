# Table 9: δ = 1.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

frame_offsets = (-1, 0, 1)
load_clip = dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets))
train_pipeline = [load_clip, *_base_.train_pipeline[1:]]
val_pipeline = [load_clip, *_base_.val_pipeline[1:]]
train_dataloader = dict(dataset=dict(frame_offsets=frame_offsets, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(frame_offsets=frame_offsets, pipeline=val_pipeline))
test_dataloader = val_dataloader
model = dict(neck=dict(num_frames=len(frame_offsets)))
