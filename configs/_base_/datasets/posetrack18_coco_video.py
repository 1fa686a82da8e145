# PoseTrack18 with COCO's images mixed in: each image stands still over the window.
_base_ = './posetrack18_video.py'

# COCO's joints by name. It has no head_bottom and head_top; ears are not annotated in PoseTrack.
coco_to_posetrack = [(0, 0)] + [(joint, joint) for joint in range(5, 17)]

coco_images = dict(
    type='mmpose.CocoDataset',
    data_root='data/coco/',
    data_mode='topdown',
    ann_file='annotations/person_keypoints_train2017.json',
    data_prefix=dict(img='train2017/'),
    pipeline=[dict(type='mmpose.KeypointConverter', num_keypoints=17, mapping=coco_to_posetrack)])
posetrack_clips = dict(_base_.train_dataloader.dataset, pipeline=[])

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmpose_gss.CombinedVideoDataset',
        datasets=[posetrack_clips, coco_images],
        pipeline=_base_.train_pipeline))
