"""No finished frame is lost: kills, full disks, and outputs that would replace inputs."""
import json
import os
import random
import resource
import signal
import time

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmpose_gss.apis.result_writer import ResultsNotWritten, ResultWriter
from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.errors import UserError
from mmpose_gss.structures.pose_results import read_results

FRAME = np.zeros((48, 64, 3), np.uint8)


def sample(x=1.0):
    return PoseDataSample(pred_instances=InstanceData(
        keypoints=np.full((1, 15, 2), x, np.float32), keypoint_scores=np.ones((1, 15), np.float32),
        bboxes=np.zeros((1, 4), np.float32), bbox_scores=np.ones(1, np.float32)))


def clip(path, frames=3):
    codec = cv2.VideoWriter_fourcc(*'MJPG' if path.suffix == '.avi' else 'mp4v')
    writer = cv2.VideoWriter(str(path), codec, 10, (64, 48))
    for _ in range(frames):
        writer.write(FRAME)
    writer.release()
    return path


def run(source, out, frames=3, draw=True, inputs=()):
    writer = ResultWriter(VideoFrames(source), out, draw, {}, inputs)
    for index in range(frames):
        writer.add(FRAME, sample(index))
    writer.close()
    return writer


def forked(work):
    """Run something in a forked process that writes how far it is to a pipe; give its id and the pipe."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            work(lambda done: os.write(write, b'%d\n' % done))
        finally:
            os._exit(0)
    os.close(write)
    return pid, read


def read_lines(pipe, number):
    """What has come through a pipe once it holds so many lines."""
    content = b''
    while content.count(b'\n') < number:
        content += os.read(pipe, 1)
    return content


def last_number(pipe, reported=b''):
    with os.fdopen(pipe, 'rb') as file:
        lines = (reported + file.read()).split()
    return int(lines[-1]) if lines else 0


def test_kill_at_random_moments_loses_no_finished_frame(tmp_path):
    """kill -9 at 20 moments; whatever add() has returned from is readable, and a rerun is whole."""
    source = clip(tmp_path / 'walk.mp4')

    def work(report):
        writer = ResultWriter(VideoFrames(source), tmp_path / 'out', True, {})
        for index in range(100000):
            writer.add(FRAME, sample(index))
            report(index + 1)

    rng, seen = random.Random(0), []
    for turn in range(20):
        pid, pipe = forked(work)
        # Counted in frames, not in seconds, so that a slow machine is killed as late as a fast one.
        reported = b'' if turn < 4 else read_lines(pipe, rng.randint(1, 30))
        time.sleep(rng.uniform(0, 0.01))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        finished = last_number(pipe, reported)
        stream = tmp_path / 'out/walk.partial.jsonl'
        if finished:
            result = read_results(stream)
            frames = result['instance_info']
            assert result['partial'] is True and finished <= len(frames) == result['video']['num_frames']
            assert [frame['frame_id'] for frame in frames] == list(range(len(frames)))
            assert frames[finished - 1]['instances'][0]['keypoints'][0] == [finished - 1.0] * 2
        seen.append(finished)
    assert sum(count > 0 for count in seen) >= 16, seen
    assert not (tmp_path / 'out/walk.json').exists() and not (tmp_path / 'out/walk.mp4').exists()
    assert not list((tmp_path / 'out').glob('walk_mp4*'))
    run(source, tmp_path / 'out')
    assert read_results(tmp_path / 'out/walk.json')['partial'] is False
    assert not (tmp_path / 'out/walk.partial.jsonl').exists() and (tmp_path / 'out/walk.mp4').is_file()


def test_a_full_disk_keeps_the_frames_and_hands_the_predictions_over(tmp_path):
    source = clip(tmp_path / 'walk.mp4')

    def work(report):
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))   # writes beyond fail, as on a full disk
        writer = ResultWriter(VideoFrames(source), tmp_path / 'out', False, {})
        try:
            for index in range(100000):
                writer.add(None, sample(index))
        except ResultsNotWritten as error:
            assert 'cannot write' in str(error) and 'File too large' in str(error)
            try:
                writer.close(partial=True)
            except ResultsNotWritten as again:
                report(len(again.predictions))

    pid, pipe = forked(work)
    os.waitpid(pid, 0)
    predicted = last_number(pipe)
    assert predicted > 5
    kept = read_results(tmp_path / 'out/walk.partial.jsonl')['instance_info']
    assert len(kept) == predicted - 1                               # all but the one that did not fit
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['walk.partial.jsonl']


def test_a_run_that_ends_early_is_marked(tmp_path):
    writer = ResultWriter(VideoFrames(clip(tmp_path / 'walk.mp4')), tmp_path, False, {})
    writer.add(None, sample())
    writer.close(partial=True)
    result = read_results(writer.json_path)
    assert result['partial'] is True and result['video']['num_frames'] == 1


@pytest.mark.parametrize('link', [None, os.link, os.symlink])
def test_an_output_never_replaces_its_input(tmp_path, link):
    (tmp_path / 'in').mkdir()
    source = clip(tmp_path / 'in/walk.mp4')
    out = tmp_path / 'in'
    if link:
        out = tmp_path / 'out'
        out.mkdir()
        link(source, out / 'walk.mp4')
    before = source.read_bytes()
    writer = run(source, out)
    assert source.read_bytes() == before and (out / 'walk.mp4').read_bytes() == before
    assert writer.video_path.name == 'walk_mp4.mp4' and writer.video_path.is_file()
    assert run(source, out).video_path == writer.video_path         # again: its own results are replaced


def test_a_box_file_of_the_same_name_is_kept(tmp_path):
    source, boxes = clip(tmp_path / 'walk.mp4'), tmp_path / 'out/walk.json'
    boxes.parent.mkdir()
    boxes.write_text('[]')
    writer = run(source, boxes.parent, inputs=[boxes])
    assert boxes.read_text() == '[]' and writer.json_path.name == 'walk_mp4.json'


def test_videos_of_one_name_do_not_replace_each_other(tmp_path):
    first, second = clip(tmp_path / 'c.mp4'), clip(tmp_path / 'c.avi')
    one, two = run(first, tmp_path / 'out'), run(second, tmp_path / 'out', frames=2)
    assert one.json_path.name == 'c.json' and two.json_path.name == 'c_avi.json'
    assert read_results(one.json_path)['video']['source'] == str(first)
    assert run(second, tmp_path / 'out').json_path == two.json_path
    beside = run(second, tmp_path)  # c.mp4 there is another video, not a result
    assert beside.video_path.name == 'c_avi.mp4'


def test_taken_names_and_files_as_folders_are_one_sentence(tmp_path):
    source = clip(tmp_path / 'walk.mp4')
    for stem in ('walk', 'walk_mp4', 'walk_poses'):
        (tmp_path / f'{stem}.json').write_text('3')
    with pytest.raises(UserError, match='name another folder'):
        run(source, tmp_path)
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot make the folder'):
        run(source, tmp_path / 'file')


def test_a_line_cut_short_is_no_frame_and_other_files_are_refused(tmp_path):
    path = tmp_path / 'x.partial.jsonl'
    path.write_text('{"video": {}, "partial": true}\n{"frame_id": 0, "instances": []}\n{"frame_id": 1, "ins')
    assert len(read_results(path)['instance_info']) == 1
    for content in ('', '3\n', '{}\n', '{"video": {}}\nx\n', json.dumps([1]) + '\n'):
        path.write_text(content)
        with pytest.raises(UserError, match='holds no results of a video'):
            read_results(path)
