"""Ground truth heatmaps of all annotated frames of a window, from data set to the neck's loss."""
import json

import numpy as np
import pytest
import torch

from mmpose_gss.datasets.transforms import GenerateClipHeatmaps
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import DATASETS, MODELS
from mmpose_gss.structures.clip_window import ClipWindow

CODEC = dict(type='mmpose.MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)


def dataset(folder, augment=(), extra=True):
    pipeline = [dict(type='mmpose_gss.LoadClip'), dict(type='mmpose.GetBBoxCenterScale', padding=1.25),
                *augment,
                dict(type='mmpose.TopdownAffine', input_size=(96, 128)),
                dict(type='mmpose.GenerateTarget', encoder=CODEC)]
    pipeline += [dict(type='mmpose_gss.GenerateClipHeatmaps', encoder=CODEC)] if extra else []
    return DATASETS.build(dict(
        type='mmpose_gss.PoseTrackTrackDataset', layout='synthetic_posetrack', data_root=str(folder),
        ann_file='annotations/posetrack18_val.json', data_prefix=dict(img=''),
        pipeline=[*pipeline, dict(type='mmpose_gss.PackClipInputs')]))


@pytest.mark.parametrize('augment', [
    (), (dict(type='mmpose.RandomFlip', direction='horizontal', prob=1.),
         dict(type='mmpose_gss.ClipBBoxTransform', rotate_prob=1.))], ids=['plain', 'augmented'])
def test_key_frame_equals_the_usual_target(toy_clips, augment):
    data = dataset(toy_clips, augment)
    for sample in (data[0]['data_samples'], data[len(data) - 1]['data_samples']):
        maps = sample.gt_fields.clip_heatmaps.unflatten(0, (5, 17))
        weights = sample.gt_instance_labels.clip_keypoint_weights.view(5, 17)
        torch.testing.assert_close(maps[2], sample.gt_fields.heatmaps)
        torch.testing.assert_close(weights[2], sample.gt_instance_labels.keypoint_weights[0])


def test_support_frames_have_the_tracks_own_joints(toy_clips):
    data = dataset(toy_clips)
    content = json.loads((toy_clips / 'annotations/posetrack18_val.json').read_text())
    index = len(data) // 2
    info, sample = data.get_data_info(index), data[index]['data_samples']
    frames = {image['id']: image['frame_id'] for image in content['images']
              if str(image['vid_id']) == str(info['vid_id'])}
    first = min(frames.values())
    annotated = {frames[ann['image_id']] - first: ann for ann in content['annotations']
                 if ann['image_id'] in frames and ann['track_id'] == info['track_id']}
    weights = sample.gt_instance_labels.clip_keypoint_weights.view(5, 17)
    maps = sample.gt_fields.clip_heatmaps.unflatten(0, (5, 17))
    compared = 0
    for place, offset in enumerate((-2, -1, 0, 1, 2)):
        ann = annotated.get(min(max(info['frame_position'] + offset, 0), 6))
        if ann is None:
            assert (weights[place] == 0).all() and (maps[place] == 0).all()
            continue
        joints = np.array(ann['keypoints']).reshape(17, 3)
        middle, scale = np.array(sample.input_center), np.array(sample.input_scale)
        places = ((joints[:, :2] - middle) / scale + 0.5) * (24, 32)
        for k in np.flatnonzero(weights[place].numpy()):
            y, x = np.unravel_index(maps[place, k].argmax(), (32, 24))
            assert abs(np.array([x, y]) - places[k]).max() <= 1
            compared += 1
    assert compared > 10


def test_the_neck_takes_them(toy_clips):
    data = dataset(toy_clips)
    neck = MODELS.build(dict(
        type='mmpose_gss.SDTCNeck', in_channels=8, embed_dims=8, motion=dict(num_heads=2),
        reconstruction=dict(num_heads=2, pose_target='sequence', region='either'))).train()
    feats = ClipFeatures([torch.randn(2, 5, 8, 32, 24)], None, ClipWindow.centred(5))
    _, losses = neck.loss(feats, [data[i]['data_samples'] for i in range(2)])
    assert losses['loss_pose_recon'] > 0


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match='track_joints.*PoseTrackTrackDataset'):
        GenerateClipHeatmaps(CODEC)(dict(input_size=(96, 128)))
