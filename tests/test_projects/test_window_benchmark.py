"""The benchmark of windows at toy size: one row, its report, and that a second run gives the same."""
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

BENCHMARK = Path(__file__).resolve().parents[2] / 'projects' / 'synthetic_posetrack' / 'benchmark'
sys.path.insert(0, str(BENCHMARK))

from window_benchmark import scores  # noqa: E402
from window_benchmark.files import digest, whole  # noqa: E402
from window_benchmark.report import COLUMNS  # noqa: E402
from window_benchmark.rows import CLAIMS, CORE, table  # noqa: E402
from window_benchmark.scores import Found, interval  # noqa: E402
from window_benchmark.smoothing import smooth, weights_of  # noqa: E402


@pytest.fixture(scope='module')
def tool():
    """The benchmark's command as a module."""
    spec = importlib.util.spec_from_file_location('run_window_benchmark', BENCHMARK / 'run.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def made(tool, tmp_path_factory):
    """A folder in which the single frame and one row have been run with two seeds."""
    work_dir = tmp_path_factory.mktemp('benchmark')
    for name in ('single-retrained', 'concat-5'):
        tool.main([str(work_dir), 'row', name, '--seeds', '0', '1', '--toy'])
    return work_dir


def results(work_dir, name='concat-5'):
    """Seed -> figures of a row."""
    found = {path.parent.name: json.loads(path.read_text())
             for path in sorted(work_dir.glob(f'toy-*/runs/{name}-*/*/result.json'))}
    assert found
    return found


def test_a_row_gives_every_figure(made):
    for result in results(made).values():
        assert set(result['ap']) == set(result['ap_still']) == set(scores.GROUPS)
        assert 0 <= result['ap']['all'] <= 100
        assert result['params'] > 0 and result['macs'] > 1e6
        assert result['milliseconds'] > 0 and result['minutes'] > 0
        assert np.isfinite(result['jitter']) and np.isfinite(result['change'])
        assert len(result['curve']) == 6


def test_the_report_has_its_columns_and_says_what_was_not_run(tool, made):
    tool.main([str(made), 'report', '--seeds', '0', '1', '--toy'])
    report = next(made.glob('toy-*/report/report.md'))
    text = report.read_text()
    header = next(line for line in text.splitlines() if line.startswith('| row |'))
    assert header == '| ' + ' | '.join(COLUMNS) + ' |'
    row = next(line for line in text.splitlines() if line.startswith(f'| {table()["concat-5"].title} |'))
    assert len(row.split('|')) == len(COLUMNS) + 2
    assert 'control: ConcatConv T = 5 above the retrained single frame' in text
    assert '* concat-7' in text[text.index('## Not run'):]
    assert {path.name for path in report.parent.iterdir()} >= {
        'costs.png', 'curves.png', 'failures.jpg', 'gains.jpg', 'side_by_side.jpg', 'side_by_side.mp4'}


def test_the_same_seed_gives_the_same_poses(tool, made):
    """Stricter than equal AP, which at toy size would say little."""
    path = next(made.glob('toy-*/runs/concat-5-*/seed1/found.npz'))
    before = dict(np.load(path))
    tool.main([str(made), 'row', 'concat-5', '--seeds', '1', '--again', '--toy'])
    after, other = np.load(path), np.load(path.parents[1] / 'seed0' / 'found.npz')
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, atol=1e-4)
        assert not np.allclose(other[name], value, atol=1e-4)


def test_finished_runs_are_not_made_again(tool, made):
    path = next(made.glob('toy-*/runs/concat-5-*/seed0/result.json'))
    before = path.stat().st_mtime_ns
    tool.main([str(made), 'row', 'concat-5', '--seeds', '0', '--toy'])
    assert path.stat().st_mtime_ns == before


def test_an_exported_row_is_a_model_of_the_package(tool, made):
    from mmengine.config import Config
    from mmpose.registry import MODELS

    from mmpose_gss.engine.checkpoint import load_checkpoint
    tool.main([str(made), 'export', 'concat-5', '--seeds', '1', '--toy'])
    folder = next(made.glob('toy-*/export'))
    model = MODELS.build(Config.fromfile(folder / 'concat-5.py').model).eval()
    load_checkpoint(model, folder / 'concat-5.pth')
    runs = tool.Runs(tool.Data(made, tool.TOY, print), table())
    images = torch.randn(1, 7, 3, 96, 64)
    with torch.no_grad():
        feats = model.backbone(images.flatten(0, 1))[0][None]
        torch.testing.assert_close(model(images[:, 1:6], None, mode='tensor'),
                                   runs.system('concat-5', 1)(feats))
    with pytest.raises(ValueError, match='smooths poses'):
        tool.main([str(made), 'export', 'single-gaussian', '--toy'])
    with pytest.raises(ValueError, match='belongs to the benchmark'):
        tool.main([str(made), 'export', 'linear-5', '--toy'])


def test_an_unknown_row_is_one_sentence(tool, made):
    with pytest.raises(ValueError, match='there is no row "concat-4"; choose one of single, '):
        tool.main([str(made), 'row', 'concat-4', '--toy'])


@pytest.mark.parametrize('options', [['row'], ['all', 'concat-5'], ['all', '--share', '2/2']])
def test_wrong_usage_is_refused(tool, tmp_path, options):
    with pytest.raises(SystemExit) as stop:
        tool.parse_args([str(tmp_path), *options])
    assert stop.value.code == 2


def test_rows_name_rows_that_exist():
    rows = table()
    assert set(CORE) <= set(rows)
    for row in rows.values():
        assert set(row.versus) <= set(rows)
    for claim in CLAIMS:
        assert {claim.row, claim.other} <= set(rows)
    assert len({row.title for row in rows.values()}) == len(rows)


def test_fingerprints_follow_the_configuration_only():
    from dataclasses import replace
    row = table()['concat-5']
    assert replace(row, title='x', versus=()).fingerprint == row.fingerprint
    assert len({replace(row, **change).fingerprint
                for change in ({}, dict(lr=9e-4), dict(iterations=5), dict(frames=3), dict(head_lr=1.))}) == 5
    assert digest(dict(a=(1, 2), b=3)) == digest(dict(b=3, a=[1, 2]))


def test_half_written_results_do_not_count(tmp_path):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'old').write_text('old')
    with pytest.raises(RuntimeError), whole(tmp_path / 'run') as partial:
        partial.mkdir()
        (partial / 'new').write_text('half')
        raise RuntimeError
    assert [path.name for path in tmp_path.rglob('*') if path.is_file()] == ['old']
    with whole(tmp_path / 'run') as partial:
        partial.mkdir()
        (partial / 'new').write_text('whole')
    assert [path.name for path in tmp_path.rglob('*') if path.is_file()] == ['new']


def test_average_precision_equals_a_plain_loop_and_repeats_count():
    rng = np.random.default_rng(0)
    score, right = rng.permutation(40) / 40, rng.random(40) < 0.5
    once = scores.average_precision(score, right, np.ones((1, 40)))[0]
    order = np.argsort(-score)
    precision = [right[order][:i + 1].mean() for i in range(40)]
    plain = np.mean([max(precision[i:]) for i in range(40) if right[order][i]]) * right.mean() * 100
    assert once == pytest.approx(plain, abs=1e-9)
    weight = rng.integers(0, 3, 40)
    repeated = np.repeat(np.arange(40), weight)
    value = scores.average_precision(score, right, weight[None].astype(float))[0]
    copied = scores.average_precision(score[repeated], right[repeated], np.ones((1, len(repeated))))[0]
    assert value == pytest.approx(copied, abs=1e-9) and abs(value - once) > 0.1


def test_jitter_is_the_acceleration_of_the_error():
    frames = np.arange(4)
    truth = SimpleNamespace(
        clip=np.array([1, 1, 1, 1]), person=np.zeros(4, int), frame=np.array([3, 4, 5, 8]),
        head_size=np.array([1., 2., 4., 1.]), annotated=np.ones((4, 17), bool))
    every = np.ones((4, 17, 2))
    steady = Found((3 * frames / truth.head_size)[:, None, None] * every, every[..., 0])
    assert scores.jitter(steady, truth) == pytest.approx(0)
    shaken = Found(np.array([0., 0.5, 0., 0.])[:, None, None] * np.array([1., 0.]) * every, every[..., 0])
    assert scores.jitter(shaken, truth) == pytest.approx(2 * 0.5)


def test_intervals_hold_the_truth_about_19_times_in_20():
    rng = np.random.default_rng(3)
    inside = 0
    for trial in range(200):
        clips = rng.normal(1., 2., 60)
        weight = scores.clip_draws(np.arange(60), 300, seed=trial)
        runs = [np.concatenate(([clips.mean()], weight @ clips / 60)) for _ in range(5)]
        mean, low, high = interval(runs)
        assert low < mean < high
        inside += low <= 1. <= high
    assert 180 <= inside <= 198


def test_smoothing_keeps_straight_motion_and_calms_noise():
    rng = np.random.default_rng(1)
    line = np.arange(5)[None, :, None, None] * np.array([1., -2.]) + np.zeros((1, 5, 3, 1))
    for weight in (weights_of(5, 'gaussian', sigma=1.), weights_of(5, 'savgol', order=2)):
        assert weight.sum() == pytest.approx(1)
        kept = smooth(line, np.ones((1, 5, 3)), weight, trust=False)[0]
        np.testing.assert_allclose(kept, line[0, 2], atol=1e-9)
    noisy = rng.normal(size=(500, 5, 3, 2))
    assert smooth(noisy, np.ones((500, 5, 3)), weights_of(5, 'gaussian', sigma=1.), trust=False).std() < 0.7
    with pytest.raises(ValueError, match='"gaussian" or "savgol"'):
        weights_of(5, 'median')
