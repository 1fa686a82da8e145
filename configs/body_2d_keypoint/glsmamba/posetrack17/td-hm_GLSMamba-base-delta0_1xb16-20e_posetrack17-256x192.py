# Beyond the paper's table: one frame (δ = 0).
_base_ = ['./td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192.py']

frame_offsets = (0, )
train_dataloader = dict(dataset=dict(frame_offsets=frame_offsets))
val_dataloader = dict(dataset=dict(frame_offsets=frame_offsets))
test_dataloader = dict(dataset=dict(frame_offsets=frame_offsets))
model = dict(neck=dict(num_frames=1))
