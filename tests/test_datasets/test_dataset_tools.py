"""Command lines of the converters, the browser and the benchmark, in this process."""
import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'


def run(monkeypatch, capsys, script, *args):
    """Run a tool; a sentence that it ends with counts as exit code 1, as the interpreter does it."""
    monkeypatch.setattr(sys, 'argv', [script, *map(str, args)])
    code, said = 0, ''
    try:
        runpy.run_path(str(TOOLS / script), run_name='__main__')
    except SystemExit as stop:
        code, said = (1, f'{stop.code}\n') if isinstance(stop.code, str) else (stop.code or 0, '')
    out = capsys.readouterr()
    return code, out.out, out.err + said


def options(root):
    return ['--cfg-options', f'train_dataloader.dataset.data_root={root}',
            'train_dataloader.dataset.ann_file=annotations/posetrack18_val.json',
            'train_dataloader.num_workers=0']


@pytest.fixture
def converted(tmp_path, mini, monkeypatch, capsys):
    mini.write_posetrack18(tmp_path / 'src', [mini.make_clip()])
    code, out, _ = run(monkeypatch, capsys, 'dataset_converters/posetrack18.py', tmp_path / 'src',
                       tmp_path / 'out')
    assert code == 0 and '6 persons' in out and 'WARNING: posetrack18: 1 videos in "val", but 170' in out
    return tmp_path / 'out'


def test_posetrack17_command(tmp_path, mini, monkeypatch, capsys):
    mini.write_posetrack17(tmp_path / 'src', [mini.make_clip()], 'mat')
    code, out, _ = run(monkeypatch, capsys, 'dataset_converters/posetrack17.py', tmp_path / 'src',
                       tmp_path / 'out', '--keep-occluded')
    assert code == 0 and 'posetrack17: what was converted' in out and '3 labelled frames' in out


def test_posetrack21_and_jhmdb_commands(tmp_path, mini, monkeypatch, capsys):
    mini.write_posetrack18(tmp_path / 'src', [mini.make_clip()], 'posetrack_data', with_person_id=True)
    code, out, _ = run(monkeypatch, capsys, 'dataset_converters/posetrack21.py', tmp_path / 'src',
                       tmp_path / 'out')
    assert code == 0 and 'posetrack21' in out
    clip = dict(joints=np.full((2, 15, 2), 50.0), boxes=[(20, 20, 60, 90)] * 2)
    mini.write_sub_jhmdb(tmp_path / 'jhmdb', {'catch/a': clip}, {1: {'catch/a': 1}})
    code, out, _ = run(monkeypatch, capsys, 'dataset_converters/sub_jhmdb.py', tmp_path / 'jhmdb',
                       tmp_path / 'jout')
    assert code == 0 and 'Sub1_train' in out


def test_errors_are_one_line(tmp_path, monkeypatch, capsys):
    for script in ('posetrack17', 'posetrack18', 'posetrack21', 'sub_jhmdb'):
        code, _, err = run(monkeypatch, capsys, f'dataset_converters/{script}.py', tmp_path / 'no',
                           tmp_path / 'out')
        assert code == 1 and err.startswith('error: ') and err.count('\n') == 1


def test_commands_of_lifting_data(testdata, tmp_path, monkeypatch, capsys):
    npz, cameras = testdata / 'h36m/test_h36m_body3d.npz', testdata / 'h36m/cameras.pkl'
    code, out, _ = run(monkeypatch, capsys, 'dataset_converters/h36m_to_motionbert.py', '--train', npz,
                       '--test', npz, '--cameras', cameras, '--out', tmp_path / 'h36m.pkl')
    assert code == 0 and '4 frames to train, 4 to test' in out
    source = tmp_path / 'data_test_3dhp.npz'
    np.savez(source, data={'TS1': dict(data_2d=np.zeros((2, 17, 2)), data_3d=np.zeros((2, 17, 3)))})
    code, out, _ = run(monkeypatch, capsys, 'dataset_converters/mpi_inf_3dhp_motionagformer.py', source,
                       tmp_path / 'test.npz')
    assert code == 0 and '2 frames of 1 sequences' in out
    code, _, err = run(monkeypatch, capsys, 'dataset_converters/mpi_inf_3dhp_motionagformer.py',
                       tmp_path / 'no', tmp_path / 'test.npz')
    assert code == 1 and err.startswith('error: ') and err.count('\n') == 1


@pytest.mark.parametrize('mode', ['original', 'transformed'])
def test_browse(converted, tmp_path, monkeypatch, capsys, mode):
    config = ROOT / 'configs/_base_/datasets/posetrack18_video.py'
    code, out, _ = run(monkeypatch, capsys, 'dataset_converters/browse.py', config, '--output-dir',
                       tmp_path / 'pictures', '--mode', mode, '--max-items', 3, *options(converted))
    pictures = sorted((tmp_path / 'pictures').glob('*.jpg'))
    assert code == 0 and len(pictures) == 3 and '3 pictures' in out
    picture = cv2.imread(str(pictures[0])).astype(int)
    width = picture.shape[1] // 5
    assert picture.shape[0] == 240 and picture.shape[1] == (1600 if mode == 'original' else 900)
    colourful = (np.ptp(picture, axis=2) > 60).reshape(240, 5, width).sum(axis=(0, 2))
    assert colourful[2] > 2 * colourful[[0, 1, 3, 4]].max()  # skeleton and regions are the key frame's


def test_benchmark(converted, monkeypatch, capsys):
    config = ROOT / 'configs/_base_/datasets/posetrack18_video.py'
    code, out, _ = run(monkeypatch, capsys, 'analysis_tools/benchmark_dataset.py', config,
                       '--num-windows', 12, *options(converted))
    assert code == 0 and '6 windows loaded in' in out and 'windows/s in one process' in out
    for part in ('sample', 'LoadClip', 'TopdownAffine', 'GenerateTarget', 'PackClipInputs'):
        assert part in out
    assert '7 frames decoded' in out


def test_benchmark_times_a_loader(converted, monkeypatch, capsys):
    config = ROOT / 'configs/_base_/datasets/posetrack18_video.py'
    code, out, _ = run(monkeypatch, capsys, 'analysis_tools/benchmark_dataset.py', config, '--num-windows', 6,
                       '--num-workers', 1, *options(converted), 'train_dataloader.batch_size=2')
    assert code == 0 and 'from a loader with 1 workers' in out


def test_detected_boxes_by_one_line():
    folder = ROOT / 'configs/body_2d_keypoint'
    configs = sorted(folder.rglob('*_detected-boxes.py'))
    assert len(configs) >= 6
    for path in configs:
        config = Config.fromfile(path)
        annotated = Config.fromfile(path.with_name(path.name.replace('_detected-boxes', '')))
        assert config.test_dataloader.dataset.bbox_file.endswith('_human_detections.json')
        assert config.test_dataloader.dataset.bbox_score_thr == 0.2
        assert 'bbox_file' not in annotated.test_dataloader.dataset
        for evaluator in (config.test_evaluator, annotated.test_evaluator):
            assert (evaluator.score_mode, evaluator.nms_mode, evaluator.bbox_score_thr) == (
                'bbox_keypoint', 'none', 0.2)
        assert config.test_evaluator.box_source == 'detected'
        assert config.model.test_cfg.flip_test is False


def test_dataset_index_names_what_is_there():
    index = yaml.safe_load((ROOT / 'dataset-index.yml').read_text())
    assert set(index) == {'posetrack17', 'posetrack18', 'posetrack21', 'sub_jhmdb', 'synthetic_posetrack'}
    for name, entry in index.items():
        assert (ROOT / entry['converter']).is_file()
        config = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}_video.py')
        assert entry['data_root'] in config.train_dataloader.dataset.data_root


def test_perfect_predictions_get_full_marks(converted):
    from mmpose_gss.datasets import PoseTrackVideoDataset
    from mmpose_gss.registry import METRICS
    config = Config.fromfile(ROOT / 'configs/_base_/datasets/posetrack18_video.py')
    ann_file = converted / 'annotations/posetrack18_val.json'
    dataset = PoseTrackVideoDataset(str(ann_file), data_root=str(converted), test_mode=True,
                                    pipeline=config.val_pipeline)
    metric = METRICS.build(dict(config.test_evaluator, ann_file=str(ann_file)))
    metric.dataset_meta = dataset.metainfo
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        sample.pred_instances = sample.gt_instances.new(
            keypoints=sample.gt_instances.keypoints, keypoint_scores=sample.gt_instances.keypoints_visible)
        metric.process({}, [sample.to_dict()])
    figures = metric.evaluate(len(dataset))
    assert json.loads(ann_file.read_text())['annotations']
    assert figures['posetrack/AP'] == pytest.approx(100)
