"""Draw video clips of people with exact labels, in PoseTrack18's layout.

Example: ``python generate.py data/synthetic --clips 30 --frames 24 --size 320x240 --seed 0 --difficulty easy``
"""
import argparse
import os
import re
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2  # noqa: E402

from synthetic_posetrack.clip import Clip  # noqa: E402
from synthetic_posetrack.difficulty import PRESETS  # noqa: E402
from synthetic_posetrack.writer import MAX_CLIPS, write_clip, write_split  # noqa: E402

OWN_ENTRIES = {'images', 'annotations', 'videos'}


def parse_size(text):
    """'320x240' -> (320, 240)."""
    match = re.fullmatch(r'(\d+)[xX](\d+)', text)
    if not match:
        raise argparse.ArgumentTypeError(f'{text!r} is not a size: write WIDTHxHEIGHT in pixels, for example 320x240')
    width, height = int(match[1]), int(match[2])
    if not (64 <= width <= 4096 and 64 <= height <= 4096) or width % 2 or height % 2:
        raise argparse.ArgumentTypeError(f'{text!r}: width and height must be even numbers from 64 to 4096')
    return width, height


def parse_range(text):
    """'1-3' or '2' -> (1, 3) or (2, 2)."""
    match = re.fullmatch(r'(\d+)(?:-(\d+))?', text)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= low <= high <= 50:
        raise argparse.ArgumentTypeError(f'{text!r} is not a range of persons: write 2 or 1-3, at least 1, at most 50')
    return low, high


def whole_number(low, high):
    """A parser of whole numbers from low to high."""
    def parse(text):
        if not re.fullmatch(r'-?\d+', text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f'{text!r} must be a whole number from {low} to {high}')
        return int(text)
    return parse


def parse_args(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument('--clips', type=whole_number(1, MAX_CLIPS), default=10, help='number of clips of both splits')
    parser.add_argument('--val-clips', type=whole_number(0, MAX_CLIPS),
                        help='how many of them are held out (default: a fifth, at least one of several)')
    parser.add_argument('--frames', type=whole_number(1, 9999), default=32, help='frames per clip')
    parser.add_argument('--size', type=parse_size, default=(320, 240), metavar='WxH', help='pixels, default 320x240')
    parser.add_argument('--fps', type=whole_number(1, 120), default=25,
                        help='frames per second; fewer mean larger steps and a wider variety of poses')
    parser.add_argument('--seed', type=whole_number(0, 2**32 - 1), default=0)
    parser.add_argument('--difficulty', choices=tuple(PRESETS), default='medium')
    parser.add_argument('--people', type=parse_range, metavar='LO-HI', help='persons per clip, e.g. 1-3')
    parser.add_argument('--no-video', action='store_true', help='write no mp4 files')
    parser.add_argument('--workers', type=whole_number(1, 256), default=1, help='processes; the files are the same')
    parser.add_argument('--overwrite', action='store_true', help='replace a set generated before')
    args = parser.parse_args(argv)
    if args.val_clips is None:
        args.val_clips = max(1, args.clips // 5) if args.clips > 1 else 0
    if args.val_clips > args.clips:
        parser.error(f'--val-clips {args.val_clips} is more than --clips {args.clips}, which counts both splits')
    return args


def prepare(out, overwrite):
    """Create the output folder, or say why not."""
    if out.exists() and not out.is_dir():
        sys.exit(f'error: {out} is a file; name a folder')
    content = {entry.name for entry in out.iterdir()} if out.exists() else set()
    if content and not overwrite:
        sys.exit(f'error: {out} is not empty; name another folder, or give --overwrite to replace a generated set')
    if content - OWN_ENTRIES:
        sys.exit(f'error: {out} holds other files ({sorted(content - OWN_ENTRIES)[0]}), which --overwrite does not '
                 'touch; name another folder')
    try:
        for name in content:
            shutil.rmtree(out / name)
        out.mkdir(parents=True, exist_ok=True)
        probe = out / '.writable'
        probe.touch()
        probe.unlink()
    except OSError as error:
        sys.exit(f'error: cannot write to {out} ({error.strerror}); name a folder that you may write to')


def generate_clip(job, args, difficulty):
    """Draw and write one clip; job is (split, index)."""
    split, index = job
    cv2.setNumThreads(1)
    clip = Clip(args.seed, split, index, args.frames, args.size, difficulty, args.fps)
    return write_clip(args.out, split, index, clip, video=not args.no_video)


def show_progress(done, total):
    """One line that is rewritten on a terminal, a line per tenth elsewhere."""
    if sys.stderr.isatty():
        print(f'\rclip {done}/{total}', end='\n' if done == total else '', file=sys.stderr, flush=True)
    elif done == total or done % max(1, total // 10) == 0:
        print(f'clip {done}/{total}', file=sys.stderr, flush=True)


def main(argv=None):
    """Generate the set."""
    args = parse_args(argv)
    prepare(args.out, args.overwrite)
    difficulty = PRESETS[args.difficulty]
    if args.people:
        difficulty = replace(difficulty, people=args.people)
    jobs = [('train', i) for i in range(args.clips - args.val_clips)] + [('val', i) for i in range(args.val_clips)]
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
            show_progress(len(results), len(jobs))
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
