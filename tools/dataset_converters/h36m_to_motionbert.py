"""Writes Human3.6M in MMPose's files as a pickle in MotionBERT's layout.

    python tools/dataset_converters/h36m_to_motionbert.py --train h36m_train.npz --test h36m_test.npz \\
        --cameras cameras.pkl --out h36m.pkl [--train-2d train.npy --test-2d test.npy]

The pickle has ``train`` and ``test`` with ``joint_2d`` (N,17,2), ``confidence`` (N,17,1), ``joint3d_image``
(N,17,3), ``camera_name``, ``source``, ``action``, ``2.5d_factor`` (N,) and ``joints_2.5d_image`` (N,17,3)
in mm. 2D joints are the annotated ones unless detections (N,17,3) are given. ``source`` is MMPose's name of
the sequence with ``_ca_`` and the camera; the sequences that the protocol skips are named as in MMPose.
"""
import argparse
import pickle
import sys
from pathlib import Path


def frames_to_motionbert(table):
    """Turns a FrameTable of Human3.6M into an entry of MotionBERT's pickle.

    Args:
        table (FrameTable): Of ``H36MClipDataset``.

    Returns:
        dict: See the module's docstring.
    """
    cameras = [source.rsplit('.', 1)[1] for source in table.source]
    return {
        'joint_2d': table.keypoints, 'confidence': table.scores[..., None], 'joint3d_image': table.target,
        'camera_name': cameras, 'action': [str(action) for action in table.action],
        'source': [f'{sequence}_ca_{camera}' for sequence, camera in zip(table.sequence, cameras)],
        '2.5d_factor': table.factor, 'joints_2.5d_image': table.truth,
    }


def convert(train, test, cameras, out, train_2d=None, test_2d=None):
    """Converts both splits.

    Args:
        train (str | Path): MMPose's ``h36m_train.npz``.
        test (str | Path): ``h36m_test.npz``.
        cameras (str | Path): ``cameras.pkl``.
        out (str | Path): The pickle to write.
        train_2d (str | Path, optional): Detections of the training frames, ``.npy``.
        test_2d (str | Path, optional): Detections of the test frames.

    Returns:
        dict[str, int]: Frames by split.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is of another form.
    """
    from mmpose_gss.datasets.body3d import H36MClipDataset
    content = {}
    for name, annotations, detections in (('train', train, train_2d), ('test', test, test_2d)):
        dataset = H36MClipDataset(
            str(Path(annotations).resolve()), str(Path(cameras).resolve()),
            keypoint_2d_det_file=str(Path(detections).resolve()) if detections else None, num_frames=1)
        content[name] = frames_to_motionbert(dataset.table)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with open(out, 'wb') as file:
        pickle.dump(content, file, protocol=4)
    return {name: len(entry['source']) for name, entry in content.items()}


def main(argv=None):
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, text in (('train', 'annotations to train'), ('test', 'annotations to test'),
                       ('cameras', 'cameras.pkl'), ('out', 'pickle to write')):
        parser.add_argument(f'--{name}', required=True, help=text)
    for name in ('train-2d', 'test-2d'):
        parser.add_argument(f'--{name}', help='2D detections (N,17,3), .npy')
    args = parser.parse_args(argv)
    try:
        counts = convert(args.train, args.test, args.cameras, args.out, args.train_2d, args.test_2d)
    except (ValueError, FileNotFoundError) as error:
        parser.exit(1, f'error: {error}\n')
    print(f"{args.out}: {counts['train']} frames to train, {counts['test']} to test")


if __name__ == '__main__':
    sys.exit(main())
