# Poseidon: encoder, neck and ViTPose's heatmap head are trained together. A config says of what data: number of
# joints, codec.
_base_ = '../../../_base_/models/video_topdown.py'

model = dict(
    freeze_backbone=False,
    neck=dict(type='mmpose_gss.PoseidonNeck', num_depths=3, num_heads=4),
    head=dict(
        type='mmpose_gss.TemporalHeatmapHead',
        deconv_out_channels=(256, 256),
        deconv_kernel_sizes=(4, 4),
        final_layer=dict(kernel_size=1)))
