# GLSMamba, small enough to be trained on two CPU cores in a few minutes, on the demo's frozen encoder.
# A token is 2x2 pixels of the map; the encoder's features go past the tokens at the map's own size.
_base_ = [
    '../_base_/glsmamba.py', '../../../_base_/models/res18_small_trained_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96_small_batches.py',
    '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

model = dict(
    backbone=_base_.encoder,
    neck=dict(
        in_channels=64, embed_dims=48, num_frames=len(_base_.frame_offsets), token_stride=2,
        num_global=1, num_local=1, scan=dict(d_state=4, dt_rank=4), ffn_ratio=2., sca_ratio=0.45),
    head=dict(in_channels=64, out_channels=_base_.num_joints, decoder=_base_.codec))
