"""The demo's own box files, given to video inference on the clips they were made of."""
import importlib.util
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mmpose_gss.apis.detectors import BoxFile
from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.errors import UserError

FRAMES = 5


@pytest.fixture(scope='module')
def clips(root, tmp_path_factory):
    """Two held-out clips."""
    out = tmp_path_factory.mktemp('clips') / 'set'
    subprocess.run([sys.executable, str(root / 'projects/synthetic_posetrack/generate.py'), str(out),
                    '--clips', '3', '--val-clips', '2', '--frames', str(FRAMES), '--size', '192x144',
                    '--seed', '3'],
                   check=True, capture_output=True)
    return out


class FirstPixel:
    """A detector that finds one box in every frame, as wide as the frame's number is high."""

    def __init__(self):
        self.calls = 0

    def __call__(self, frames, first_index):
        self.calls += 1
        return [np.array([[3, 4, 13 + self.calls, 44, 0.9]], np.float32) for _ in frames]


@pytest.fixture(scope='module')
def box_file(root, clips, tmp_path_factory):
    """What projects/quick_demo/detect_boxes.py writes for the split."""
    spec = importlib.util.spec_from_file_location(
        'detect_boxes', root / 'projects' / 'quick_demo' / 'detect_boxes.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    images = json.loads((clips / 'annotations/posetrack18_val.json').read_text())['images']
    assert len(images) == 2 * FRAMES
    path = tmp_path_factory.mktemp('boxes') / 'boxes.json'
    path.write_text(json.dumps(module.detect(FirstPixel(), clips, images)))
    return path


def widths(path, video):
    """Width of the box that each frame of a video gets."""
    frames = VideoFrames(video)
    detector = BoxFile(path, 0.3).for_video(frames)
    images, found = list(frames), []
    for first in range(0, len(images), 2):                             # in chunks, as inference asks
        found += detector(images[first:first + 2], first)
    assert all(len(boxes) == 1 for boxes in found)
    return [float(boxes[0, 2] - boxes[0, 0]) for boxes in found]


@pytest.mark.parametrize('number', [0, 1])
@pytest.mark.parametrize('strip', [(), ('image_name', ), ('image_id', 'frame_id')])
def test_every_frame_gets_its_box(clips, box_file, tmp_path, number, strip):
    entries = [{key: value for key, value in entry.items() if key not in strip}
               for entry in json.loads(box_file.read_text())]
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps(entries))
    name = sorted(folder.name for folder in (clips / 'images/val').iterdir())[number]
    movie = next(clips.rglob(f'{name}.mp4'))
    expected = [11 + FRAMES * number + i for i in range(FRAMES)]
    assert widths(path, clips / 'images/val' / name) == expected       # a folder of images
    assert widths(path, movie) == expected                             # a video file


def test_a_clip_of_another_name_is_refused_where_several_fit(clips, box_file, tmp_path):
    name = sorted(folder.name for folder in (clips / 'images/val').iterdir())[0]
    renamed = tmp_path / 'walk.mp4'
    renamed.write_bytes(next(clips.rglob(f'{name}.mp4')).read_bytes())
    with pytest.raises(UserError, match=f'None of the 10 boxes.*"walk": .*{name}'):
        widths(box_file, renamed)
    one = tmp_path / 'one.json'
    one.write_text(json.dumps([entry for entry in json.loads(box_file.read_text())
                               if f'/{name}/' in entry['image_name']]))
    assert widths(one, renamed) == [11 + i for i in range(FRAMES)]     # the only video of the file


def test_the_frames_are_those_the_boxes_were_found_in(clips):
    name = sorted(folder.name for folder in (clips / 'images/val').iterdir())[0]
    image = cv2.imread(str(clips / 'images/val' / name / '000003.jpg')).astype(float)
    frames = list(VideoFrames(next(clips.rglob(f'{name}.mp4'))))
    differences = [np.abs(frame - image).mean() for frame in frames]
    assert len(frames) == FRAMES and int(np.argmin(differences)) == 3
