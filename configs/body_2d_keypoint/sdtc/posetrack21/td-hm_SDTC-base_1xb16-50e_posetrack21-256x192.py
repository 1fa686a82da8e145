_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/schedule_50e_adamw.py',
    '../../../_base_/datasets/posetrack21_video.py',
    '../_base_/sdtc-base.py',
]
