# The encoder that the demo trains on single frames, to be frozen.
_base_ = './res18_small_encoder.py'

encoder = dict(
    init_cfg=dict(
        type='Pretrained',
        prefix='backbone.',
        checkpoint='{{$SYNTHETIC_POSETRACK_ENCODER:work_dirs/td-hm_res18-small_synthetic-posetrack-128x96/epoch_6.pth}}'))
