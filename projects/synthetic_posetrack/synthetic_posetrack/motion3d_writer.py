"""Human3.6M's files as MMPose lays them out: npz per split, cameras.pkl, 2D tracks as npy."""
import pickle
from pathlib import Path

import numpy as np

from .motion3d import FPS

FIRST_SUBJECT = {'train': 1001, 'test': 5001}


def image_name(subject, sequence, frame):
    """Name of a frame, e.g. S1001/S1001_Walk_1.10000000/S1001_Walk_1.10000000_000001.jpg."""
    stem = f'{subject}_{sequence.name}.{sequence.camera["id"]}'
    return f'{subject}/{stem}/{stem}_{frame + 1:06d}.jpg'


def write_split(out, split, motions):
    """Write a split; motion k is performed by subject ``FIRST_SUBJECT + k``.

    Args:
        out (Path): Root of the data set.
        split (str): 'train' or 'test'.
        motions (list[list[Sequence3D]]): Views of every motion.

    Returns:
        dict: (subject, camera id) -> camera parameters.
    """
    names, joints, pixels, noisy, cameras = [], [], [], [], {}
    for k, views in enumerate(motions):
        subject = f'S{FIRST_SUBJECT[split] + k}'
        for sequence in views:
            names += [image_name(subject, sequence, f) for f in range(len(sequence.joints))]
            joints.append(sequence.joints)
            pixels.append(sequence.pixels)
            noisy.append(sequence.noisy)
            cameras[subject, sequence.camera['id']] = sequence.camera
    joints, pixels = np.concatenate(joints), np.concatenate(pixels)
    low, high = pixels.min(1), pixels.max(1)
    seen = np.ones((*joints.shape[:2], 1))
    folder = Path(out) / 'annotation_body3d' / f'fps{FPS}'
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f'h36m_{split}.npz', imgname=np.array(names), center=(low + high) / 2,
             scale=1.2 * (high - low).max(1) / 200,
             part=np.concatenate([pixels, seen], -1).astype(np.float32),
             S=np.concatenate([joints, seen], -1).astype(np.float32))
    tracks = Path(out) / 'joint_2d_det_files'
    tracks.mkdir(parents=True, exist_ok=True)
    np.save(tracks / f'noisy_2d_{split}.npy', np.concatenate(noisy).astype(np.float32))
    return cameras


def write_cameras(out, cameras):
    """Write annotation_body3d/cameras.pkl."""
    folder = Path(out) / 'annotation_body3d'
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'cameras.pkl', 'wb') as file:
        pickle.dump(cameras, file, protocol=4)
