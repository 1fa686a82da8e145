_base_ = [
    '../_base_/glsmamba-huge.py', '../../../_base_/datasets/posetrack18_video_384x288.py',
    '../../../_base_/schedules/schedule_20e_adamw.py'
]

model = dict(head=dict(decoder=_base_.codec))
