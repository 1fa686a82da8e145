"""Scores of lifted clips by the papers' protocol."""
import numpy as np
import pytest
from mmpose.evaluation.functional import keypoint_mpjpe

from mmpose_gss.evaluation import PoseLiftingMetric
from mmpose_gss.evaluation.lifting import procrustes


def clip(pred, truth, frames, action='Walking', sequence='a', visible=None):
    visible = np.ones(truth.shape[:2]) if visible is None else visible
    return dict(pred_instances=dict(keypoints=pred), frame_ids=frames, action=action, sequence=sequence,
                gt_instances=dict(lifting_target=truth, lifting_target_visible=visible))


def test_scores_equal_mmposes_on_one_action():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.3, (8, 17, 3))
    pred = truth + rng.normal(0, 0.05, truth.shape)
    truth -= truth[:, :1]
    pred -= pred[:, :1]
    metric = PoseLiftingMetric(scores=('mpjpe', 'p-mpjpe', 'mpjve', 'pck', 'auc'))
    metric.process(None, [clip(pred, truth, np.arange(8))])
    got = metric.compute_metrics(metric.results)
    mask = np.ones((8, 17), bool)
    assert got['MPJPE'] == pytest.approx(1000 * keypoint_mpjpe(pred, truth, mask))
    assert got['P-MPJPE'] == pytest.approx(1000 * keypoint_mpjpe(pred, truth, mask, 'procrustes'))
    moved = np.linalg.norm((pred[1:] - pred[:-1]) - (truth[1:] - truth[:-1]), axis=-1)
    assert got['MPJVE'] == pytest.approx(1000 * moved.mean())
    errors = 1000 * np.linalg.norm(pred - truth, axis=-1)
    assert got['PCK'] == pytest.approx(100 * (errors < 150).mean())
    assert got['AUC'] == pytest.approx(100 * np.mean([(errors < 5 * i).mean() for i in range(31)]))
    assert got['MPJPE_Walking'] == got['MPJPE']


def test_overlaps_actions_skipped_and_unseen_frames():
    truth = np.zeros((4, 17, 3))
    truth[:, :, 1] = np.arange(17)

    def off(millimetres):
        pred = truth.copy()
        pred[:, 1:, 0] += np.asarray(millimetres)[:, None] / 1000 * 17 / 16
        return pred

    metric = PoseLiftingMetric(scores=('mpjpe', ), skip_list=('skipped', ))
    unseen = np.ones((4, 17))
    unseen[3] = 0
    metric.process(None, [
        clip(off([10, 20, 30, 40]), truth, np.arange(0, 4)),
        clip(off([50, 60, 70, 80]), truth, np.arange(2, 6)),
        clip(off([100] * 4), truth, np.arange(6, 10), action='Eating'),
        clip(off([7, 7, 7, 999]), truth, np.arange(10, 14), action='Eating', visible=unseen),
        clip(off([999] * 4), truth, np.arange(14, 18), sequence='skipped')])
    got = metric.compute_metrics(metric.results)
    walking = np.mean([10, 20, (30 + 50) / 2, (40 + 60) / 2, 70, 80])
    eating = (4 * 100 + 3 * 7) / 7
    assert got['MPJPE_Walking'] == pytest.approx(walking) and got['MPJPE_Eating'] == pytest.approx(eating)
    assert got['MPJPE'] == pytest.approx((walking + eating) / 2)
    stretched = PoseLiftingMetric(scores=('mpjve', ))
    stretched.process(None, [clip(off([0, 0, 10, 30]), truth, np.array([0, 0, 1, 2]))])
    assert stretched.compute_metrics(stretched.results)['MPJVE'] == pytest.approx((10 + 20) / 2)
    with pytest.raises(ValueError, match='no clip was scored'):
        metric.compute_metrics([])
    with pytest.raises(ValueError, match='scores must be some of'):
        PoseLiftingMetric(scores=('pckh', ))
    with pytest.raises(ValueError, match='meta_keys'):
        metric.process(None, [dict(pred_instances={})])


def test_alignment_of_degenerate_poses():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(3, 17, 3))
    mirrored = truth * [-1, 1, 1]
    assert np.linalg.norm(procrustes(mirrored, truth) - truth, axis=-1).mean() > 0.05  # no reflection
    point = procrustes(np.zeros((3, 17, 3)), truth)
    np.testing.assert_allclose(point, np.repeat(truth.mean(axis=1, keepdims=True), 17, axis=1))
