"""PCK of Sub-JHMDB against MMPose's own metric and against itself over splits."""
import json

import numpy as np
import pytest
from mmpose.evaluation.metrics import JhmdbPCKAccuracy

from mmpose_gss.registry import METRICS


def make_samples(count, seed, flat_torso=False, visible_rate=0.8):
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(count):
        gt = rng.uniform(20, 200, (1, 15, 2)).astype(np.float32)
        if flat_torso and i % 3 == 0:
            gt[0, 4] = gt[0, 5] + 0.3
        pred = gt + rng.normal(0, 25, gt.shape).astype(np.float32)
        visible = (rng.random((1, 15)) < visible_rate).astype(np.float32)
        visible[:, i % 15] = 1
        low = gt.min(axis=1)
        samples.append({
            'img_id': i, 'pred_instances': {'keypoints': pred},
            'gt_instances': {'keypoints': gt, 'keypoints_visible': visible,
                             'bboxes': np.concatenate([low, low + rng.uniform(60, 200, (1, 2))], axis=1)}})
    return samples


def evaluate(samples, **kwargs):
    metric = METRICS.build(dict(type='mmpose_gss.JHMDBPCKMetric', **kwargs))
    metric.process([], samples)
    return {key[len('jhmdb/'):]: value for key, value in metric.evaluate(len(samples)).items()}


@pytest.mark.parametrize('flat_torso', [False, True])
@pytest.mark.parametrize('thr', [0.2, 0.05])
def test_equals_mmpose(thr, flat_torso):
    samples = make_samples(60, seed=int(thr * 100), flat_torso=flat_torso)
    reference = JhmdbPCKAccuracy(thr=thr, norm_item=['bbox', 'torso'], prefix='m')
    reference.process([], samples)
    expected = {key[2:]: value for key, value in reference.evaluate(len(samples)).items()}
    figures = evaluate(samples, thr=thr)
    assert set(figures) == set(expected) and 0 < expected['PCK'] < 1
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, abs=1e-12), name


def test_perfect_prediction_is_one():
    samples = make_samples(8, seed=1)
    for sample in samples:
        sample['pred_instances']['keypoints'] = sample['gt_instances']['keypoints']
    assert set(evaluate(samples).values()) == {1.0}


def test_joint_that_is_never_annotated_is_left_out():
    samples = make_samples(5, seed=2, visible_rate=1.1)
    for sample in samples:
        sample['gt_instances']['keypoints_visible'][:, 7] = 0
    figures = evaluate(samples, norm_item='bbox')
    right_elbow_missing = figures['Elb PCK']
    for sample in samples:
        sample['gt_instances']['keypoints_visible'][:, 2] = 0
    assert np.isnan(evaluate(samples, norm_item='bbox')['Head PCK'])
    assert 0 <= right_elbow_missing <= 1 and 'tPCK' not in figures


def test_splits_meet_in_a_file(tmp_path):
    summary = tmp_path / 'sub' / 'pck.json'
    runs = []
    for split in (2, 1, 3):
        runs.append(evaluate(make_samples(12, seed=split), split=split, summary_file=str(summary)))
        assert ('mean PCK' in runs[-1]) == (split == 3)
    for name in ('PCK', 'tPCK', 'Wri PCK'):
        assert runs[-1][f'mean {name}'] == pytest.approx(np.mean([run[name] for run in runs]))
    assert set(json.loads(summary.read_text())) == {'split1', 'split2', 'split3', 'mean'}


def test_one_model_on_all_splits(tmp_path):
    samples = make_samples(30, seed=5)
    members, paths = [range(0, 12), range(8, 20), range(18, 30)], []
    for number, ids in enumerate(members, 1):
        paths.append(tmp_path / f'Sub{number}_test.json')
        paths[-1].write_text(json.dumps({'images': [{'id': i} for i in ids]}))
    figures = evaluate(samples, split_files=[str(path) for path in paths])
    each = [evaluate([samples[i] for i in ids]) for ids in members]
    for number, split in enumerate(each, 1):
        assert figures[f'split{number} PCK'] == split['PCK']
    assert figures['tPCK'] == pytest.approx(np.mean([split['tPCK'] for split in each]))


@pytest.mark.parametrize('kwargs, word', [
    (dict(norm_item='head'), 'norm_item'), (dict(split=4), 'split=4'),
    (dict(summary_file='a.json'), 'summary_file'), (dict(split=1, split_files=['a']), 'split_files'),
    (dict(split_files=['missing.json']), 'missing.json')])
def test_bad_arguments_are_named(kwargs, word):
    with pytest.raises(ValueError, match=word):
        METRICS.build(dict(type='mmpose_gss.JHMDBPCKMetric', **kwargs))


def test_wrong_number_of_joints_is_named():
    samples = make_samples(1, seed=0)
    samples[0]['pred_instances']['keypoints'] = np.zeros((1, 17, 2))
    with pytest.raises(ValueError, match='15 joints'):
        evaluate(samples)
