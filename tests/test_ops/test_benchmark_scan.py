"""The benchmark tool on toy sizes, and what judges the speed."""
import importlib.util
import json

import pytest
import torch

from mmpose_gss.ops.native import library


@pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))
def test_writes_table_and_plot(tool, tmp_path, capsys):
    tool.main(['--lengths', '32', '64', '--windows', '3', '16', '--dim', '16', '--states', '4',
               '--repeats', '1',
               '--slow-limit', '32', '--no-memory', '--no-orders', '--out', str(tmp_path)])
    assert 'times_naive_forward' in capsys.readouterr().out
    results = json.loads((tmp_path / 'scan.json').read_text())
    rows = {(row['backend'], row['batch'], row['length']): row for row in results['rows']}
    assert ('naive', 1, 32) in rows and ('naive', 1, 64) not in rows and ('cpu', 3, 16) in rows
    row = rows['cpu', 1, 32]
    assert row['times_naive_forward'] == pytest.approx(rows['naive', 1, 32]['forward'] / row['forward'])
    assert (tmp_path / 'scan.png').stat().st_size > 1000


def test_exponent(tool):
    assert tool.exponent([(10, 3.0), (20, 6.0), (80, 24.0)]) == pytest.approx(1)
    assert tool.exponent([(10, 1.0), (100, 100.0)]) == pytest.approx(2)
    assert tool.exponent([(10, 1.0)]) is None


def test_refuses_what_cannot_run(tool):
    with pytest.raises(SystemExit, match='mamba'):
        tool.benchmark(tool.parse_args(['--backends', 'mamba']))


def test_speed_is_judged_by_its_bounds(root, monkeypatch, capsys):
    folder = root / 'tools/analysis_tools'
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location('check_speed', folder / 'check_speed.py')
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    good = {name: most if least is None else least for name, (least, most) in check.BOUNDS.items()}
    assert check.judge(good) == []
    for name, (least, _) in check.BOUNDS.items():
        bad = good[name] * (1.01 if least is None else 0.99)
        missed, = check.judge({**good, name: bad})
        assert missed.startswith(name) and 'must be' in missed
    threads = torch.get_num_threads()
    monkeypatch.setitem(check.PARTS, 'orders', lambda: {'six orders, over one': 9.0})
    monkeypatch.setitem(check.PARTS, 'scan', lambda: good)
    assert check.main(['--only', 'orders', 'scan']) == 1
    assert check.main(['--only', 'scan']) == 0
    torch.set_num_threads(threads)
    assert 'six orders, over one: 9, must be at most 7' in capsys.readouterr().out
