"""The 15 joints of JHMDB; sigmas and limb weights are those of MMPose's ``jhmdb.py``."""
_BLUE, _GREEN, _ORANGE = [51, 153, 255], [0, 255, 0], [255, 128, 0]

# name, colour, half of the body, mirrored joint, loss weight, sigma of the object keypoint similarity
_JOINTS = (
    ('neck', _BLUE, 'upper', '', 1.0, 0.025),
    ('belly', _BLUE, 'upper', '', 1.0, 0.107),
    ('head', _BLUE, 'upper', '', 1.0, 0.025),
    ('right_shoulder', _ORANGE, 'upper', 'left_shoulder', 1.0, 0.079),
    ('left_shoulder', _GREEN, 'upper', 'right_shoulder', 1.0, 0.079),
    ('right_hip', _ORANGE, 'lower', 'left_hip', 1.0, 0.107),
    ('left_hip', _GREEN, 'lower', 'right_hip', 1.0, 0.107),
    ('right_elbow', _ORANGE, 'upper', 'left_elbow', 1.2, 0.072),
    ('left_elbow', _GREEN, 'upper', 'right_elbow', 1.2, 0.072),
    ('right_knee', _ORANGE, 'lower', 'left_knee', 1.2, 0.087),
    ('left_knee', _GREEN, 'lower', 'right_knee', 1.2, 0.087),
    ('right_wrist', _ORANGE, 'upper', 'left_wrist', 1.5, 0.062),
    ('left_wrist', _GREEN, 'upper', 'right_wrist', 1.5, 0.062),
    ('right_ankle', _ORANGE, 'lower', 'left_ankle', 1.5, 0.089),
    ('left_ankle', _GREEN, 'lower', 'right_ankle', 1.5, 0.089),
)
_LINKS = (
    ('right_ankle', 'right_knee', _ORANGE),
    ('right_knee', 'right_hip', _ORANGE),
    ('right_hip', 'belly', _ORANGE),
    ('belly', 'left_hip', _GREEN),
    ('left_hip', 'left_knee', _GREEN),
    ('left_knee', 'left_ankle', _GREEN),
    ('belly', 'neck', _BLUE),
    ('neck', 'head', _BLUE),
    ('neck', 'right_shoulder', _ORANGE),
    ('right_shoulder', 'right_elbow', _ORANGE),
    ('right_elbow', 'right_wrist', _ORANGE),
    ('neck', 'left_shoulder', _GREEN),
    ('left_shoulder', 'left_elbow', _GREEN),
    ('left_elbow', 'left_wrist', _GREEN),
)

JHMDB = dict(
    dataset_name='jhmdb',
    paper_info=dict(
        title='Towards Understanding Action Recognition', year='2013', homepage='http://jhmdb.is.tue.mpg.de'),
    keypoint_info={
        i: dict(name=joint, id=i, color=color, type=half, swap=swap)
        for i, (joint, color, half, swap, _, _) in enumerate(_JOINTS)
    },
    skeleton_info={i: dict(link=(a, b), id=i, color=color) for i, (a, b, color) in enumerate(_LINKS)},
    joint_weights=[joint[4] for joint in _JOINTS],
    sigmas=[joint[5] for joint in _JOINTS])
