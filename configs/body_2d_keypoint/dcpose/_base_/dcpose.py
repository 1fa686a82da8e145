# DCPose: the rough heatmaps of three frames, refined. The neck's result are heatmaps, which the head passes on.
# A config says of what data: number of joints, codec.
_base_ = '../../../_base_/models/video_topdown.py'

model = dict(
    neck=dict(
        type='mmpose_gss.DCPoseNeck',
        residual_channels=34,
        residual_depth=2,
        merger_depth=1,
        embed_dims=64,
        depth=2,
        dilations=(3, 6, 9, 12, 15),
        rough_head=dict(type='mmpose.HeatmapHead', deconv_out_channels=None, deconv_kernel_sizes=None)),
    head=dict(type='mmpose_gss.TemporalHeatmapHead', final_layer=None))
