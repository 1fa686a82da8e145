_base_ = [
    '../_base_/glsmamba-base.py', '../../../_base_/datasets/posetrack21_video.py',
    '../../../_base_/schedules/schedule_20e_adamw.py'
]
