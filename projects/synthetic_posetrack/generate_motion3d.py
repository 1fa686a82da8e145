"""Generate 3D motion with noisy 2D tracks, in the layout of MMPose's Human36mDataset.

Example: ``python generate_motion3d.py data/motion3d --sequences 120 --frames 400 --seed 0``
"""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from synthetic_posetrack.cli import number, prepare_folder, show_progress, whole_number  # noqa: E402
from synthetic_posetrack.motion3d import Noise, generate_sequence  # noqa: E402
from synthetic_posetrack.motion3d_writer import write_cameras, write_split  # noqa: E402

OWN_ENTRIES = {'annotation_body3d', 'joint_2d_det_files'}


def parse_args(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument('--sequences', type=whole_number(1, 3000), default=60,
                        help='number of motions of both splits, each by an own person')
    parser.add_argument('--test-sequences', type=whole_number(0, 3000),
                        help='how many of them are held out (default: a fifth, at least one of several)')
    parser.add_argument('--frames', type=whole_number(1, 100000), default=400,
                        help='frames per motion, 50 a second')
    parser.add_argument('--views', type=whole_number(1, 99), default=2, help='random cameras per motion')
    parser.add_argument('--seed', type=whole_number(0, 2**32 - 1), default=0)
    parser.add_argument('--noise', type=number(0, 20), default=1.0,
                        help='factor on all errors of the 2D tracks')
    parser.add_argument('--overwrite', action='store_true', help='replace a set generated before')
    args = parser.parse_args(argv)
    if args.test_sequences is None:
        args.test_sequences = max(1, args.sequences // 5) if args.sequences > 1 else 0
    if args.test_sequences > args.sequences:
        parser.error(f'--test-sequences {args.test_sequences} is more than --sequences {args.sequences}, '
                     'which counts both splits')
    return args


def main(argv=None):
    """Generate the set."""
    args = parse_args(argv)
    prepare_folder(args.out, OWN_ENTRIES, args.overwrite)
    noise = Noise(**{name: value * args.noise for name, value in vars(Noise()).items()})
    counts = {'train': args.sequences - args.test_sequences, 'test': args.test_sequences}
    cameras, done = {}, 0
    try:
        for split, count in counts.items():
            motions = []
            for index in range(count):
                motions.append(generate_sequence(args.seed, split, index, args.frames, args.views, noise))
                done += 1
                show_progress(done, args.sequences, 'motion')
            if motions:
                cameras.update(write_split(args.out, split, motions))
        write_cameras(args.out, cameras)
    except OSError as error:
        sys.exit(f'error: cannot write to {args.out} ({error.strerror})')
    print(f'{args.sequences} motions, {args.views} views, {args.sequences * args.views * args.frames} frames '
          f'in {args.out}')


if __name__ == '__main__':
    main()
