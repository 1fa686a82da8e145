# Beyond the paper's table: seven frames (δ = 3).
_base_ = ['./td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192.py']

frame_offsets = (-3, -2, -1, 0, 1, 2, 3)
train_dataloader = dict(dataset=dict(frame_offsets=frame_offsets))
val_dataloader = dict(dataset=dict(frame_offsets=frame_offsets))
test_dataloader = dict(dataset=dict(frame_offsets=frame_offsets))
model = dict(neck=dict(num_frames=7))
