# SDTC with GLSMamba-tiny's frozen encoder, data and budget. A token is 2x2 pixels of the map, as joint
# attention over all pixels would take minutes per batch on a CPU. F corrects the encoder's
# features, which is not in the text (docs/research_log.md).
_base_ = [
    '../../../_base_/models/video_topdown.py', '../../../_base_/models/res18_small_trained_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96_small_batches.py',
    '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

model = dict(
    backbone=_base_.encoder,
    neck=dict(
        type='mmpose_gss.SDTCNeck',
        in_channels=64,
        embed_dims=64,
        num_frames=len(_base_.frame_offsets),
        token_stride=2,
        motion=dict(type='mlsme', num_heads=2, num_joint=1, num_divided=1, ffn_ratio=2., mask_patch=2),
        skip='window',
        reconstruction=dict(num_keypoints=_base_.num_joints, num_heads=2)),
    head=dict(
        type='mmpose_gss.TemporalHeatmapHead',
        in_channels=64,
        out_channels=_base_.num_joints,
        decoder=_base_.codec))
