"""Skeletons: sides, trees, and MMPose's own descriptions of the same data sets."""
import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_gss.structures import metainfo, skeletons
from mmpose_gss.structures.skeletons import COCO, H36M, H36M_FROM, JHMDB, POSETRACK, Joint, Skeleton

ALL = dict(COCO=COCO, H36M=H36M, JHMDB=JHMDB, POSETRACK=POSETRACK)


@pytest.mark.parametrize('ours, theirs', [
    (metainfo.COCO, 'coco'), (metainfo.H36M, 'h36m'), (metainfo.JHMDB, 'jhmdb'),
    (metainfo.POSETRACK18, 'posetrack18')])
def test_descriptions_equal_mmpose(ours, theirs):
    ours = parse_pose_metainfo(ours)
    theirs = parse_pose_metainfo(dict(from_file=f'configs/_base_/datasets/{theirs}.py'))
    keys = ['dataset_name', 'keypoint_id2name', 'flip_indices', 'skeleton_links', 'upper_body_ids',
            'lower_body_ids', 'sigmas', 'dataset_keypoint_weights']
    if ours['dataset_name'] != 'jhmdb':                     # MMPose's colours of JHMDB do not tell the sides
        keys += ['keypoint_colors', 'skeleton_link_colors']
    for key in keys:
        ours_, theirs_ = ours[key], theirs[key]
        if key == 'dataset_keypoint_weights' and theirs['dataset_name'] == 'posetrack18':
            theirs_ = np.where(np.isin(POSETRACK.names, skeletons.UNANNOTATED_JOINTS), 0, theirs_)
        np.testing.assert_array_equal(ours_, theirs_, err_msg=key)


@pytest.mark.parametrize('name', ALL)
def test_mirroring_twice_is_nothing(name):
    flips = ALL[name].flip_indices
    assert [flips[i] for i in flips] == list(range(ALL[name].num_joints))
    sides = [joint.split('_')[0] for joint in ALL[name].names]
    assert all((i == j) == (sides[i] not in ('left', 'right')) for i, j in enumerate(flips))


@pytest.mark.parametrize('name', ALL)
def test_links_join_joints_that_exist(name):
    assert all(0 <= a < ALL[name].num_joints and a != b for a, b in ALL[name].link_indices)


def test_human36m_is_a_tree_that_ends_at_the_root():
    tree = H36M.tree()
    assert tuple(tree) == H36M.names and tree['root'] is None
    for joint in H36M.names:
        steps = 0
        while joint != 'root':
            joint, steps = tree[joint], steps + 1
        assert steps <= 6


def test_links_that_are_no_tree_are_refused():
    with pytest.raises(ValueError, match='two parents|has the parents'):
        COCO.tree()
    joints = (Joint('a', 'upper', (0, 0, 0)), Joint('b', 'upper', (0, 0, 0)))
    with pytest.raises(ValueError, match='roots'):
        Skeleton(joints, (), ()).tree()


def test_groups_and_orders_name_joints_that_exist():
    assert set(skeletons.POSETRACK17_JOINTS) | set(skeletons.UNANNOTATED_JOINTS) == set(POSETRACK.names)
    grouped = [joint for names in skeletons.POSETRACK_GROUPS.values() for joint in names]
    assert sorted(grouped) == sorted(skeletons.POSETRACK17_JOINTS)
    assert {joint for names in skeletons.JHMDB_GROUPS.values() for joint in names} < set(JHMDB.names)
    assert tuple(H36M_FROM) == H36M.names
