"""The 17 joints of PoseTrack, in PoseTrack18's order; the data sets differ in name and source only.

Sigmas and limb weights are those of MMPose's ``posetrack18.py``. Ears are listed by the format but never
annotated, so their weight is 0.
"""
_BLUE, _GREEN, _ORANGE = [51, 153, 255], [0, 255, 0], [255, 128, 0]

# name, colour, half of the body, mirrored joint, loss weight, sigma of the object keypoint similarity
_JOINTS = (
    ('nose', _BLUE, 'upper', '', 1.0, 0.026),
    ('head_bottom', _BLUE, 'upper', '', 1.0, 0.025),
    ('head_top', _BLUE, 'upper', '', 1.0, 0.025),
    ('left_ear', _BLUE, 'upper', 'right_ear', 0.0, 0.035),
    ('right_ear', _BLUE, 'upper', 'left_ear', 0.0, 0.035),
    ('left_shoulder', _GREEN, 'upper', 'right_shoulder', 1.0, 0.079),
    ('right_shoulder', _ORANGE, 'upper', 'left_shoulder', 1.0, 0.079),
    ('left_elbow', _GREEN, 'upper', 'right_elbow', 1.2, 0.072),
    ('right_elbow', _ORANGE, 'upper', 'left_elbow', 1.2, 0.072),
    ('left_wrist', _GREEN, 'upper', 'right_wrist', 1.5, 0.062),
    ('right_wrist', _ORANGE, 'upper', 'left_wrist', 1.5, 0.062),
    ('left_hip', _GREEN, 'lower', 'right_hip', 1.0, 0.107),
    ('right_hip', _ORANGE, 'lower', 'left_hip', 1.0, 0.107),
    ('left_knee', _GREEN, 'lower', 'right_knee', 1.2, 0.087),
    ('right_knee', _ORANGE, 'lower', 'left_knee', 1.2, 0.087),
    ('left_ankle', _GREEN, 'lower', 'right_ankle', 1.5, 0.089),
    ('right_ankle', _ORANGE, 'lower', 'left_ankle', 1.5, 0.089),
)
_LINKS = (
    ('left_ankle', 'left_knee', _GREEN),
    ('left_knee', 'left_hip', _GREEN),
    ('right_ankle', 'right_knee', _ORANGE),
    ('right_knee', 'right_hip', _ORANGE),
    ('left_hip', 'right_hip', _BLUE),
    ('left_shoulder', 'left_hip', _BLUE),
    ('right_shoulder', 'right_hip', _BLUE),
    ('left_shoulder', 'right_shoulder', _BLUE),
    ('left_shoulder', 'left_elbow', _GREEN),
    ('right_shoulder', 'right_elbow', _ORANGE),
    ('left_elbow', 'left_wrist', _GREEN),
    ('right_elbow', 'right_wrist', _ORANGE),
    ('nose', 'head_bottom', _BLUE),
    ('nose', 'head_top', _BLUE),
    ('head_bottom', 'left_shoulder', _BLUE),
    ('head_bottom', 'right_shoulder', _BLUE),
)


def _dataset_info(name: str, title: str, year: str, homepage: str) -> dict:
    return dict(
        dataset_name=name,
        paper_info=dict(title=title, year=year, homepage=homepage),
        keypoint_info={
            i: dict(name=joint, id=i, color=color, type=half, swap=swap)
            for i, (joint, color, half, swap, _, _) in enumerate(_JOINTS)
        },
        skeleton_info={i: dict(link=(a, b), id=i, color=color) for i, (a, b, color) in enumerate(_LINKS)},
        joint_weights=[joint[4] for joint in _JOINTS],
        sigmas=[joint[5] for joint in _JOINTS])


_TITLE = 'PoseTrack: A Benchmark for Human Pose Estimation and Tracking'
_TITLE_21 = 'PoseTrack21: A Dataset for Person Search, Multi-Object Tracking and Multi-Person Pose Tracking'

POSETRACK17 = _dataset_info('posetrack17', _TITLE, '2018', 'https://posetrack.net')
POSETRACK18 = _dataset_info('posetrack18', _TITLE, '2018', 'https://posetrack.net')
POSETRACK21 = _dataset_info('posetrack21', _TITLE_21, '2022', 'https://github.com/anDoer/PoseTrack21')
SYNTHETIC_POSETRACK = _dataset_info(
    'synthetic_posetrack', 'Clips drawn by projects/synthetic_posetrack', '2026', '')
