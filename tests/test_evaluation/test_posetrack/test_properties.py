"""PoseTrack's AP and MOTA on random data: equal to the plain rules, and what must change nothing."""
import copy
import json
import warnings

import numpy as np
import plain_posetrack as plain
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_videos import figures_of, make_hard, make_tidy

SEEDS = st.integers(0, 2**32 - 1)
VIDEOS = st.integers(1, 3)
BOUNDED = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def same(ours, theirs, tolerance=1e-9):
    """Dicts of figures are equal, NaN to NaN."""
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(value, abs=tolerance, nan_ok=True), key


def quiet(videos, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return figures_of(videos, **kwargs)


@BOUNDED
@given(SEEDS, VIDEOS)
def test_ap_equals_the_plain_rules(seed, videos):
    made = make_hard(np.random.default_rng(seed), videos)
    figures = quiet(made, metrics=('AP', ))
    expected = plain.average_precision([plain.read_video(*pair) for pair in made.values()])
    for name, values in zip(('AP', 'precision', 'recall'), expected):
        same(figures[name], plain.grouped(values))
        assert figures['per_joint'][name] == pytest.approx(list(values.values()), abs=1e-9, nan_ok=True)


@BOUNDED
@given(SEEDS, VIDEOS)
def test_mota_equals_the_plain_rules(seed, videos):
    made = make_hard(np.random.default_rng(seed), videos)
    figures = quiet(made)
    sequences = [plain.read_video(*pair) for pair in made.values()]
    for compat, ours in ((True, figures), (False, figures['corrected'])):
        if compat and any(len(sequence) == 1 for sequence in sequences):
            assert ours['MOTA'] is None and ours['switches'] is None
            continue
        totals = plain.count_tracking(sequences, compat)
        for key, counter in (('misses', 'miss'), ('switches', 'switch'), ('false_positives', 'fp'),
                             ('objects', 'objects')):
            assert ours['per_joint'][key].tolist() == [totals[joint][counter] for joint in plain.JOINTS], key
        for name, values in zip(('MOTA', 'MOTP'), plain.tracking_figures(totals, compat)):
            assert ours['per_joint'][name] == pytest.approx(list(values.values()), abs=1e-9, nan_ok=True)
            if compat:
                same(ours[name], plain.grouped(values))


@BOUNDED
@given(SEEDS, VIDEOS)
def test_order_of_people_and_of_videos_does_not_matter(seed, videos):
    rng = np.random.default_rng(seed)
    made = make_tidy(rng, videos)
    before = quiet(made)
    for data in (data for pair in made.values() for data in pair):
        data['annotations'] = [data['annotations'][i] for i in rng.permutation(len(data['annotations']))]
    names = list(made)
    after = quiet({name: made[name] for name in rng.permutation(names)})
    for key in ('AP', 'precision', 'recall', 'MOTA', 'MOTP', 'jitter'):
        same(after[key], before[key])
    assert after['switches'] == before['switches']


@BOUNDED
@given(SEEDS)
def test_order_of_frames_of_different_videos_does_not_matter_to_ap(seed):
    rng = np.random.default_rng(seed)
    made = make_tidy(rng, 3)
    before = quiet(made, metrics=('AP', ))
    frames = [(pair[0]['images'][i], pair) for pair in made.values() for i in range(len(pair[0]['images']))]
    frames = [frames[i] for i in rng.permutation(len(frames))]
    mixed = {}
    for name, part in zip('ab', (frames[::2], frames[1::2])):
        for role in (0, 1):
            images = [{'id': image['id']} for image, _ in part]
            people = [entry for image, pair in part for entry in pair[role]['annotations']
                      if entry['image_id'] == image['id']]
            mixed.setdefault(name, []).append(
                {'images': images, 'annotations': people, 'categories': part[0][1][role]['categories']})
    after = quiet(mixed, metrics=('AP', ))
    for key in ('AP', 'precision', 'recall'):
        same(after[key], before[key])


@BOUNDED
@given(SEEDS, VIDEOS, st.sampled_from([2.0**-20, 0.37, 3.0, 1e6]), st.floats(-5, 5))
def test_scale_of_scores_does_not_matter(seed, videos, factor, offset):
    made = make_hard(np.random.default_rng(seed), videos)
    before = quiet(made, metrics=('AP', ))
    for _, pred in made.values():
        for entry in pred['annotations']:
            entry['scores'] = [factor * (score + offset) for score in entry['scores']]
    same(quiet(made, metrics=('AP', ))['AP'], before['AP'])


@BOUNDED
@given(SEEDS, VIDEOS)
def test_perfect_prediction_is_100(seed, videos):
    made = make_tidy(np.random.default_rng(seed), videos)
    for name, (gt, _) in made.items():
        pred = copy.deepcopy(gt)
        for entry in pred['annotations']:
            entry['scores'] = [0.5] * 17
        made[name] = (gt, pred)
    figures = quiet(made)
    for key in ('AP', 'precision', 'recall', 'MOTA'):
        assert set(figures[key].values()) == {100.0}, key
    assert figures['switches'] == 0 and figures['jitter']['mean'] in (0.0, pytest.approx(np.nan, nan_ok=True))
    assert set(figures['corrected']['MOTA'].values()) == {100.0}
    assert set(figures['corrected']['MOTP'].values()) == {100.0}


@settings(BOUNDED, max_examples=8)
@given(SEEDS)
def test_a_video_for_itself_is_as_if_alone(seed):
    from made_videos import frames_of

    from mmpose_gss.evaluation.posetrack import per_video_figures
    made = make_hard(np.random.default_rng(seed), 3)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        figures = per_video_figures(frames_of(made))
    for name, video in figures.items():
        alone = quiet({name: made[name]})
        same(video['AP'], alone['AP'])
        assert json.dumps(video['corrected']['MOTA']) == json.dumps(alone['corrected']['MOTA'])
