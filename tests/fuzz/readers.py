"""Everything that reads a file, each with a good file and the way to damage it."""
from __future__ import annotations

import io
import json
import pickle
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List

import cv2
import mutators as mutate
import numpy as np
import torch
from scipy.io import savemat

from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.datasets.body import PoseTrackVideoDataset
from mmpose_gss.datasets.body3d import H36MClipDataset, H36MMotionBERTDataset, Mpi3dhpClipDataset
from mmpose_gss.datasets.converters import mpi_inf_3dhp, posetrack17, posetrack18, sub_jhmdb
from mmpose_gss.engine import read_checkpoint
from mmpose_gss.evaluation.posetrack import evaluated_frames, load_video, pair_frames, posetrack_figures
from mmpose_gss.evaluation.posetrack.ground_truth import from_split_file
from mmpose_gss.structures.detections import load_detections
from mmpose_gss.structures.pose_results import read_results
from mmpose_gss.structures.skeletons import POSETRACK, POSETRACK17_JOINTS
from mmpose_gss.structures.video_detections import match_video

CLIP = '000001_mpii_test'


@dataclass
class Reader:
    """A way of reading.

    Attributes:
        name: for the count.
        file: name of the file.
        damage: gives a damaged file's bytes.
        read: reads it.
        share: how many of 100 inputs are for it.
    """
    name: str
    file: str
    damage: Callable[[random.Random], bytes]
    read: Callable[[Path], Any]
    share: int


def posetrack18_content(scores: bool) -> dict:
    """Three frames of two people."""
    rng = np.random.default_rng(0)
    images = [dict(id=10000010000 + i, frame_id=10000010000 + i, vid_id='000001', nframes=3, is_labeled=True,
                   width=160, height=120, file_name=f'images/val/{CLIP}/{i:06d}.jpg',
                   ignore_regions_x=[[1, 9, 9]], ignore_regions_y=[[1, 1, 9]]) for i in range(3)]
    annotations = []
    for image in images:
        for track in range(2):
            joints = np.concatenate([rng.uniform(10, 110, (17, 2)).round(1), np.ones((17, 1))], axis=1)
            entry = dict(id=image['id'] * 100 + track, image_id=image['id'], category_id=1, track_id=track,
                         keypoints=joints.reshape(-1).tolist(), bbox=[10, 10, 90, 90],
                         bbox_head=[5, 5, 20, 20])
            annotations.append(dict(entry, scores=[0.5] * 17) if scores else entry)
    return dict(images=images, annotations=annotations, categories=[
        dict(id=1, name='person', supercategory='person', keypoints=list(POSETRACK.names))])


def annolist_content(scores: bool) -> dict:
    """The same in PoseTrack17's form."""
    entries = []
    for i in range(3):
        score = dict(score=[0.5]) if scores else {}
        points = [dict(id=[j], x=[10.0 + j], y=[20.0 + j], is_visible=[1], **score)
                  for j in range(len(POSETRACK17_JOINTS))]
        person = dict(track_id=[0], x1=[1], y1=[1], x2=[20], y2=[20], annopoints=[dict(point=points)])
        region = dict(point=[dict(x=[1], y=[1]), dict(x=[9], y=[1]), dict(x=[9], y=[9])])
        entries.append(dict(image=[dict(name=f'images/bonn_5sec/{CLIP}/{i + 1:08d}.jpg')], is_labeled=[1],
                            annorect=[person], ignore_regions=[region]))
    return dict(annolist=entries)


def _detections() -> list:
    return [dict(bbox=[1, 2, 30, 40], score=0.9, image_name=f'images/val/{CLIP}/{i:06d}.jpg',
                 image_id=10000010000 + i, category_id=1, track_id=i) for i in range(4)]


def _results() -> dict:
    return dict(meta_info=dict(keypoint_names=['a']), video=dict(source='x.mp4', fps=25.0, width=4, height=4),
                partial=True)


def _read_dataset(path: Path) -> Any:
    data = PoseTrackVideoDataset(ann_file=str(path), data_root=str(path.parent), test_mode=True)
    return [data.get_data_info(index) for index in range(len(data))]


def _read_boxes(path: Path) -> Any:
    found = load_detections(path)
    return match_video(found, CLIP, 4), match_video(found, CLIP, 0)


def _evaluate(ground_truth: bool, good: Callable[[bool], dict]) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        video = load_video(str(path), ground_truth)
        other = path.with_name('other') / path.name
        other.parent.mkdir(exist_ok=True)
        other.write_text(json.dumps(good(ground_truth)))
        truth = video if ground_truth else load_video(str(other), True)
        found = load_video(str(other), False) if ground_truth else video
        return posetrack_figures(evaluated_frames([(truth, pair_frames(truth, found))]))
    return read


def _pickled(content: dict) -> Callable[[random.Random], bytes]:
    def damage(rng: random.Random) -> bytes:
        if rng.random() < 0.7:
            return pickle.dumps(mutate.change_objects(content, rng), protocol=4)
        return mutate.change_bytes(pickle.dumps(content, protocol=4), rng)
    return damage


def _packed(content: dict) -> Callable[[random.Random], bytes]:
    def pack(arrays: dict) -> bytes:
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    def damage(rng: random.Random) -> bytes:
        if rng.random() < 0.6:
            return pack({str(k): v if isinstance(v, np.ndarray) else np.array(v, dtype=object)
                         for k, v in mutate.change_objects(content, rng).items()})
        return mutate.change_bytes(pack(content), rng)
    return damage


def _matlab(content: dict) -> Callable[[random.Random], bytes]:
    def pack(arrays: dict) -> bytes:
        file = io.BytesIO()
        savemat(file, arrays)
        return file.getvalue()

    def damage(rng: random.Random) -> bytes:
        if rng.random() < 0.5:
            try:
                return pack(mutate.change_objects(content, rng))
            except (TypeError, ValueError, OverflowError):      # not everything can be put into a .mat file
                pass
        return mutate.change_bytes(pack(content), rng)
    return damage


def _checkpoint(rng: random.Random) -> bytes:
    file = io.BytesIO()
    content = dict(state_dict={'weight': torch.ones(3)}, meta=dict(epoch=1), message_hub={})
    if rng.random() < 0.5:
        content = mutate.change_content(content, rng, odd=(None, 3, 'x', [], {}, 10**30))
    torch.save(content, file)
    return file.getvalue() if rng.random() < 0.3 else mutate.change_bytes(file.getvalue(), rng)


def _lines(rng: random.Random) -> bytes:
    lines = [json.dumps(_results()), *(json.dumps(dict(frame_id=i, instances=[])) for i in range(3))]
    if rng.random() < 0.5:
        lines[rng.randrange(4)] = json.dumps(mutate.change_content(_results(), rng))
        return '\n'.join(lines).encode()
    return mutate.change_bytes('\n'.join(lines).encode() + b'\n', rng)


def _image(suffix: str) -> Callable[[random.Random], bytes]:
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    return lambda rng: mutate.change_bytes(data, rng)


def _json(content: Any) -> Callable[[random.Random], bytes]:
    return lambda rng: mutate.damaged_json(content, rng)


def _h36m() -> tuple:
    rng = np.random.default_rng(0)
    frames = dict(imgname=np.array([f'S1_Directions_1.54138969_{i:06d}.jpg' for i in range(1, 5)]),
                  part=rng.uniform(10, 900, (4, 17, 3)), S=rng.uniform(1, 2, (4, 17, 4)) + [0, 0, 3, 0])
    camera = dict(R=np.eye(3), T=np.zeros((3, 1)), f=np.full((2, 1), 1145.0), c=np.full((2, 1), 512.0),
                  w=1000, h=1002)
    return frames, {('S1', '54138969'): camera}


def readers(folder: Path) -> List[Reader]:
    """List all; ``folder`` holds the good files that some need beside the damaged one."""
    frames, cameras = _h36m()
    good_frames, good_cameras = folder / 'good.npz', folder / 'good.pkl'
    np.savez(good_frames, **frames)
    good_cameras.write_bytes(pickle.dumps(cameras))
    rng = np.random.default_rng(0)
    train = dict(joint_2d=rng.uniform(0, 9, (4, 17, 2)), confidence=np.ones((4, 17, 1)),
                 joint3d_image=rng.uniform(0, 9, (4, 17, 3)), camera_name=['54138969'] * 4,
                 source=['s_09_act_02_subact_02_ca_01'] * 4)
    names = np.array([f'S1_Seq1_Cam0_{i:06d}.jpg' for i in range(1, 5)])
    sequences = {'S1 Seq1': [{'0': dict(data_2d=np.ones((4, 17, 2)), data_3d=np.ones((4, 17, 3)))}]}
    (folder / 'puppet_mask/a/b').mkdir(parents=True, exist_ok=True)
    mask = np.zeros((12, 16, 3))
    mask[3:9, 3:9] = 1
    savemat(folder / 'puppet_mask/a/b/puppet_mask.mat', dict(part_mask=mask))
    data18, data17 = posetrack18_content, annolist_content
    clip = f'{CLIP}.json'
    return [
        Reader('data set', clip, _json(data18(False)), _read_dataset, 14),
        Reader('split of the metric', clip, _json(data18(False)), lambda p: from_split_file(str(p)), 8),
        Reader('ground truth 18', clip, _json(data18(False)), _evaluate(True, data18), 10),
        Reader('prediction 18', clip, _json(data18(True)), _evaluate(False, data18), 10),
        Reader('ground truth 17', clip, _json(data17(False)), _evaluate(True, data17), 7),
        Reader('prediction 17', clip, _json(data17(True)), _evaluate(False, data17), 7),
        Reader('boxes', 'boxes.json', _json(_detections()), _read_boxes, 10),
        Reader('converter 18', clip, _json(data18(False)), lambda p: posetrack18.convert_video(p, folder), 6),
        Reader('converter 17', clip, _json(data17(False)),
               lambda p: posetrack17.convert_video(p, folder, False), 5),
        Reader('results', 'x.partial.jsonl', _lines, read_results, 3),
        Reader('cameras', 'cameras.pkl', _pickled(cameras),
               lambda p: H36MClipDataset(str(good_frames), str(p), num_frames=3), 4),
        Reader('frames', 'frames.npz', _packed(frames),
               lambda p: H36MClipDataset(str(p), str(good_cameras), num_frames=3), 3),
        Reader('frames 3dhp', 'frames.npz', _packed(dict(frames, imgname=names)),
               lambda p: Mpi3dhpClipDataset(str(p), num_frames=3), 2),
        Reader('MotionBERT', 'train.pkl', _pickled(dict(train=train)),
               lambda p: H36MMotionBERTDataset(str(p), num_frames=3), 3),
        Reader('converter 3dhp', 'data.npz', _packed(dict(data=np.array(sequences, dtype=object))),
               lambda p: mpi_inf_3dhp.convert_mpi_inf_3dhp(p, folder / 'out.npz'), 2),
        Reader('converter JHMDB', 'joint_positions/a/b/joint_positions.mat',
               _matlab(dict(pos_img=np.ones((2, 15, 3)))),
               lambda p: sub_jhmdb.convert_clip(p, folder, {'a/b': 1}), 2),
        Reader('checkpoint', 'x.pth', _checkpoint, read_checkpoint, 2),
        Reader('JPEG', 'frames/0.jpg', _image('.jpg'), lambda p: list(VideoFrames(p.parent)), 1),
        Reader('PNG', 'frames/0.png', _image('.png'), lambda p: list(VideoFrames(p.parent)), 1),
    ]
