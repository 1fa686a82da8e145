"""Inference on videos: every frame, clear words for bad input, nothing lost."""
import json

import cv2
import numpy as np
import pytest
import torch
from mmpose.apis import MMPoseInferencer

from mmpose_gss.apis import VideoPoseInferencer
from mmpose_gss.apis.detectors import BoxFile, build_person_detector, keep_valid
from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.apis.window_buffer import WindowBuffer
from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_window import ClipWindow

CONFIG = 'td-hm_GLSMamba-tiny_synthetic-posetrack-128x96'
DETECTOR = 'rtmdet-pico_synthetic-posetrack-256x256'


def write_video(path, frames=4, size=(64, 48), fps=10):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), fps, size)
    rng = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    writer.release()
    return path


def count_frames(path):
    capture, count = cv2.VideoCapture(str(path)), 0
    while capture.read()[0]:
        count += 1
    return count


@pytest.fixture(scope='module')
def model_files(tmp_path_factory):
    """Checkpoints of untrained models, of pose and detection."""
    from mmengine.registry import init_default_scope
    from mmpose.apis import init_model

    from mmpose_gss.engine.config import load_config
    folder = tmp_path_factory.mktemp('models')
    torch.manual_seed(0)
    init_default_scope('mmpose')
    pose = init_model(load_config(CONFIG), None, device='cpu')
    torch.save({'state_dict': pose.state_dict(), 'meta': {'dataset_meta': pose.dataset_meta}},
               folder / 'pose.pth')
    from mmdet.apis import init_detector
    detector = init_detector(load_config(DETECTOR), None, device='cpu')
    torch.save({'state_dict': detector.state_dict(), 'meta': {'dataset_meta': {'classes': ('person', )}}},
               folder / 'detector.pth')
    init_default_scope('mmpose')
    return folder


@pytest.fixture(scope='module')
def inferencer(model_files):
    return VideoPoseInferencer(CONFIG, str(model_files / 'pose.pth'), device='cpu', batch_size=3)


def test_every_frame_of_the_real_clip(inferencer, testdata, tmp_path):
    video = testdata / 'posetrack18/videos/000001_mpiinew_test/000001_mpiinew_test.mp4'
    result = inferencer(video, out_dir=tmp_path, show_progress=False)
    assert count_frames(video) == count_frames(result['video']) == len(result['predictions']) == 5
    written = json.loads((tmp_path / '000001_mpiinew_test.json').read_text())
    assert [entry['frame_id'] for entry in written['instance_info']] == list(range(5))
    person = written['instance_info'][0]['instances'][0]
    assert np.shape(person['keypoints']) == (17, 2) and len(person['keypoint_scores']) == 17
    assert written['meta_info']['keypoint_names'][0] == 'nose' and written['video']['num_frames'] == 5


def test_mmdet_finds_the_boxes(model_files, tmp_path):
    inferencer = VideoPoseInferencer(
        CONFIG, str(model_files / 'pose.pth'), detector=DETECTOR,
        detector_checkpoint=str(model_files / 'detector.pth'), device='cpu', bbox_thr=0.001)
    video = write_video(tmp_path / 'in.mp4')
    result = inferencer(video, out_dir=tmp_path / 'out', show_progress=False)
    assert len(result['predictions']) == count_frames(result['video']) == 4


def test_windows_are_clamped_at_both_ends_and_batches_do_not_matter(inferencer):
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 255, (48, 36, 3), dtype=np.uint8) for _ in range(7)]
    whole = inferencer(frames, show_progress=False)['predictions']
    by_hand = []
    for key in range(7):
        window = [frames[min(max(key + offset, 0), 6)] for offset in inferencer.window.offsets]
        sample = inferencer._sample(window, key, np.array([0, 0, 36, 48, 1], np.float32))
        with torch.no_grad():
            out, = inferencer.model.test_step(
                dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]))
            by_hand.append(out.pred_instances.keypoints[0])
    for people, expected in zip(whole, by_hand):
        assert np.allclose(people[0]['keypoints'], expected, atol=1e-3)
    one = inferencer(frames[:1], show_progress=False)['predictions']
    assert len(one) == 1 and len(one[0]) == 1


def test_crops_are_those_of_training(inferencer):
    """Box x 1.25 at the model's aspect ratio, channels in RGB order after the preprocessor."""
    frame = np.zeros((200, 300, 3), np.uint8)
    frame[..., 2] = 255  # pure red in BGR
    sample = inferencer._sample([frame] * 5, 0, np.array([100, 50, 140, 130, 1], np.float32))
    meta = sample['data_samples'].metainfo
    assert np.allclose(meta['input_scale'], [75, 100]) and np.allclose(meta['input_center'], [120, 90])
    preprocessor = inferencer.model.data_preprocessor
    data = preprocessor(dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]))['inputs']
    red = preprocessor.mean.flatten()[0], preprocessor.std.flatten()[0]
    assert data[0, 2, 0, 64, 48] == pytest.approx(float((255 - red[0]) / red[1]), rel=1e-5)


def test_video_without_people_is_valid(inferencer, tmp_path, monkeypatch):
    monkeypatch.setattr(
        inferencer, 'detector', lambda frames, first: [np.zeros((0, 5), np.float32)] * len(frames))
    video = write_video(tmp_path / 'empty.mp4')
    result = inferencer(video, out_dir=tmp_path / 'out', show_progress=False)
    assert result['predictions'] == [[]] * 4 and count_frames(result['video']) == 4
    written = json.loads((tmp_path / 'out/empty.json').read_text())
    assert all(entry['instances'] == [] for entry in written['instance_info'])


def test_nothing_is_lost_when_a_later_frame_fails(inferencer, tmp_path):
    folder = tmp_path / 'frames'
    folder.mkdir()
    for index in range(9):
        cv2.imwrite(str(folder / f'{index:03d}.png'), np.zeros((48, 36, 3), np.uint8))
    (folder / '008.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match=r'image .*008\.png cannot be decoded'):
        inferencer(folder, out_dir=tmp_path / 'out', show_progress=False)
    written = json.loads((tmp_path / 'out/frames.json').read_text())
    assert 0 < len(written['instance_info']) < 9
    assert count_frames(tmp_path / 'out/frames.mp4') == len(written['instance_info'])


def test_bad_videos_are_named(inferencer, tmp_path):
    (tmp_path / 'text.mp4').write_text('no video')
    (tmp_path / 'zero.mp4').write_bytes(b'')
    (tmp_path / 'folder').mkdir()
    write_video(tmp_path / 'none.mp4', frames=0)
    for bad, error, message in (
            (tmp_path / 'missing.mp4', FileNotFoundError, 'missing.mp4 does not exist'),
            (tmp_path / 'text.mp4', ValueError, 'text.mp4 cannot be opened'),
            (tmp_path / 'zero.mp4', ValueError, 'zero.mp4 cannot be opened'),
            (tmp_path / 'none.mp4', ValueError, r'none.mp4 (cannot be opened|has no frame)'),
            (tmp_path / 'folder', ValueError, 'folder holds no images'),
            ([], ValueError, 'list of frames is empty'),
            ([np.zeros((4, 4), np.uint8)], ValueError, r'frame 0 is uint8 \(4, 4\)')):
        with pytest.raises(error, match=message):
            inferencer(bad, show_progress=False)


def test_wrong_models_are_named(model_files, tmp_path):
    with pytest.raises(ValueError, match=r'detector\.pth belongs to another model'):
        VideoPoseInferencer(CONFIG, str(model_files / 'detector.pth'), device='cpu')
    with pytest.raises(ValueError, match=r'pose\.pth belongs to another model than detector config'):
        VideoPoseInferencer(CONFIG, str(model_files / 'pose.pth'), detector=DETECTOR,
                            detector_checkpoint=str(model_files / 'pose.pth'), device='cpu')
    with pytest.raises(FileNotFoundError, match='config no_such_config does not exist'):
        VideoPoseInferencer('no_such_config')
    with pytest.raises(FileNotFoundError, match=r'none\.pth does not exist'):
        VideoPoseInferencer(CONFIG, str(tmp_path / 'none.pth'))
    for detector, message in ((str(model_files / 'detector.pth'), 'is a checkpoint'),
                              (str(tmp_path), 'is no work folder'), (DETECTOR, None)):
        if message:
            with pytest.raises(ValueError, match=message):
                build_person_detector(detector, None, 'cpu')


def test_box_file(tmp_path):
    frames = VideoFrames([np.zeros((8, 8, 3), np.uint8)] * 3)
    good = [dict(image_name='images/val/v/000002.jpg', bbox=[1, 2, 3, 4], score=0.9),
            dict(image_name='images/val/v/000000.jpg', bbox=[1, 2, 3, 4], score=0.1)]
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps(good))
    found = BoxFile(path, 0.3).for_video(frames)(list(frames), 0)
    assert [len(boxes) for boxes in found] == [0, 0, 1] and np.allclose(found[2], [[1, 2, 4, 6, 0.9]])
    path.write_text(json.dumps([dict(frame_id=1, bbox=[1, 2, 3, 4], score=0.9)]))
    assert [len(boxes) for boxes in BoxFile(path, 0.3).for_video(frames)(list(frames), 0)] == [0, 1, 0]
    for bad, message in (([dict(bbox=[1, 2, 3, 4])], 'detection 0 has no "score"'),
                         ([dict(bbox=[1, float('nan'), 3, 4], score=1, frame_id=0)],
                          'detection 0 .*four finite'),
                         ({}, 'must be a JSON list')):
        path.write_text(json.dumps(bad))
        with pytest.raises(UserError, match=message):
            BoxFile(path, 0.3)
    with pytest.raises(FileNotFoundError, match='none.json'):
        build_person_detector(str(tmp_path / 'none.json'), None, 'cpu')


def test_boxes_of_another_video_are_refused_before_anything_is_written(inferencer, tmp_path, monkeypatch):
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps([dict(image_name=f'images/val/{name}/000000.jpg', bbox=[1, 2, 3, 4], score=0.9)
                                for name in ('000001_mpii_test', '000002_mpii_test')]))
    monkeypatch.setattr(inferencer, 'detector', BoxFile(path, 0.3))
    video = write_video(tmp_path / 'walk.mp4')
    with pytest.raises(UserError, match='None of the 2 boxes of .*boxes.json.*"walk": .*000001_mpii_test'):
        inferencer(video, out_dir=tmp_path / 'out', show_progress=False)
    assert not (tmp_path / 'out').exists()


def test_boxes_are_clipped_and_filtered():
    boxes = [[-5, -5, 10, 10, 1], [np.nan, 0, 5, 5, 1], [3, 3, 3, 8, 1], [50, 50, 60, 60, 1],
             [0, 0, np.inf, 5, 1]]
    assert np.allclose(keep_valid(np.array(boxes), (20, 20)), [[0, 0, 10, 10, 1]])
    assert keep_valid(np.zeros((0, 5)), (20, 20)).shape == (0, 5)


def test_window_buffer_forgets_what_is_past():
    buffer = WindowBuffer(ClipWindow((-2, 0, 2)))
    for index in range(5):
        buffer.append(index)
    assert buffer.window(0) == [0, 0, 2] and buffer.window(4) == [2, 4, 4]
    buffer.forget(4)
    assert buffer.window(4) == [2, 4, 4] and len(buffer._frames) == 3


def test_mmpose_inferencer_takes_single_images(root, model_files, testdata):
    config = root / f'configs/body_2d_keypoint/glsmamba/synthetic/{CONFIG}.py'
    inferencer = MMPoseInferencer(
        pose2d=str(config), pose2d_weights=str(model_files / 'pose.pth'), det_model='whole_image',
        device='cpu')
    image = testdata / 'posetrack18/videos/000001_mpiinew_test/000001.jpg'
    people = next(inferencer(str(image)))['predictions'][0]
    assert len(people) == 1 and np.shape(people[0]['keypoints']) == (17, 2)
