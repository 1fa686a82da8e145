"""The window: length, key frame, clamping, jitter."""
import numpy as np
import pytest

from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_window import ClipWindow


def test_key_frame_and_length():
    assert (ClipWindow((-2, -1, 0, 1, 2)).num_frames, ClipWindow((-2, -1, 0, 1, 2)).key_index) == (5, 2)
    assert ClipWindow((-4, -3, -2, -1, 0)).key_index == 4  # a window of the past
    assert ClipWindow((0, )) == ClipWindow.centred(1)
    assert ClipWindow.centred(5) == ClipWindow.around(2, 5) == ClipWindow((-2, -1, 0, 1, 2))
    assert ClipWindow([np.int64(-1), 0, 1]).offsets == (-1, 0, 1)
    # Where an augmentation repeats the key frame, the first 0 is not it.
    assert ClipWindow((-2, 0, 0, 1, 2), key_index=2).key_index == 2


def test_positions_are_clamped_to_the_clip():
    window = ClipWindow((-2, 0, 3))
    assert window.positions(0, 10) == [0, 0, 3]
    assert window.positions(5, 10) == [3, 5, 8]
    assert window.positions(9, 10) == [7, 9, 9]
    assert window.positions(0, 1) == [0, 0, 0]


def test_jitter_keeps_sides_order_and_key_frame():
    window = ClipWindow((-3, -1, 0, 1, 3))
    np.random.seed(0)
    seen = {window.jittered(2).offsets for _ in range(200)}
    assert len(seen) > 20 and window.jittered(0) == window
    for offsets in seen:
        assert list(offsets) == sorted(offsets) and offsets[2] == 0
        assert max(offsets[:2]) <= -1 and min(offsets[3:]) >= 1
        assert -5 <= offsets[0] and offsets[4] <= 5
    assert window.jittered(2).key_index == 2


@pytest.mark.parametrize('offsets, words', [
    ((-1, 0), 'odd number'), ((-1, 1, 2), 'contain 0'), ((0, 0, 1), 'increase strictly'), ((), 'odd number')])
def test_windows_of_a_config_are_checked(offsets, words):
    with pytest.raises(UserError, match=words):
        ClipWindow.from_frame_offsets(offsets)


def test_impossible_windows():
    with pytest.raises(UserError, match='at least one frame'):
        ClipWindow(())
    with pytest.raises(UserError, match='key_index 3 is outside'):
        ClipWindow((-1, 0, 1), 3)
