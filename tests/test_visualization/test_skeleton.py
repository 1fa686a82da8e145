"""The one drawing of a skeleton."""
import numpy as np
import pytest

from mmpose_gss.visualization.skeleton import SkeletonStyle, draw_people, draw_skeleton

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)
STYLE = SkeletonStyle(((0, 1), (1, 2)), (RED, GREEN), (BLUE, ) * 3, thickness=1, radius=1)
POINTS = np.array([[5., 20.], [25., 20.], [45., 20.]])


def draw(points=POINTS, **kwargs):
    picture = np.zeros((40, 50, 3), np.uint8)
    draw_skeleton(picture, points, STYLE, **kwargs)
    return picture


def at(picture, x):
    """Full colour of a pixel of the middle row; the edges of lines are blended."""
    return tuple(np.where(picture[20, x] > 128, 255, 0).tolist())


def test_links_and_joints_have_their_colours():
    picture = draw()
    assert [at(picture, x) for x in (5, 15, 25, 35, 45)] == [BLUE, RED, BLUE, GREEN, BLUE]
    assert not picture[:15].any()


@pytest.mark.parametrize('left_out', [dict(seen=np.array([0.9, 0.1, 0.0])),
                                      dict(points=POINTS * [[1, 1], [1, 1], [np.nan, 1]]),
                                      dict(points=POINTS * [[1, 1], [1, 1], [1, np.inf]])])
def test_what_is_not_seen_is_left_out_with_its_links(left_out):
    picture = draw(**left_out)
    assert picture[20, 15].any() and picture[20, 25].any()
    assert not picture[:, 28:].any()


def test_far_points_are_clipped_and_hollow_joints_are_rings():
    picture = draw(np.array([[5., 20.], [1e12, 20.], [-1e12, -1e12]]))
    assert at(picture, 30) == RED
    style = SkeletonStyle((), (), (BLUE, ) * 3, radius=4)
    ring = np.zeros((40, 50, 3), np.uint8)
    draw_skeleton(ring, POINTS, style, hollow=np.array([True, False, False]))
    assert not ring[20, 5].any() and ring[20, 25].any() and ring[16, 5].any()


def test_style_of_a_data_set_and_of_one_without_colours():
    meta = dict(num_keypoints=2, skeleton_links=[[0, 1]], skeleton_link_colors=np.array([[1, 2, 3]]),
                keypoint_colors=np.array([[1, 2, 3], [4, 5, 6]]))
    style = SkeletonStyle.from_metainfo(meta)
    assert style.links == ((0, 1), ) and style.link_colours == ((3, 2, 1), )
    assert style.joint_colours == ((3, 2, 1), (6, 5, 4))
    plain = SkeletonStyle.from_metainfo(dict(num_keypoints=2))
    assert plain.links == () and len(plain.joint_colours) == 2


def test_people_are_drawn_over_a_copy():
    frame = np.zeros((40, 50, 3), np.uint8)
    picture = draw_people(frame, POINTS[None], np.array([[0.9, 0.9, 0.2]]), np.array([[2., 10., 48., 30.]]),
                          STYLE, least_score=0.3)
    assert not frame.any()
    assert picture[20, 15].any() and picture[10, 20].any() and not picture[20, 40].any()
    assert not draw_people(frame, np.zeros((0, 3, 2)), np.zeros((0, 3)), np.zeros((0, 4)), STYLE).any()
