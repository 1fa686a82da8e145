# SDTC with GLSMamba-tiny's frozen encoder, data and budget. A token is 2x2 pixels of the map, as joint
# attention over all pixels would take minutes per batch on a CPU; the head's deconvolution restores the size.
_base_ = ['../../glsmamba/synthetic/td-hm_GLSMamba-tiny_synthetic-posetrack-128x96.py']

model = dict(
    neck=dict(
        _delete_=True,
        type='mmpose_gss.SDTCNeck',
        in_channels=64,
        embed_dims=64,
        num_frames=5,
        num_keypoints=17,
        token_stride=2,
        num_heads=2,
        num_joint=1,
        num_divided=1,
        ffn_ratio=2.,
        mask_patch=2),
    head=dict(in_channels=64, deconv_out_channels=(64, ), deconv_kernel_sizes=(4, )))
