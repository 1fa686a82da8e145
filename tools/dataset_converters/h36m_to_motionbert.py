"""Write Human3.6M in MMPose's files as a pickle in MotionBERT's layout.

    python tools/dataset_converters/h36m_to_motionbert.py --train h36m_train.npz --test h36m_test.npz \\
        --cameras cameras.pkl --out h36m.pkl [--train-2d train.npy --test-2d test.npy]
"""
import argparse

from mmpose_gss.datasets.converters import convert_h36m
from mmpose_gss.engine.cli import run_command


def main() -> None:
    """Convert and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, text in (('train', 'annotations to train'), ('test', 'annotations to test'),
                       ('cameras', 'cameras.pkl'), ('out', 'pickle to write')):
        parser.add_argument(f'--{name}', required=True, help=text)
    for name in ('train-2d', 'test-2d'):
        parser.add_argument(f'--{name}', help='2D detections (N,17,3), .npy; default: the annotated joints')
    args = parser.parse_args()
    counts = convert_h36m(**vars(args))
    print(f"{args.out}: {counts['train']} frames to train, {counts['test']} to test")


if __name__ == '__main__':
    run_command(main)
