"""The parts of the PoseTrack figures: polygons, assignment, quirks, jitter."""
import itertools

import numpy as np
import plain_posetrack as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_videos import category, figures_of, frames_of, image, make_tidy, person

from mmpose_gss.evaluation.posetrack import posetrack_jitter, posetrack_mot
from mmpose_gss.evaluation.posetrack.assignment import hungarian, smallest_total
from mmpose_gss.evaluation.posetrack.polygons import points_in_polygon

COORDINATES = st.integers(0, 6)
ALL = np.ones(17, dtype=bool)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=8))
def test_every_point_of_a_grid_is_on_its_side_of_a_polygon(corners):
    xs, ys = zip(*corners)
    grid = np.array(list(itertools.product(np.arange(-0.5, 7, 0.5), repeat=2)))
    ours = points_in_polygon(grid, np.array(corners, dtype=float))
    assert ours.tolist() == [plain.strictly_inside(point, xs, ys) for point in grid.tolist()]


def test_a_point_on_a_sloped_edge_is_outside_though_rounding_says_otherwise():
    polygon = np.array([[0.1, 0.1], [0.7, 0.3], [0.2, 0.9]])
    on_edge = [(0.1, 0.1), (0.7, 0.3)]
    steps = np.nextafter(polygon[0], 1), np.nextafter(polygon[0], 0)
    points = np.array([*on_edge, *steps, polygon.mean(axis=0)])
    expected = [plain.strictly_inside(point, *polygon.T.tolist()) for point in points.tolist()]
    assert points_in_polygon(points, polygon).tolist() == expected and expected[-1]


@pytest.mark.parametrize('corners', [[], [[0, 0]], [[0, 0], [9, 9]]])
def test_fewer_than_three_corners_hold_nothing(corners):
    polygon = np.reshape(corners, (-1, 2)).astype(float)
    assert not points_in_polygon(np.array([[0.0, 0.0], [4.0, 4.0]]), polygon).any()


def most_pairs_smallest_total(cost):
    best = (0, 0.0, set())
    rows, columns = cost.shape
    options = [(r, c) for r in range(rows) for c in range(columns) if np.isfinite(cost[r, c])]
    for n in range(1, min(rows, columns) + 1):
        for chosen in itertools.combinations(options, n):
            if len({r for r, _ in chosen}) == len({c for _, c in chosen}) == n:
                total = sum(cost[pair] for pair in chosen)
                if n > best[0] or total < best[1]:
                    best = (n, total, set(chosen))
    return best[2]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_assignment_of_many_problems_is_the_best_of_all_combinations(seed, problems, rows, columns):
    rng = np.random.default_rng(seed)
    costs = rng.random((problems, rows, columns))
    costs[rng.random(costs.shape) < 0.6] = np.inf
    problem, row, column = np.nonzero(np.isfinite(costs))
    chosen, left = smallest_total(
        problem * 10 + row, problem * 10 + column, costs[problem, row, column], problem)
    found = {(problem[i], row[i], column[i]) for i in chosen}
    for number in left:
        found |= {(number, r, c) for r, c in zip(*hungarian(costs[number]))}
    assert found == {(p, *pair) for p in range(problems) for pair in most_pairs_smallest_total(costs[p])}


def test_ties_are_left_to_the_hungarian_algorithm():
    chosen, left = smallest_total(np.array([0, 0, 5]), np.array([0, 1, 9]), np.array([0.3, 0.3, 0.1]),
                                  np.array([7, 7, 8]))
    assert left.tolist() == [7] and chosen.tolist() == [2]


def walk(lengths=(6, ), people=2, speed=3.0):
    """People who walk at constant speed, found exactly."""
    videos = {}
    for number, length in enumerate(lengths, 1):
        images, truth, found = [image(number, t, length) for t in range(length)], [], []
        for t, p in itertools.product(range(length), range(people)):
            joints = np.stack([np.arange(17.0) * 3, np.arange(17.0)**2], axis=1)
            joints += [p * 900 + speed * t + 50, 60]
            truth.append(person(images[t]['id'], p, joints, ALL, [0, 0, 30, 40]))           # head size 30
            found.append(person(images[t]['id'], p, joints, ALL, scores=np.full(17, 0.9)))
        videos[f'v{number}'] = ({'images': images, 'annotations': truth, 'categories': category()},
                                {'images': images, 'annotations': found, 'categories': category()})
    return videos


def test_the_last_frame_is_left_out_with_the_quirks_only():
    frames = frames_of(walk((6, 4)))
    assert posetrack_mot(frames).objects.tolist() == [[10] * 15, [6] * 15]
    assert posetrack_mot(frames, poseval_compat=False).objects.tolist() == [[12] * 15, [8] * 15]


def test_an_empty_frame_is_one_miss_and_one_false_positive_with_the_quirks_only():
    videos = walk((6, ))
    pred = videos['v1'][1]
    gone = pred['images'][2]['id']
    pred['annotations'] = [entry for entry in pred['annotations'] if entry['image_id'] != gone]
    figures = figures_of(videos)
    assert figures['per_joint']['misses'].tolist() == [1] * 15
    assert figures['per_joint']['false_positives'].tolist() == [1] * 15
    assert figures['per_joint']['objects'].tolist() == [9] * 15
    corrected = figures['corrected']['per_joint']
    assert corrected['misses'].tolist() == [2] * 15 and not corrected['false_positives'].any()
    assert corrected['objects'].tolist() == [12] * 15


def test_motp_counts_distances_twice_with_the_quirks_only():
    videos = walk((6, ))
    for entry in videos['v1'][1]['annotations']:
        entry['keypoints'][0::3] = [x + 3 for x in entry['keypoints'][0::3]]      # a tenth of the head
    figures = figures_of(videos)
    assert figures['MOTP']['mean'] == pytest.approx(80)
    assert figures['corrected']['MOTP']['mean'] == pytest.approx(90)


def test_an_exchange_of_tracks_is_a_switch_each():
    videos = walk((6, ))
    pred = videos['v1'][1]
    for entry in pred['annotations']:
        if entry['image_id'] >= pred['images'][3]['id']:
            entry['track_id'] = 1 - entry['track_id']
    figures = figures_of(videos)
    assert figures['switches'] == 30 and figures['per_joint']['switches'].tolist() == [2] * 15
    assert figures['MOTA']['mean'] == pytest.approx(80)


def test_joint_without_ground_truth_is_undefined_and_left_out_of_the_mean():
    videos = walk((6, ))
    gt, pred = videos['v1']
    for entry in gt['annotations']:
        entry['keypoints'][:3] = [0, 0, 0]                                                  # nose
    for entry in pred['annotations']:
        entry['keypoints'][-3:] = [0, 0, 0]                                                 # right ankle
    figures = figures_of(videos)
    assert np.isnan(figures['per_joint']['AP'][13]) and figures['per_joint']['AP'][0] == 0
    assert np.isnan(figures['AP']['Head']) and figures['AP']['Ankl'] == 50
    assert figures['AP']['mean'] == pytest.approx(1300 / 14)
    assert figures_of(videos, poseval_compat=False)['AP']['Head'] == 100


def test_jitter_of_steady_walking_is_nil_and_of_a_jolt_as_computed_by_hand():
    videos = walk((6, ), people=1, speed=5.0)
    assert posetrack_jitter(frames_of(videos)).error.tolist() == pytest.approx([0.0] * 15, abs=1e-12)
    entry = videos['v1'][1]['annotations'][3]
    entry['keypoints'][1::3] = [y + 6 for y in entry['keypoints'][1::3]]
    jitter = posetrack_jitter(frames_of(videos))
    # Accelerations at t = 2, 3, 4 are off by 6, 12, 6 px; four triples of frames.
    assert jitter.count.tolist() == [4] * 15
    assert jitter.error_px == pytest.approx([6.0] * 15) and jitter.error == pytest.approx([0.2] * 15)


def test_jitter_needs_three_frames_in_a_row():
    videos = walk((6, ), people=1)
    gt = videos['v1'][0]
    gone = {gt['images'][t]['id'] for t in (2, 4)}
    gt['annotations'] = [entry for entry in gt['annotations'] if entry['image_id'] not in gone]
    assert posetrack_jitter(frames_of(videos)).count.tolist() == [0] * 15


def test_jitter_follows_predicted_tracks_where_the_ground_truth_has_none():
    videos = walk((5, ))
    with_tracks = posetrack_jitter(frames_of(videos))
    for entry in videos['v1'][0]['annotations']:
        del entry['track_id']
    assert posetrack_jitter(frames_of(videos)).count.tolist() == with_tracks.count.tolist() == [6] * 15
    for entry in videos['v1'][1]['annotations']:
        del entry['track_id']
    assert 'jitter' not in figures_of(videos)


def test_scipy_is_imported_only_where_tracking_is_ambiguous():
    import subprocess
    import sys
    code = ('import sys, made_videos, numpy as np\n'
            'made_videos.figures_of(made_videos.make_tidy(np.random.default_rng(0), 2))\n'
            "print(sorted({'scipy.optimize', 'torch', 'mmengine', 'mmcv', 'mmpose'} & set(sys.modules)))")
    here = str(next(p for p in sys.path if p.endswith('test_posetrack')))
    code = f'import sys; sys.path[:0] = {[here] + sys.path!r}\n' + code
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
    assert make_tidy(np.random.default_rng(0), 1)
