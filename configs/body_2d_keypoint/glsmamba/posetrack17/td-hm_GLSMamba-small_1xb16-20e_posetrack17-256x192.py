_base_ = [
    '../_base_/glsmamba-small.py', '../../../_base_/datasets/posetrack17_video.py',
    '../../../_base_/schedules/schedule_20e_adamw.py'
]
