"""Videos and folders are read as they are meant, or refused: not stretched, sideways or out of order."""
import struct

import cv2
import numpy as np
import pytest

from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.errors import UserError
from mmpose_gss.structures.image_file import natural_key


def image(path, shade=0, size=(48, 64)):
    assert cv2.imwrite(str(path), np.full((*size, 3), shade, np.uint8))
    return path


def test_frames_come_in_the_order_of_their_numbers(tmp_path):
    for number in range(12):
        image(tmp_path / f'{number}.png', number * 10)
    assert [int(frame[0, 0, 0]) for frame in VideoFrames(tmp_path)] == [number * 10 for number in range(12)]


def test_natural_order():
    names = ['a2.jpg', 'a10.jpg', 'a1.jpg', 'b.jpg', '10.jpg', '9.jpg', '09.jpg', '1' * 5000 + '.jpg',
             'a.jpg']
    assert sorted(names, key=natural_key) == [
        '09.jpg', '9.jpg', '10.jpg', '1' * 5000 + '.jpg', 'a1.jpg', 'a2.jpg', 'a10.jpg', 'a.jpg', 'b.jpg']


def test_hidden_files_and_folders_are_no_frames(tmp_path):
    image(tmp_path / '000.jpg')
    (tmp_path / '._000.jpg').write_bytes(b'Mac OS X')
    (tmp_path / '001.jpg').mkdir()
    assert VideoFrames(tmp_path).expected == 1


@pytest.mark.parametrize('name', ['001.jpg', '001.png'])
def test_an_image_cut_short_is_refused(tmp_path, name):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
    for number in ('000', '001'):
        cv2.imwrite(str(tmp_path / f'{number}{name[3:]}'), noise)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:len(data) // 2])
    with pytest.raises(UserError, match=rf'{name}" is a truncated'):
        list(VideoFrames(tmp_path))


def test_frames_of_another_size_are_refused(tmp_path):
    image(tmp_path / '0.png'), image(tmp_path / '1.png', size=(64, 48))
    with pytest.raises(UserError, match=r'1\.png has 48x64 pixels, but the first frame 64x48'):
        list(VideoFrames(tmp_path))
    with pytest.raises(UserError, match='the list of frames, frame 1 has 12x8'):
        list(VideoFrames([np.zeros((4, 6, 3), np.uint8), np.zeros((8, 12, 3), np.uint8)]))


def turned(path, matrix):
    """Write the matrix by which players turn a video into an mp4 of ours."""
    data = bytearray(path.read_bytes())
    at = data.index(b'tkhd') + 44
    assert data[at:at + 36] == struct.pack('>9i', 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    data[at:at + 36] = struct.pack('>9i', *matrix)
    path.write_bytes(data)


@pytest.mark.parametrize('degrees, matrix', [
    (90, (0, 1, 0, -1, 0, 0)), (180, (-1, 0, 0, 0, -1, 0)), (270, (0, -1, 0, 1, 0, 0))])
def test_a_video_recorded_sideways_is_read_upright(tmp_path, degrees, matrix):
    path, frame = tmp_path / 'phone.mp4', np.zeros((48, 64, 3), np.uint8)
    frame[:16, :16] = 255
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (64, 48))
    for _ in range(3):
        writer.write(frame)
    writer.release()
    turned(path, [*(value << 16 for value in matrix), 64 << 16, 64 << 16, 1 << 30])
    frames = VideoFrames(path)
    read = list(frames)
    expected = np.rot90(frame, -degrees // 90)
    assert frames.size == expected.shape[1::-1] and len(read) == 3
    for picture in read:
        assert np.abs(picture.astype(int) - expected).mean() < 8


def test_cameras_are_told_apart_from_files():
    with pytest.raises(FileNotFoundError, match='video 0 does not exist.*cameras are not read'):
        VideoFrames('0')


def test_a_folder_with_dots_keeps_its_name(tmp_path, monkeypatch):
    folder = tmp_path / 'clip.v2'
    folder.mkdir()
    image(folder / '0.png')
    monkeypatch.chdir(folder)
    assert VideoFrames(folder).name == VideoFrames('.').name == 'clip.v2'
