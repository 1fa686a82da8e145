"""The comparison on labelled video: parts of a fold, errors, report, and a run at toy size."""
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('mmpose')

PROJECT = Path(__file__).resolve().parents[2] / 'projects' / 'real_video'
sys.path.insert(0, str(PROJECT))

import compare_real_video as tool  # noqa: E402
from mmpose.registry import KEYPOINT_CODECS  # noqa: E402
from real_video.folds import errors_of, parts_of  # noqa: E402
from real_video.report import Table, interval, report  # noqa: E402
from real_video.settings import Settings  # noqa: E402
from real_video.windows import Source, merged, scale_points  # noqa: E402

from mmpose_gss.errors import UserError  # noqa: E402


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Nine clips of a bright disc that moves; its edges are the labels."""
    out = tmp_path_factory.mktemp('discs')
    lines = ['video,frame,left_x,left_y,right_x,right_y']
    for number in range(9):
        writer = cv2.VideoWriter(str(out / f'c{number}.avi'), cv2.VideoWriter_fourcc(*'FFV1'), 25, (96, 72))
        for frame in range(12):
            image = np.full((72, 96, 3), 40, np.uint8)
            x, y = 30 + 3 * frame, 20 + 3 * number
            cv2.circle(image, (x, y), 10, (200, 200, 200), -1)
            writer.write(image)
            if frame in (5, 9):
                lines.append(f'c{number}.avi,{frame},{x - 10},{y},{x + 10},{y}')
        writer.release()
    (out / 'index.csv').write_text('\n'.join(lines) + '\n')
    (out / 'points.json').write_text('{"scale": ["left", "right"]}')
    return out


def test_parts_share_no_speaker(folder, tmp_path):
    source = Source(folder, tmp_path, Settings().toy(), [('c7', 'c8')])
    assert len(set(source.groups)) == 8 and source.scale == (0, 1)
    tested = []
    for fold in range(4):
        parts = parts_of(source, 4, fold, seed=3)
        speakers = [{source.groups[i] for i in rows} for rows in parts.values()]
        assert all(speakers) and not speakers[0] & speakers[1]
        assert not (speakers[0] | speakers[1]) & speakers[2]
        assert sum(map(len, parts.values())) == 18
        tested += parts['test']
    assert sorted(tested) == list(range(18))


def test_exact_heatmaps_have_no_error_and_boxes_do_not_follow_labels(folder, tmp_path):
    settings = Settings(input_size=(96, 80))
    source = Source(folder, tmp_path, settings)
    windows = source.cut(range(18))
    assert errors_of(windows.heatmaps, windows, settings).max() < 0.6
    assert len({tuple(place.flatten()) for place in windows.to_video}) == 1  # the whole frame
    jittered = source.cut(range(18), copies=2, seed=1)
    assert len(jittered) == 36
    codec = KEYPOINT_CODECS.build(settings.codec)
    # The labels move with the picture.
    for image, heatmaps in zip(jittered.images[:, 2, 0], jittered.heatmaps):
        x, y = codec.decode(heatmaps.numpy())[0][0].mean(0).round().astype(int)
        if 2 < x < 93 and 2 < y < 77:
            assert image[y - 1:y + 2, x - 1:x + 2].float().mean() > 150
    assert len({tuple(place.flatten()) for place in jittered.to_video}) > 30


def test_run_resume_and_faults(folder, tmp_path, capsys):
    out = tmp_path / 'results.json'
    options = [str(folder), '--toy', '--folds', '3', '--cache', str(tmp_path / 'cache'), '--out', str(out),
               '--systems', 'single', 'single-retrained', 'concat-1', 'concat-5', 'glsmamba-5', 'sdtc-5']
    tool.main([*options, '--seeds', '1'])
    text = capsys.readouterr().out
    results = json.loads(out.read_text())
    assert out.with_suffix('.md').read_text() in text and len(results['runs']) == 3
    assert '1 seeds × 3 folds, 18 labelled frames of 9 speakers' in text
    for wanted in ('ConcatConv, T = 5 − ConcatConv, T = 1', 'of the distance from left to right',
                   'SDTC, T = 5'):
        assert wanted in text
    for run in results['runs']:
        assert run['scale'] == pytest.approx([20.0] * 6)
        assert np.isfinite(np.array(run['systems']['concat-5']['errors'], dtype=float)).all()
        assert run['systems']['concat-5']['change'] > 0 and 'change' not in run['systems']['concat-1']
    tool.main([*options, '--seeds', '1'])  # nothing is left to do
    assert json.loads(out.read_text()) == results
    with pytest.raises(SystemExit, match='error: .*other settings or systems'):
        tool.main([*options, '--stride', '2'])
    with pytest.raises(SystemExit, match='error: .*index.csv does not exist'):
        tool.main([str(tmp_path)])
    with pytest.raises(SystemExit, match="error: --scale names 'nose'"):
        tool.main([*options, '--scale', 'nose', 'left'])
    with pytest.raises(SystemExit, match='9 groups cannot be dealt into 20 folds'):
        tool.main([*options[:-7], '--out', str(tmp_path / 'x.json'), '--folds', '20'])


def made_run(seed, fold, groups, single, window):
    systems = {'mean-pose': dict(errors=[[9.0, 9.0]] * len(groups)),
               'single-retrained': dict(errors=[[single, None]] * len(groups)),
               'concat-5': dict(errors=[[window, window]] * len(groups), change=0.1,
                                still=[[single, single]] * len(groups))}
    return dict(seed=seed, fold=fold, groups=groups, scale=[50.0] * len(groups), systems=systems)


def test_report_counts_whole_seeds_and_pairs():
    runs = [made_run(0, 0, ['a', 'b'], 4.0, 3.0), made_run(0, 1, ['c'], 6.0, 7.0),
            made_run(1, 0, ['a', 'c'], 4.0, 3.0)]
    table = Table(runs, 2)
    assert table.seeds == [0] and table.groups == ['a', 'b', 'c']
    np.testing.assert_allclose(table.means('single-retrained', False), [[4, 4, 6]])
    np.testing.assert_allclose(table.means('single-retrained', True), [[8, 8, 12]])
    text = report(dict(settings=dict(folds=2), titles={'single-retrained': 'single', 'concat-5': 'window'},
                       scale='mouth width', notes=['Some notes.'], runs=runs))
    assert '| window − single | -0.33 [' in text and '2 of 3 speakers | 1 of 1 |' in text
    assert '1 folds of a further seed are done and not counted' in text and '% of mouth width' in text
    partial = report(dict(settings=dict(folds=2), titles={}, scale='x', notes=[], runs=runs[:1]))
    assert 'NOT COMPLETE: 1 of 2 folds of the first seed' in partial
    mean, low, high = interval(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))
    assert mean == 2 and 1 <= low < 2 < high <= 3


def test_names():
    assert merged('TalFile159', [('TalFile*', '051_aud')]) == merged('051_aud', [('TalFile*', '051_aud')])
    assert merged('052_aud', [('TalFile*', '051_aud')]) == '052_aud'
    assert scale_points({}, ('leftLip', 'x', 'rightLip')) == (0, 2) and scale_points({}, ('a', 'b')) is None
    with pytest.raises(UserError, match='--scale names'):
        scale_points({}, ('a', 'b'), ('a', 'c'))
