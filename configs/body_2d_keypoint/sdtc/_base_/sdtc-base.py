# SDTC on the frozen ViTPose-B encoder with its deconvolutions (1/4 resolution), and its augmentation: scale 0.65
# to 1.35, rotation within 45 degrees (normal, cut at two sigma). A config says of what data: number of frames,
# joints, codec.
_base_ = ['../../../_base_/models/video_topdown.py', '../../../_base_/models/vitpose_base_encoder.py']

model = dict(
    backbone=_base_.encoder,
    neck=dict(
        type='mmpose_gss.SDTCNeck',
        in_channels=256,
        embed_dims=256,
        # A patch of the masks is a patch of the encoder: 16 pixels, 4 tokens.
        motion=dict(type='mlsme', mask_patch=4, mask_ratio=0.5),
        reconstruction=dict(context_weight=0.01)),
    head=dict(
        type='mmpose_gss.TemporalHeatmapHead',
        in_channels=256,
        loss=dict(type='KeypointMSELoss', use_target_weight=True)))
box_transform = dict(
    type='mmpose_gss.ClipBBoxTransform', scale_range=(0.65, 1.35), rotate_sigma=22.5, rotate_limit=45.)
