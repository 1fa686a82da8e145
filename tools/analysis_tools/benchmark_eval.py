"""Time PoseTrack's AP and MOTA on made-up files, against a plain implementation of the same rules.

    python tools/analysis_tools/benchmark_eval.py [--frames 1000] [--people 7] [--videos 10] [--plain FILE.py]

End to end is a fresh process of tools/eval_posetrack.py, interpreter start and reading of JSON included.
Times are of one core's work (CPU time), which other processes stretch less than the clock's; end to end also
by the clock. ``--plain`` names a module with a plain implementation, such as the tests' plain_posetrack.py.
"""
from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from types import ModuleType
from typing import Callable, Dict, Optional

import numpy as np

from mmpose_gss.evaluation.posetrack import load_frames, pair_people, posetrack_ap, posetrack_mot
from mmpose_gss.structures.skeletons import POSETRACK, UNANNOTATED_JOINTS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def write_videos(folder: str, frames: int, people: int, videos: int, seed: int = 0) -> None:
    """Write ``gt`` and ``pred`` folders of videos in which people walk about and predictions err.

    Args:
        folder: where to.
        frames: frames of all videos together.
        people: people in every frame.
        videos: number of files.
        seed: seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    category = [{'id': 1, 'name': 'person', 'supercategory': 'person', 'keypoints': list(POSETRACK.names)}]
    for role in ('gt', 'pred'):
        os.makedirs(os.path.join(folder, role), exist_ok=True)
    for video in range(videos):
        length = frames // videos + (video < frames % videos)
        name = f'{video + 1:06d}_mpii_test'
        joints = rng.normal(0, 40, (people, 17, 2)) + rng.uniform(100, 900, (people, 1, 2))
        images, truth, found = [], [], []
        for t in range(length):
            image_id = 10000000000 + (video + 1) * 10000 + t
            images.append({'id': image_id, 'frame_id': image_id, 'vid_id': f'{video + 1:06d}',
                           'nframes': length, 'is_labeled': True,
                           'file_name': f'images/val/{name}/{t:06d}.jpg'})
            joints = joints + rng.normal(0, 3, (people, 1, 2))
            for person in range(people):
                truth.append(_entry(image_id, person, joints[person], rng.random(17) < 0.9))
                truth[-1]['bbox_head'] = [*(joints[person, 2] - 15).round(1).tolist(), 30.0, 35.0]
                if rng.random() < 0.9:
                    noise = rng.normal(0, rng.choice([2, 5, 15]), (17, 2))
                    track = person if rng.random() < 0.97 else person + 100
                    found.append(_entry(image_id, track, joints[person] + noise, rng.random(17) < 0.95))
                    found[-1]['scores'] = rng.random(17).round(12).tolist()        # no two alike
        for role, people_of in (('gt', truth), ('pred', found)):
            with open(os.path.join(folder, role, f'{name}.json'), 'w', encoding='utf-8') as file:
                json.dump({'categories': category, 'images': images, 'annotations': people_of}, file)


def _entry(image_id: int, track: int, joints: np.ndarray, there: np.ndarray) -> dict:
    there = there & ~np.isin(POSETRACK.names, UNANNOTATED_JOINTS)
    triples = np.concatenate([joints.round(2), np.ones((17, 1))], axis=1) * there[:, None]
    return {'image_id': image_id, 'track_id': int(track), 'category_id': 1,
            'keypoints': triples.ravel().tolist()}


def best_of(function: Callable[[], object], repeats: int,
            clock: Callable[[], float] = time.process_time) -> float:
    """Give the shortest of several runs, seconds."""
    times = []
    for _ in range(repeats):
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)


def children_time() -> float:
    """Give the CPU time of all finished child processes, seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def load_module(path: str) -> ModuleType:
    """Load a Python file that is in no package."""
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def benchmark(frames: int = 1000, people: int = 7, videos: int = 10, repeats: int = 5,
              plain: Optional[str] = None) -> Dict[str, float]:
    """Measure; times in CPU seconds on one core.

    Args:
        frames: frames of all videos together.
        people: people in every frame.
        videos: number of videos.
        repeats: runs of which the shortest counts.
        plain: path of a plain implementation to compare with.

    Returns:
        dict: ``end_to_end`` and, by the clock, ``end_to_end_wall``; ``load``, ``ap_core`` (pairs and AP),
        ``mot_core``; with the plain implementation also ``plain_load``, ``plain_ap``, ``plain_mot`` and
        ``largest_difference`` in AP and MOTA, percent.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_videos(folder, frames, people, videos)
        gt, pred = os.path.join(folder, 'gt'), os.path.join(folder, 'pred')
        environment = dict(os.environ, OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1', MKL_NUM_THREADS='1')
        environment['PYTHONPATH'] = os.pathsep.join([ROOT, environment.get('PYTHONPATH', '')])
        out = os.path.join(folder, 'figures.json')
        command = [sys.executable, os.path.join(ROOT, 'tools', 'eval_posetrack.py'), '--gt', gt,
                   '--pred', pred, '--out', out]

        def evaluate() -> None:
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

        measured = {'end_to_end': best_of(evaluate, repeats, children_time),
                    'end_to_end_wall': best_of(evaluate, 2, time.perf_counter)}
        loaded = load_frames(gt, pred)
        measured['load'] = best_of(lambda: load_frames(gt, pred), repeats)
        measured['ap_core'] = best_of(lambda: posetrack_ap(loaded), repeats)
        pairs = pair_people(loaded)
        measured['mot_core'] = best_of(lambda: posetrack_mot(loaded, pairs), repeats)
        if plain:
            _time_plain(load_module(plain), gt, pred, out, measured)
    return measured


def _time_plain(module: ModuleType, gt: str, pred: str, out: str, measured: Dict[str, float]) -> None:
    clock = time.process_time
    start = clock()
    sequences = module.read_folders(gt, pred)
    loaded = clock()
    ap = module.grouped(module.average_precision(sequences)[0])
    with_ap = clock()
    mota = module.grouped(module.tracking_figures(module.count_tracking(sequences))[0])
    measured.update(plain_load=loaded - start, plain_ap=with_ap - loaded, plain_mot=clock() - with_ap)
    with open(out, encoding='utf-8') as file:
        ours = json.load(file)
    measured['largest_difference'] = max(abs(theirs[key] - mine[key]) for theirs, mine in
                                         ((ap, ours['AP']), (mota, ours['MOTA'])) for key in theirs)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--frames', type=int, default=1000)
    parser.add_argument('--people', type=int, default=7)
    parser.add_argument('--videos', type=int, default=10)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--plain', metavar='FILE.py', help='plain implementation to compare with')
    args = parser.parse_args()
    measured = benchmark(args.frames, args.people, args.videos, args.repeats, args.plain)
    print(f'{args.frames} frames, {args.people} people, {args.videos} videos; best of {args.repeats}')
    for name, value in measured.items():
        print(f'{name:20}' + (f'{value:9.3f} s' if name != 'largest_difference' else f'{value:11.2e} '
                                                                                     'percent'))
    if 'plain_ap' in measured:
        print(f'AP core {measured["plain_ap"] / measured["ap_core"]:.0f} times, tracking core '
              f'{measured["plain_mot"] / measured["mot_core"]:.0f} times as fast as the plain implementation')


if __name__ == '__main__':
    main()
