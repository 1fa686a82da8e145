_base_ = [
    '../_base_/sdtc-base.py', '../_base_/sdtc_train_pipeline_256x192.py',
    '../../../_base_/datasets/posetrack21_video.py', '../../../_base_/schedules/schedule_50e_adamw.py'
]

train_dataloader = dict(dataset=dict(pipeline=_base_.sdtc_train_pipeline))
