"""The comparison of lifters: windows, scores, and a run at toy size."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('mmpose')

PROJECT = Path(__file__).resolve().parents[2] / 'projects' / 'synthetic_posetrack'
sys.path.insert(0, str(PROJECT))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import compare_lifting as tool  # noqa: E402
from lifting_comparison import report as reports  # noqa: E402
from lifting_comparison.methods import METHODS, build_method  # noqa: E402
from lifting_comparison.training import Budget, predict, score, train  # noqa: E402
from lifting_comparison.views import Cameras, Layout, View, generated_views, h36m_layout  # noqa: E402
from lifting_comparison.windows import Windows, mirrored  # noqa: E402
from test_lifting_motion_file import NAMES, made_clips, write  # noqa: E402


def counting_views(lengths):
    """Views in which the second joint's x is the frame's number."""
    views = []
    for number, length in enumerate(lengths):
        joints = np.zeros((length, 17, 3), np.float32)
        joints[:, 1, 0] = np.arange(length) + 1000 * number
        views.append(View(f'clip{number}', joints[..., :2], joints))
    return views


@pytest.mark.parametrize('stride', [1, 9])
def test_windows_cover_every_frame_and_never_cross_views(stride):
    windows = Windows(counting_views([60, 20, 27, 1]), 27, stride, 0)
    tracks, poses = windows.batch(torch.arange(len(windows)))
    assert tracks.shape[1:] == (27, 17, 2) and poses.shape[1:] == (27, 17, 3)
    assert (poses[:, :, 1, 0] // 1000 == poses[:, :1, 1, 0] // 1000).all()
    seen = poses[:, 13, 1, 0] if stride == 1 else poses[:, :, 1, 0].flatten()
    wanted = {float(i + 1000 * n) for n, length in enumerate((60, 20, 27, 1)) for i in range(length)}
    assert set(seen.tolist()) == wanted
    if stride == 1:
        assert len(windows) == 108
    steps = poses[:, :, 1, 0].diff(dim=1)
    assert ((steps == 1) | (steps == 0)).all()


class Echo:
    """Predicts the truth, plus an error that grows with x."""
    frames, test_stride = 27, 9

    def __init__(self, layout, windows, offset):
        self.layout, self.windows, self.offset, self.at = layout, windows, offset, 0
        self.model = torch.nn.Identity()

    def predict(self, tracks):
        poses = self.windows.joints[self.windows.rows(torch.arange(self.at, self.at + len(tracks)))].clone()
        self.at += len(tracks)
        poses[..., 1:, :] += self.offset
        return poses


def test_scores_of_known_errors():
    layout = h36m_layout()
    views = generated_views('test', 2, 80, Cameras(views=2))
    windows = Windows(views, 27, 9, 0)
    exact = score(Echo(layout, windows, torch.zeros(3)), views)
    assert len(exact) == 2 and all(value < 1e-3 for clip in exact.values() for value in clip.values())
    moved = score(Echo(layout, windows, torch.tensor([0.03, 0.0, 0.04])), views)
    for clip in moved.values():
        assert clip['MPJPE'] == pytest.approx(50 * 16 / 17, rel=1e-4)
        assert 0 < clip['P-MPJPE'] < clip['MPJPE'] and clip['MPJVE'] < 1e-3


def test_a_mirror_exchanges_the_sides():
    layout = h36m_layout()
    tracks, poses = torch.randn(200, 3, 17, 2), torch.randn(200, 3, 17, 3)
    torch.manual_seed(0)
    x, y = mirrored(tracks, poses, layout.flip)
    turned = (y != poses).flatten(1).any(1)
    assert 70 < turned.sum() < 130
    flipped = y[turned]
    torch.testing.assert_close(flipped[:, :, 1, 0], -poses[turned][:, :, 4, 0])
    torch.testing.assert_close(x[turned][:, :, 16, 1], tracks[turned][:, :, 13, 1])


def narrow(monkeypatch, name):
    """Cut a TCN's 1024 channels down to 64."""
    class Narrow(METHODS[name]):
        def config(self):
            cfg = super().config()
            if 'stem_channels' in cfg.model.backbone:
                cfg.model.backbone.stem_channels = cfg.model.head.in_channels = 64
            return cfg
    monkeypatch.setitem(METHODS, name, Narrow)


@pytest.mark.parametrize('name, own', [*((name, False) for name in METHODS), ('PoseMamba', True),
                                       ('VideoPose3D', True)])
def test_methods_learn(name, own, monkeypatch):
    """Each comes closer to its training views, with 17 joints and with another skeleton."""
    narrow(monkeypatch, name)
    layout, views = h36m_layout(), generated_views('train', 2, 60, Cameras(views=1, noise=0.0))
    if own:
        kept = [0, 1, 2, 4, 5, 10]
        names = tuple(layout.names[i] for i in kept)
        layout = Layout(names, (0, 0, 1, 0, 3, 0), 0, ((1, 3), (2, 4)), (1.0,) * 6, False)
        views = [View(v.clip, v.track[:, kept], v.joints[:, kept]) for v in views]
    before = build_method(name, layout, 0)
    windows = Windows(views, before.frames, 1, 0)
    before.fit_scale(*windows.batch(torch.arange(len(windows))))
    first, second = (np.mean([clip['MPJPE'] for clip in score(method, views).values()])
                     for method in (before, train(name, layout, views, Budget(iterations=60), 0)['method']))
    assert second < 0.75 * first
    assert [len(part) for part in predict(before, views)] == [60, 60]


def test_run_on_recorded_motion(tmp_path, capsys, monkeypatch):
    narrow(monkeypatch, 'VideoPose3D')
    path = write(tmp_path, made_clips(6, 90))
    out = tmp_path / 'results.json'
    options = ['--motion', str(path), '--seconds', '0.3', '--generated', '2', '--views', '1']
    options += ['--out', str(out)]
    tool.main([*options, '--seeds', '1', '--methods', 'PoseMamba', 'VideoPose3D'])
    text = capsys.readouterr().out
    results = json.loads(out.read_text())
    assert out.with_suffix('.md').read_text() in text
    assert [(r['method'], r['train']) for r in results['runs']] == [
        ('PoseMamba', 'recorded'), ('VideoPose3D', 'recorded'), ('PoseMamba', 'generated'),
        ('VideoPose3D', 'generated')]
    for run in results['runs']:
        assert set(run['scores']) == {'recorded', 'generated'}
        assert set(run['scores']['recorded']) == {'move_4', 'move_5'}
        assert all(np.isfinite(v) for clips in run['scores'].values()
                   for c in clips.values() for v in c.values())
    for wanted in ('Trained on recorded motion, tested on recorded motion',
                   'Trained on generated motion, tested on recorded motion', '| move_4 |',
                   'MPJVE (mm/frame)', '* MPJPE: PoseMamba is ', '(1 seeds), and on '):
        assert wanted in text
    tool.main([*options, '--seeds', '1', '--methods', 'PoseMamba'])  # nothing is left to do
    assert json.loads(out.read_text()) == results
    with pytest.raises(SystemExit, match='other settings'):
        tool.main([*options, '--noise', '2'])
    out.write_text('[]')
    with pytest.raises(SystemExit, match='not a results file'):
        tool.main(options)


def test_run_with_an_own_skeleton(tmp_path, capsys):
    names = [f'marker{i}' for i in range(len(NAMES))]
    path = write(tmp_path, made_clips(4, 60), joint_names=names)
    options = ['--motion', str(path), '--seconds', '0.2', '--views', '1', '--seeds', '1']
    options += ['--methods', 'PoseMamba']
    tool.main(options)
    assert "nothing is trained on it" in capsys.readouterr().out
    with pytest.raises(SystemExit, match='--train generated is not possible'):
        tool.main([*options, '--train', 'generated'])
    with pytest.raises(SystemExit, match='error: .*none.npz cannot be read'):
        tool.main(['--motion', str(tmp_path / 'none.npz')])


def test_report_says_who_is_first():
    def run(method, seed, value):
        scores = {'a': {'MPJPE': value, 'P-MPJPE': 1.0, 'MPJVE': value},
                  'b': {'MPJPE': 9.0, 'P-MPJPE': 1, 'MPJVE': 2}}
        return dict(method=method, train='recorded', seed=seed,
                    poses=5, parameters=10, scores={'recorded': scores})
    runs = [run('VideoPose3D', 0, 5.0), run('PoseMamba', 0, 4.0),
            run('VideoPose3D', 1, 5.0), run('PoseMamba', 1, 6.0)]
    text = reports.order(runs, 'recorded')
    assert 'MPJPE: PoseMamba is NOT first on seed 1 (VideoPose3D)' in text
    assert 'first on every seed' in reports.order(runs[:2], 'recorded')
    assert '| PoseMamba | 0.00 M | 5 | 7.0 ± 0.7 | 1.0 ± 0.0 |' in reports.mean_table(runs, 'recorded')
    assert '| a | 5.0 / 1.0 / 5.0 | 5.0 / 1.0 / 5.0 |' in reports.clip_table(runs, 'recorded')
