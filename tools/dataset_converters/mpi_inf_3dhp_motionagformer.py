"""Writes MPI-INF-3DHP as P-STMO and MotionAGFormer publish it in the form of MMPose's annotations.

    python tools/dataset_converters/mpi_inf_3dhp_motionagformer.py data_train_3dhp.npz mpi_inf_3dhp_train.npz
    python tools/dataset_converters/mpi_inf_3dhp_motionagformer.py data_test_3dhp.npz mpi_inf_3dhp_test.npz

The source holds one nested dictionary ``data``: to train ``data['S1 Seq1'][0]['0']`` (camera 0), to test
``data['TS1']``, each with ``data_2d`` (F,17,2) in pixels and ``data_3d`` (F,17,3) in mm in MMPose's order of
joints, and to test ``valid`` (F,). The result has ``imgname``, ``part`` (N,17,3), ``S`` (N,17,4) in m and
``valid`` (N,). All frames are kept, so that clips have no holes; only valid ones are scored.
"""
import argparse
import sys
from pathlib import Path

import numpy as np


def sequences_of(data, path):
    """Walks over the sequences of the nested dictionary.

    Args:
        data (dict): The content.
        path (str | Path): The file, for messages.

    Yields:
        tuple[str, dict]: Name as in MMPose's image names (``S1_Seq1_Cam0`` or ``TS1``), and the arrays.

    Raises:
        ValueError: If an entry is of another form.
    """
    if not isinstance(data, dict) or not data:
        raise ValueError(f'{path}: data is not a dictionary of sequences')
    for name, entry in data.items():
        if isinstance(entry, dict):
            yield str(name), entry
            continue
        if not isinstance(entry, (list, tuple)) or not entry or not isinstance(entry[0], dict):
            raise ValueError(
                f"{path}: entry '{name}' has neither arrays nor a list with a dictionary of cameras")
        for camera, arrays in entry[0].items():
            yield f"{str(name).replace(' ', '_')}_Cam{camera}", arrays


def convert(source, target):
    """Converts a file.

    Args:
        source (str | Path): ``data_train_3dhp.npz`` or ``data_test_3dhp.npz``.
        target (str | Path): The ``.npz`` to write.

    Returns:
        dict: ``sequences`` and ``frames``, their numbers.

    Raises:
        FileNotFoundError: If the source is missing.
        ValueError: If it is of another form.
    """
    from mmpose_gss.datasets.body3d.safe_pickle import load_object_npz
    names, parts, joints, valid = [], [], [], []
    count = 0
    for name, arrays in sequences_of(load_object_npz(source, 'data'), source):
        missing = [key for key in ('data_2d', 'data_3d') if key not in arrays]
        if missing:
            raise ValueError(f'{source}: {name} lacks {", ".join(missing)}')
        flat, deep = np.asarray(arrays['data_2d'])[..., :2], np.asarray(arrays['data_3d'])
        frames = len(flat)
        if flat.shape != (frames, 17, 2) or deep.shape != (frames, 17, 3):
            raise ValueError(f'{source}: {name} has data_2d {flat.shape} and data_3d {deep.shape}, expected '
                             '(F,17,2) and (F,17,3)')
        counted = np.asarray(arrays.get('valid', np.ones(frames))).reshape(-1)
        if counted.shape != (frames, ):
            raise ValueError(f'{source}: {name} has {counted.size} valid flags for {frames} frames')
        ones = np.ones((frames, 17, 1))
        names += [f'{name}_{frame + 1:06d}.jpg' for frame in range(frames)]
        parts.append(np.concatenate([flat, ones], axis=2))
        joints.append(np.concatenate([deep / 1000, ones], axis=2))
        valid.append(counted > 0)
        count += 1
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    with open(target, 'wb') as file:
        np.savez_compressed(file, imgname=np.array(names), part=np.concatenate(parts),
                            S=np.concatenate(joints), valid=np.concatenate(valid))
    return dict(sequences=count, frames=len(names))


def main(argv=None):
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='data_train_3dhp.npz or data_test_3dhp.npz')
    parser.add_argument('target', help='.npz to write')
    args = parser.parse_args(argv)
    try:
        counts = convert(args.source, args.target)
    except (ValueError, FileNotFoundError) as error:
        parser.exit(1, f'error: {error}\n')
    print(f"{args.target}: {counts['frames']} frames of {counts['sequences']} sequences")


if __name__ == '__main__':
    sys.exit(main())
