"""The Runner's metric: the same figures as from files, wherever its ground truth comes from."""
import json

import numpy as np
import pytest
import torch
from made_videos import NAMES, figures_of, make_tidy
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmpose_gss.errors import UserError
from mmpose_gss.registry import METRICS


@pytest.fixture
def videos():
    """Tidy videos whose predictions have all joints, as models' do."""
    made = make_tidy(np.random.default_rng(11), 2)
    rng = np.random.default_rng(12)
    for _, pred in made.values():
        for entry in pred['annotations']:
            joints = np.reshape(entry['keypoints'], (17, 3))
            joints[joints[:, 2] == 0, :2] = rng.uniform(0, 300, ((joints[:, 2] == 0).sum(), 2))
            joints[:, 2] = 1
            entry['keypoints'] = joints.ravel().tolist()
    return made


def split_of(videos):
    """The COCO-style file of a split."""
    pairs = [gt for gt, _ in videos.values()]
    people = [entry for gt in pairs for entry in gt['annotations']]
    for i, entry in enumerate(people):
        entry['id'] = i
    return {'images': [entry for gt in pairs for entry in gt['images']], 'annotations': people,
            'categories': pairs[0]['categories']}


def samples_of(videos, box_score=0.8, with_truth=False, box_source='detected'):
    """What a top-down model gives: one sample for each person, scores = heatmap × box score."""
    samples = []
    for gt, pred in videos.values():
        paths = {entry['id']: '/data/posetrack/' + entry['file_name'] for entry in gt['images']}
        truth = gt['annotations']
        for entry in pred['annotations']:
            joints = np.reshape(entry['keypoints'], (1, 17, 3))
            sample = {
                'id': len(samples), 'img_id': entry['image_id'], 'img_path': paths[entry['image_id']],
                'track_id': entry['track_id'], 'box_source': box_source, 'category_id': 1,
                'pred_instances': {'keypoints': joints[..., :2].astype(np.float64),
                                   'keypoint_scores': np.array([entry['scores']]) / box_score},
                'gt_instances': {'bbox_scores': np.array([box_score]),
                                 'bboxes': np.array([[0, 0, 100, 200.0]])}}
            if with_truth:
                sample['raw_ann_info'] = next(a for a in truth if a['image_id'] == entry['image_id'])
            samples.append(sample)
    return samples


def evaluate(samples, **kwargs):
    metric = METRICS.build(dict(type='mmpose_gss.PoseTrackMetric', **kwargs))
    for start in range(0, len(samples), 7):
        metric.process([], samples[start:start + 7])
    return metric.evaluate(len(samples))


def agrees(figures, expected, mota=True):
    assert figures['posetrack/AP'] == pytest.approx(expected['AP']['mean'], abs=1e-9)
    for group in ('Head', 'Shou', 'Elb', 'Wri', 'Hip', 'Knee', 'Ankl'):
        assert figures[f'posetrack/AP_{group}'] == pytest.approx(expected['AP'][group], abs=1e-9)
    assert figures['posetrack/precision'] == pytest.approx(expected['precision']['mean'], abs=1e-9)
    if mota:
        assert figures['posetrack/MOTA'] == pytest.approx(expected['MOTA']['mean'], abs=1e-9)
        assert figures['posetrack/MOTP'] == pytest.approx(expected['MOTP']['mean'], abs=1e-9)
        assert figures['posetrack/switches'] == expected['switches']
        assert figures['posetrack/MOTA_corrected'] == pytest.approx(expected['corrected']['MOTA']['mean'])


@pytest.mark.parametrize('source', ['ann_file', 'gt_dir', 'ann_dir'])
def test_same_as_from_files(videos, tmp_path, source):
    expected = figures_of(videos)
    if source == 'ann_file':
        (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
        kwargs = {'ann_file': str(tmp_path / 'split.json')}
    else:
        for name, (gt, _) in videos.items():
            (tmp_path / f'{name}.json').write_text(json.dumps(gt))
        kwargs = {source.replace('ann_dir', 'ann_file'): str(tmp_path)}
    figures = evaluate(samples_of(videos), metrics=('AP', 'MOTA'), **kwargs)
    agrees(figures, expected)
    assert figures['posetrack/jitter'] == pytest.approx(expected['jitter']['mean'], nan_ok=True)


def test_ground_truth_from_the_samples(testdata):
    data = json.loads((testdata / 'posetrack18/annotations/test_posetrack18_val.json').read_text())
    paths = {entry['id']: entry['file_name'] for entry in data['images']}
    rng, samples = np.random.default_rng(0), []
    for entry in data['annotations']:
        joints = np.array(entry['keypoints'], dtype=float).reshape(1, 17, 3)
        samples.append({'id': entry['id'], 'img_id': entry['image_id'], 'img_path': paths[entry['image_id']],
                        'raw_ann_info': entry, 'box_source': 'annotated',
                        'pred_instances': {'keypoints': joints[..., :2] + rng.normal(0, 6, (1, 17, 2)),
                                           'keypoint_scores': rng.random((1, 17)),
                                           'bbox_scores': np.ones(1)}})
    from_samples = evaluate(samples)
    folder = testdata / 'posetrack18/annotations'
    from_split = evaluate(samples, ann_file=str(folder / 'test_posetrack18_val.json'))
    from_folder = evaluate(samples, gt_dir=str(folder / 'val'))
    assert from_split == pytest.approx(from_folder, nan_ok=True) and 20 < from_split['posetrack/AP'] < 99
    assert from_samples.keys() == from_split.keys()
    # The samples know no ignore regions, so joints in them count; recall of the rest cannot be far.
    assert from_samples['posetrack/AP'] == pytest.approx(from_split['posetrack/AP'], abs=25)
    with pytest.raises(ValueError, match='raw_ann_info'):
        evaluate([{key: value for key, value in sample.items() if key != 'raw_ann_info'}
                  for sample in samples])


def test_annotated_frames_without_predictions_count(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    gone = next(iter(videos.values()))[0]['images'][1]['id']
    for _, pred in videos.values():
        pred['annotations'] = [entry for entry in pred['annotations'] if entry['image_id'] != gone]
    figures = evaluate(samples_of(videos), ann_file=str(tmp_path / 'split.json'), metrics=('AP', 'MOTA'))
    agrees(figures, figures_of(videos))
    second = list(videos.values())[1][1]
    second['annotations'] = []                                             # a whole video without
    agrees(evaluate(samples_of(videos), ann_file=str(tmp_path / 'split.json')), figures_of(videos),
           mota=False)


def test_format_only_writes_files_that_evaluate_to_the_same(videos, tmp_path):
    expected = figures_of(videos)
    # A test split has images only.
    (tmp_path / 'split.json').write_text(json.dumps({'images': split_of(videos)['images']}))
    out = tmp_path / 'submission'
    assert evaluate(samples_of(videos), ann_file=str(tmp_path / 'split.json'), format_only=True,
                    outfile_prefix=str(out)) == {}
    assert sorted(path.name for path in out.iterdir()) == [f'{name}.json' for name in videos]
    written = {}
    for name, (gt, _) in videos.items():
        content = json.loads((out / f'{name}.json').read_text())
        assert [entry['id'] for entry in content['images']] == [entry['id'] for entry in gt['images']]
        assert content['categories'][0]['keypoints'] == NAMES
        assert all(len(entry['scores']) == 17 for entry in content['annotations'])
        written[name] = (gt, content)
    figures = figures_of(written)
    assert figures['AP'] == pytest.approx(expected['AP']) and figures['MOTA'] == expected['MOTA']


def test_image_ids_that_stand_twice_are_refused(videos, tmp_path):
    split = split_of(videos)
    split['images'][1]['id'] = split['images'][0]['id']
    (tmp_path / 'split.json').write_text(json.dumps(split))
    with pytest.raises(UserError, match=r'split\.json: image id .* stands more than once in "images"'):
        evaluate([], ann_file=str(tmp_path / 'split.json'))


@pytest.mark.parametrize('name', ['../stolen', '/tmp/stolen', 'a\\b', '.hidden', ''])
def test_a_file_cannot_choose_where_predictions_are_written(videos, tmp_path, name):
    images = [dict(id=entry['id'], vid_id=name) for entry in split_of(videos)['images']]
    (tmp_path / 'split.json').write_text(json.dumps({'images': images}))
    with pytest.raises(UserError, match='cannot be the name of a file'):
        evaluate(samples_of(videos), ann_file=str(tmp_path / 'split.json'), format_only=True,
                 outfile_prefix=str(tmp_path / 'out' / 'pred'))
    assert not list(tmp_path.rglob('*stolen*')) and not (tmp_path / 'out').exists()


def test_boxes_with_a_low_score_are_dropped(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    samples = samples_of(videos)
    for sample in samples:
        if sample['id'] % 3 == 0:
            sample['gt_instances']['bbox_scores'] = np.array([0.19])
    kept = [sample for sample in samples if sample['id'] % 3]
    figures = evaluate(samples, ann_file=str(tmp_path / 'split.json'))
    assert figures == pytest.approx(evaluate(kept, ann_file=str(tmp_path / 'split.json')), nan_ok=True)
    assert figures != evaluate(samples, ann_file=str(tmp_path / 'split.json'), bbox_score_thr=0.0)


def test_score_of_a_joint_is_heatmap_times_box(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps({'images': split_of(videos)['images']}))
    sample = samples_of(videos)[0]
    heat = sample['pred_instances']['keypoint_scores'][0]
    for mode, scores in (('bbox_keypoint', heat * 0.8), ('keypoint', heat), ('bbox', np.full(17, 0.8))):
        out = tmp_path / mode
        evaluate([sample], ann_file=str(tmp_path / 'split.json'), format_only=True, outfile_prefix=str(out),
                 score_mode=mode)
        entries = [entry for path in out.iterdir() for entry in json.loads(path.read_text())['annotations']]
        assert len(entries) == 1 and entries[0]['scores'] == pytest.approx(scores)


def test_samples_repeated_by_a_sampler_count_once(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    samples = samples_of(videos)
    once = evaluate(samples, ann_file=str(tmp_path / 'split.json'), metrics=('AP', 'MOTA'))
    twice = evaluate(samples + samples[:5], ann_file=str(tmp_path / 'split.json'), metrics=('AP', 'MOTA'))
    assert twice == pytest.approx(once, nan_ok=True)


def test_oks_nms_drops_doubles(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    samples = samples_of(videos)
    doubles = []
    for sample in samples:
        twin = {**sample, 'id': 1000 + sample['id'], 'pred_instances': dict(sample['pred_instances'])}
        twin['pred_instances']['keypoint_scores'] = sample['pred_instances']['keypoint_scores'] * 0.5
        doubles.append(twin)
    kwargs = dict(ann_file=str(tmp_path / 'split.json'))
    clean, crowded = evaluate(samples, **kwargs), evaluate(samples + doubles, **kwargs)
    assert crowded['posetrack/precision'] < clean['posetrack/precision']
    assert evaluate(samples + doubles, nms_mode='oks_nms', **kwargs) == pytest.approx(clean, nan_ok=True)


def test_track_ids_matter_to_mota_only(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    samples = [{**sample, 'track_id': 3} for sample in samples_of(videos)]
    expected = figures_of(videos)
    agrees(evaluate(samples, ann_file=str(tmp_path / 'split.json')), expected, mota=False)
    with pytest.raises(ValueError, match='track_id 3 more than once'):
        evaluate(samples, ann_file=str(tmp_path / 'split.json'), metrics=('AP', 'MOTA'))


def test_the_log_says_which_boxes(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    kwargs = dict(ann_file=str(tmp_path / 'split.json'))
    assert 'with detected boxes' in logged(lambda: evaluate(samples_of(videos), **kwargs))
    samples = samples_of(videos, box_source='annotated')
    said = logged(lambda: evaluate(samples, metrics=('AP', 'MOTA'), **kwargs))
    assert 'with annotated boxes' in said and 'says nothing about tracking' in said
    with pytest.raises(ValueError, match='box_source="annotated"'):
        evaluate(samples_of(videos), box_source='annotated', **kwargs)


def logged(action) -> str:
    """What MMEngine's logger said meanwhile."""
    import logging

    from mmengine.logging import MMLogger
    messages = []

    class Keep(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    logger, handler = MMLogger.get_current_instance(), Keep()
    logger.addHandler(handler)
    try:
        action()
    finally:
        logger.removeHandler(handler)
    return '\n'.join(messages)


def test_without_track_ids_mota_is_nan(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    samples = [{**sample, 'track_id': -1} for sample in samples_of(videos)]
    figures = evaluate(samples, ann_file=str(tmp_path / 'split.json'), metrics=('AP', 'MOTA'))
    assert np.isnan(figures['posetrack/MOTA']) and np.isnan(figures['posetrack/switches'])
    assert figures['posetrack/AP'] == pytest.approx(figures_of(videos)['AP']['mean'])


def test_takes_data_samples_of_mmpose_with_tensors(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    data_samples = []
    for sample in samples_of(videos):
        meta = {key: value for key, value in sample.items() if not key.endswith('instances')}
        data_sample = PoseDataSample(metainfo=meta)
        data_sample.pred_instances = InstanceData(
            keypoints=torch.tensor(sample['pred_instances']['keypoints']),
            keypoint_scores=torch.tensor(sample['pred_instances']['keypoint_scores']))
        data_sample.gt_instances = InstanceData(bbox_scores=sample['gt_instances']['bbox_scores'])
        data_samples.append(data_sample.to_dict())
    agrees(evaluate(data_samples, ann_file=str(tmp_path / 'split.json'), metrics=('AP', 'MOTA')),
           figures_of(videos))


@pytest.mark.parametrize('kwargs, word', [
    (dict(metrics=('PCK', )), 'metrics'), (dict(score_mode='x'), 'score_mode'),
    (dict(nms_mode='x'), 'nms_mode'),
    (dict(box_source='x'), 'box_source'), (dict(ann_file='a', gt_dir='b'), 'both ann_file and gt_dir'),
    (dict(format_only=True), 'outfile_prefix'), (dict(ann_file='missing.json'), 'missing.json'),
    (dict(gt_dir='missing'), 'no such folder')])
def test_bad_arguments_are_named(kwargs, word):
    with pytest.raises(ValueError, match=word):
        METRICS.build(dict(type='mmpose_gss.PoseTrackMetric', **kwargs))


def test_images_of_another_split_are_named(videos, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    samples = samples_of(videos)
    samples[0].update(img_id=7, img_path='/data/elsewhere/000000.jpg')
    with pytest.raises(ValueError, match='Image 7 .*does not list it'):
        evaluate(samples, ann_file=str(tmp_path / 'split.json'))


def _evaluate_part(rank, world, port, ann_file, samples, out):
    import torch.distributed as dist
    dist.init_process_group('gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=world)
    metric = METRICS.build(dict(type='mmpose_gss.PoseTrackMetric', ann_file=ann_file, metrics=('AP', 'MOTA')))
    metric.process([], (samples + samples[:len(samples) % world])[rank::world])
    figures = metric.evaluate(len(samples))
    with open(f'{out}.{rank}', 'w') as file:
        json.dump(figures, file)
    dist.destroy_process_group()


def test_two_processes_give_the_same(videos, tmp_path):
    import multiprocessing
    import socket
    (tmp_path / 'split.json').write_text(json.dumps(split_of(videos)))
    samples, ann_file = samples_of(videos), str(tmp_path / 'split.json')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('fork')
    processes = [context.Process(target=_evaluate_part,
                                 args=(rank, 2, port, ann_file, samples, tmp_path / 'out'))
                 for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    expected = evaluate(samples, ann_file=ann_file, metrics=('AP', 'MOTA'))
    for rank in range(2):
        assert json.loads((tmp_path / f'out.{rank}').read_text()) == pytest.approx(expected, nan_ok=True)
