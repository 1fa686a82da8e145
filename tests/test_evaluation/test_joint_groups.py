"""AP of groups of joints."""
import numpy as np

from mmpose_gss.evaluation.joint_groups import (
    JointTruth,
    average_precision,
    clip_weights,
    group_ap,
    track_speed,
    with_interval,
)


def slow_ap(score, right):
    """AP by its definition: at every hit the best precision of this or any longer list."""
    order = np.argsort(-score, kind='stable')
    right = right[order]
    precision = [right[:n + 1].mean() for n in range(len(right))]
    return 100 * sum(max(precision[n:]) for n in np.flatnonzero(right)) / len(right)


def test_average_precision_by_definition_and_weights_by_repetition():
    rng = np.random.default_rng(0)
    for _ in range(20):
        score, right = rng.random(15), rng.random(15) < 0.5
        assert np.isclose(average_precision(score, right, np.ones((1, 15)))[0], slow_ap(score, right))
    times = rng.integers(0, 3, 15)
    repeated = slow_ap(np.repeat(score, times), np.repeat(right, times))
    assert np.isclose(average_precision(score, right, times[None].astype(float))[0], repeated)


def test_groups_are_what_is_annotated():
    joints = np.zeros((2, 3, 2))
    truth = JointTruth(
        joints, np.array([[True, True, False], [True, True, True]]), np.array([10., 20.]), np.array([0, 1]),
        hidden=np.array([[True, False, True], [False, False, False]]), speed=np.full((2, 3), 8.))
    groups = truth.groups()
    assert list(groups) == ['all', 'in view', 'hidden', 'slow', 'fast']
    assert groups['hidden'].tolist() == [[True, False, False], [False, False, False]]
    assert groups['fast'].tolist() == [[True, True, False], [False] * 3]  # 0.8 and 0.4 head sizes a frame
    assert truth.right(joints + [3, 4]).tolist() == [[True] * 3, [True] * 3]
    assert truth.right(joints + [6, 0]).tolist() == [[False] * 3, [True] * 3]


def test_speed_comes_from_a_persons_neighbouring_frames():
    keypoints = np.zeros((5, 1, 2))
    keypoints[:, 0, 0] = [0, 4, 7, 100, 50]
    annotated = np.ones((5, 1), dtype=bool)
    speed = track_speed(keypoints, annotated, [0, 0, 0, 0, 1], [1, 1, 1, 2, 1], [0, 2, 3, 1, 1])[:, 0]
    assert speed[:3].tolist() == [2., 2.5, 3.] and np.isnan(speed[3:]).all()


def test_a_group_without_joints_has_no_figure():
    weight = clip_weights(np.array([0, 0, 1]), 50)
    assert weight.shape == (51, 3) and (weight[0] == 1).all() and (weight[:, 0] == weight[:, 1]).all()
    score, right = np.ones((3, 2)), np.array([[True, False]] * 3)
    everything = np.ones((3, 2), dtype=bool)
    assert with_interval(group_ap(score, right, everything, weight)) == [50., 50., 50.]
    assert with_interval(group_ap(score, right, ~everything, weight)) == [None] * 3
