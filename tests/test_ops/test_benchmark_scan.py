"""The benchmark tool, on toy sizes."""
import json

import pytest

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
