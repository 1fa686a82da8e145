"""What the public evaluator gives for files: to 1e-6, every counter exactly."""
import json

import numpy as np
import pytest

from mmpose_gss.evaluation.posetrack import load_frames, posetrack_figures

CASES = ('03_easy', '10_ignore_edges', '16_category_order')


@pytest.fixture(params=CASES)
def case(request, testdata):
    folder = testdata / 'posetrack_oracle' / request.param
    if not folder.is_dir():
        pytest.skip(f'no real samples: no reference case at {folder}')
    expected = json.loads((folder / 'expected.json').read_text())
    return posetrack_figures(load_frames(str(folder / 'gt'), str(folder / 'pred'))), expected


def test_ap(case):
    figures, expected = case
    assert figures['frames'] == expected['frames_evaluated']
    for group, value in expected['ap_unrounded'].items():
        assert figures['AP'][group] == pytest.approx(value, abs=1e-9), group
    per_joint = expected['per_joint']
    assert figures['per_joint']['names'] == per_joint['names']
    for ours, theirs in (('AP', 'ap'), ('precision', 'precision'), ('recall', 'recall')):
        assert figures['per_joint'][ours] == pytest.approx(per_joint[theirs], abs=1e-9), ours
    for ours, theirs in (('num_gt', 'n_gt'), ('num_pred', 'n_pred'), ('num_tp', 'n_tp')):
        assert figures['per_joint'][ours].tolist() == per_joint[theirs], ours


def test_mot(case):
    figures, expected = case
    mot = expected['mot']
    pairs = (('MOTA', 'mota'), ('MOTP', 'motp'), ('MOT_precision', 'pre'), ('MOT_recall', 'rec'))
    for ours, theirs in pairs:
        for group, value in mot[theirs].items():
            assert figures[ours][group] == pytest.approx(value, abs=1e-6), (ours, group)
        assert figures['per_joint'][ours] == pytest.approx(mot['per_joint'][theirs], abs=1e-9), ours
    for name in ('misses', 'switches', 'false_positives', 'objects'):
        assert figures['per_joint'][name].tolist() == mot['per_joint'][name], name


def test_official_files_as_their_own_prediction(testdata):
    folder = str(testdata / 'posetrack18' / 'annotations' / 'val')
    figures = posetrack_figures(load_frames(folder, folder))
    assert any('no "scores"' in note for note in figures['notes'])
    assert any('single annotated frame' in note for note in figures['notes'])
    assert set(figures['AP'].values()) == {100.0}
    assert figures['MOTA'] is None and figures['corrected']['MOTA']['mean'] == 100.0
    assert np.isnan(figures['jitter']['mean'])
