# GLSMamba, small enough to be trained on two CPU cores in a few minutes, on the demo's frozen encoder.
_base_ = [
    '../_base_/glsmamba.py', '../../../_base_/models/res18_small_trained_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96_small_batches.py',
    '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

model = dict(
    backbone=_base_.encoder,
    neck=dict(
        in_channels=64, embed_dims=48, num_frames=len(_base_.frame_offsets), num_global=1, num_local=1,
        scan=dict(d_state=4, dt_rank=4)),
    head=dict(in_channels=48, out_channels=_base_.num_joints, decoder=_base_.codec))
