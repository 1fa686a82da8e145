# Joint space-time attention on the demo's frozen encoder, small enough for two CPU cores.
_base_ = [
    '../../../_base_/models/video_topdown.py', '../../../_base_/models/res18_small_trained_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96_small_batches.py',
    '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

model = dict(
    backbone=_base_.encoder,
    neck=dict(
        type='mmpose_gss.JointAttentionNeck', in_channels=64, embed_dims=48,
        num_frames=len(_base_.frame_offsets), depth=2, num_heads=4),
    head=dict(
        type='mmpose_gss.TemporalHeatmapHead', in_channels=64, out_channels=_base_.num_joints,
        decoder=_base_.codec))
