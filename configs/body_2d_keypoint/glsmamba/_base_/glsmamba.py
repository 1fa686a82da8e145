# GLSMamba's neck and head: 4 GSM and 2 LRM blocks. A config says of what data: frames, joints, codec.
_base_ = '../../../_base_/models/video_topdown.py'

model = dict(
    neck=dict(
        type='mmpose_gss.GLSMambaNeck',
        in_channels=256,
        embed_dims=256,
        readout='window',
        skip='window',
        num_global=4,
        num_local=2,
        scans=('unified', 'spatial', 'temporal'),
        merge='stmm',
        window=(8, 6),
        resolution='1/4'),
    head=dict(
        type='mmpose_gss.TemporalHeatmapHead',
        in_channels=256,
        loss=dict(type='KeypointMSELoss', use_target_weight=True)))
