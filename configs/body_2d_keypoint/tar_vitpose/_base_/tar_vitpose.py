# TAR-ViTPose: encoder, heatmap head and neck are trained together. The neck's result are heatmaps, which the head
# passes on. A config says of what data: number of joints, codec.
_base_ = '../../../_base_/models/video_topdown.py'

model = dict(
    freeze_backbone=False,
    neck=dict(
        type='mmpose_gss.TARViTPoseNeck',
        num_layers=6,
        num_heads=4,
        mask_threshold=0.2,
        heatmap_head=dict(
            type='mmpose.HeatmapHead', deconv_out_channels=(256, 256), deconv_kernel_sizes=(4, 4))),
    head=dict(type='mmpose_gss.TemporalHeatmapHead', final_layer=None))
