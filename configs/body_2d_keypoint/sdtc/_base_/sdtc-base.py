# SDTC on the frozen ViTPose-B encoder with its deconvolutions (1/4 resolution), as GLSMamba-B uses it.
_base_ = ['../../glsmamba/_base_/glsmamba-base.py']

model = dict(
    neck=dict(
        _delete_=True,
        type='mmpose_gss.SDTCNeck',
        in_channels=256,
        embed_dims=256,
        num_frames=5,
        num_keypoints=17,
        # A patch of the masks is a patch of the encoder: 16 pixels, 4 tokens.
        mask_patch=4,
        mask_ratio=0.5,
        context_weight=0.01),
    test_cfg=dict(flip_test=False))
