_base_ = [
    '../_base_/glsmamba-huge.py', '../../../_base_/datasets/posetrack18_video.py',
    '../../../_base_/schedules/schedule_20e_adamw.py'
]
