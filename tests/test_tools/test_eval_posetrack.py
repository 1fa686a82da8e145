"""tools/eval_posetrack.py: files in, table, JSON and plots out; and its benchmark."""
import importlib.util
import json
import os
import subprocess
import sys

import pytest

GROUPS = ['Head', 'Shou', 'Elb', 'Wri', 'Hip', 'Knee', 'Ankl', 'mean']


@pytest.fixture(scope='module')
def benchmark(root):
    """tools/analysis_tools/benchmark_eval.py as a module."""
    path = root / 'tools' / 'analysis_tools' / 'benchmark_eval.py'
    spec = importlib.util.spec_from_file_location('benchmark_eval', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folders(benchmark, tmp_path):
    benchmark.write_videos(str(tmp_path), frames=12, people=3, videos=2)
    return tmp_path


def run(root, folder, *options):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(root), os.environ.get('PYTHONPATH', '')])}
    return subprocess.run(
        [sys.executable, str(root / 'tools' / 'eval_posetrack.py'), '--gt', str(folder / 'gt'), '--pred',
         str(folder / 'pred'), *map(str, options)], capture_output=True, text=True, env=environment)


def edit(folder, change, role='pred'):
    for path in sorted((folder / role).iterdir()):
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))


def test_figures_table_and_plots(root, folders):
    out, plots = folders / 'figures.json', folders / 'plots'
    done = run(root, folders, '--out', out, '--per-video', '--plot', plots)
    assert done.returncode == 0 and not done.stderr, done.stderr
    figures = json.loads(out.read_text())
    for name in ('AP', 'MOTA', 'MOTP', 'precision', 'recall'):
        assert list(figures[name]) == GROUPS and all(isinstance(v, float) for v in figures[name].values())
    assert len(figures['per_joint']['names']) == len(figures['per_joint']['AP']) == 15
    assert set(figures['per_video']) == {'000001_mpii_test', '000002_mpii_test'}
    lines = done.stdout.splitlines()
    row = next(line for line in lines if line.startswith('AP '))
    assert row.split()[1:] == [f'{figures["AP"][group]:.1f}' for group in GROUPS]
    assert '000002_mpii_test: 6 annotated frames' in lines
    for name in ('precision_recall.png', 'per_video.png'):
        assert (plots / name).read_bytes().startswith(b'\x89PNG') and (plots / name).stat().st_size > 5000


def test_reference_case(root, testdata, tmp_path):
    case = testdata / 'posetrack_oracle' / '03_easy'
    out = tmp_path / 'figures.json'
    assert run(root, case, '--out', out).returncode == 0
    figures, expected = json.loads(out.read_text()), json.loads((case / 'expected.json').read_text())
    for group, value in expected['ap_unrounded'].items():
        assert figures['AP'][group] == pytest.approx(value, abs=1e-9)
        assert figures['MOTA'][group] == pytest.approx(expected['mot']['mota'][group], abs=1e-6)
        assert figures['MOTP'][group] == pytest.approx(expected['mot']['motp'][group], abs=1e-6)


def test_mota_is_null_without_track_ids(root, folders):
    edit(folders, lambda data: [entry.pop('track_id') for entry in data['annotations']])
    done = run(root, folders, '--out', folders / 'figures.json')
    figures = json.loads((folders / 'figures.json').read_text())
    assert done.returncode == 0 and figures['MOTA'] is None and figures['AP']['mean'] > 0
    assert done.stderr.startswith('warning: No MOTA') and len(done.stderr.splitlines()) == 1


def test_mota_is_null_for_single_frame_sequences_and_figures_without_quirks_are_not(root, folders):
    def one_frame(data):
        del data['images'][1:]
        data['annotations'] = [e for e in data['annotations'] if e['image_id'] == data['images'][0]['id']]

    edit(folders, one_frame, 'gt')
    edit(folders, one_frame)
    done = run(root, folders, '--out', folders / 'figures.json')
    figures = json.loads((folders / 'figures.json').read_text())
    assert done.returncode == 0 and figures['MOTA'] is None
    assert figures['corrected']['MOTA']['mean'] is not None
    assert run(root, folders, '--out', folders / 'figures.json', '--corrected').returncode == 0
    assert json.loads((folders / 'figures.json').read_text())['MOTA'] == figures['corrected']['MOTA']


def test_undefined_figures_are_null(root, folders):
    nose = slice(0, 3)
    edit(folders, lambda data: [entry['keypoints'].__setitem__(nose, [0, 0, 0])
                                for entry in data['annotations']], 'gt')
    assert run(root, folders, '--out', folders / 'figures.json').returncode == 0
    text = (folders / 'figures.json').read_text()
    figures = json.loads(text)
    assert 'NaN' not in text and figures['AP']['Head'] is None and figures['AP']['mean'] is not None
    assert figures['per_joint']['AP'][figures['per_joint']['names'].index('nose')] is None


@pytest.mark.parametrize('change, words', [
    (lambda data: data.pop('categories'), 'no "categories"'),
    (lambda data: data['images'].pop(), 'frames in "images"'),
    (lambda data: data['annotations'][0].update(keypoints=[0] * 45), '45 values in "keypoints"')])
def test_bad_files_end_with_one_sentence(root, folders, change, words):
    edit(folders, change)
    done = run(root, folders, '--out', folders / 'figures.json')
    assert done.returncode == 1 and words in done.stderr and '000001_mpii_test.json' in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (folders / 'figures.json').exists()


def test_torch_is_not_imported(root, folders):
    code = ("import runpy, sys\nsys.argv = ['eval', '--gt', 'gt', '--pred', 'pred']\n"
            f"try:\n    runpy.run_path({str(root / 'tools' / 'eval_posetrack.py')!r}, run_name='__main__')\n"
            "except SystemExit as done:\n    assert done.code == 0\n"
            "assert not {'torch', 'mmengine', 'mmpose', 'mmcv', 'matplotlib'} & set(sys.modules)")
    subprocess.run([sys.executable, '-c', code], cwd=folders, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, 'PYTHONPATH': str(root)})


def test_the_benchmark_measures_and_agrees_with_the_plain_implementation(root, benchmark):
    plain = root / 'tests' / 'test_evaluation' / 'test_posetrack' / 'plain_posetrack.py'
    measured = benchmark.benchmark(frames=60, people=4, videos=3, repeats=1, plain=str(plain))
    assert measured.pop('largest_difference') < 1e-6
    assert set(measured) == {'end_to_end', 'end_to_end_wall', 'load', 'ap_core', 'mot_core', 'plain_load',
                             'plain_ap', 'plain_mot'}
    assert all(value > 0 for value in measured.values())
