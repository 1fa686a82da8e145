"""Draw video clips of people with exact labels, in PoseTrack18's layout.

Example: ``python generate.py data/synthetic --clips 30 --frames 24 --size 320x240 --difficulty easy``
"""
import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2  # noqa: E402
from synthetic_posetrack.cli import (  # noqa: E402
    image_size,
    people_range,
    prepare_folder,
    show_progress,
    whole_number,
)
from synthetic_posetrack.clip import Clip  # noqa: E402
from synthetic_posetrack.difficulty import PRESETS  # noqa: E402
from synthetic_posetrack.writer import MAX_CLIPS, write_clip, write_split  # noqa: E402

OWN_ENTRIES = {'images', 'annotations', 'videos'}


def parse_args(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument('--clips', type=whole_number(1, MAX_CLIPS), default=10,
                        help='number of clips of both splits')
    parser.add_argument('--val-clips', type=whole_number(0, MAX_CLIPS),
                        help='how many of them are held out (default: a fifth, at least one of several)')
    parser.add_argument('--frames', type=whole_number(1, 9999), default=32, help='frames per clip')
    parser.add_argument('--size', type=image_size, default=(320, 240), metavar='WxH',
                        help='pixels, default 320x240')
    parser.add_argument('--fps', type=whole_number(1, 120), default=25,
                        help='frames per second; fewer mean larger steps and a wider variety of poses')
    parser.add_argument('--seed', type=whole_number(0, 2**32 - 1), default=0)
    parser.add_argument('--difficulty', choices=tuple(PRESETS), default='medium')
    parser.add_argument('--people', type=people_range, metavar='LO-HI', help='persons per clip, e.g. 1-3')
    parser.add_argument('--no-video', action='store_true', help='write no mp4 files')
    parser.add_argument('--workers', type=whole_number(1, 256), default=1,
                        help='processes; the files are the same')
    parser.add_argument('--overwrite', action='store_true', help='replace a set generated before')
    args = parser.parse_args(argv)
    if args.val_clips is None:
        args.val_clips = max(1, args.clips // 5) if args.clips > 1 else 0
    if args.val_clips > args.clips:
        parser.error(f'--val-clips {args.val_clips} is more than --clips {args.clips}, '
                     'which counts both splits')
    return args


def generate_clip(job, args, difficulty):
    """Draw and write one clip; job is (split, index)."""
    split, index = job
    cv2.setNumThreads(1)
    clip = Clip(args.seed, split, index, args.frames, args.size, difficulty, args.fps)
    return write_clip(args.out, split, index, clip, video=not args.no_video)


def main(argv=None):
    """Generate the set."""
    args = parse_args(argv)
    prepare_folder(args.out, OWN_ENTRIES, args.overwrite)
    difficulty = PRESETS[args.difficulty]
    if args.people:
        difficulty = replace(difficulty, people=args.people)
    counts = {'train': args.clips - args.val_clips, 'val': args.val_clips}
    jobs = [(split, i) for split, count in counts.items() for i in range(count)]
    work = partial(generate_clip, args=args, difficulty=difficulty)
    results = []
    if args.workers == 1:
        stream, pool = map(work, jobs), None
    else:
        os.environ.setdefault('OMP_NUM_THREADS', '1')
        pool = ProcessPoolExecutor(args.workers)
        stream = pool.map(work, jobs)
    try:
        for result in stream:
            results.append(result)
            show_progress(len(results), len(jobs), 'clip')
    except (OSError, RuntimeError) as error:
        sys.exit(f'error: {error}')
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    for split in ('train', 'val'):
        records = [result for job, result in zip(jobs, results) if job[0] == split]
        if records:
            write_split(args.out, split, records)
    people = sum(len(annotations) for _, annotations in results)
    print(f'{len(jobs)} clips, {len(jobs) * args.frames} frames, {people} labelled persons in {args.out}')


if __name__ == '__main__':
    main()
