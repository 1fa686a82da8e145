_base_ = [
    '../_base_/glsmamba-large.py', '../../../_base_/datasets/sub_jhmdb_video.py',
    '../../../_base_/schedules/schedule_20e_adamw.py'
]

model = dict(head=dict(out_channels=15))
