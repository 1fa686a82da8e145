"""From the joints of a 2D data set to Human3.6M's, by name.

The table below gives for each of Human3.6M's joints the alternatives in order of preference; a joint made of
several is their mean, its score the least of theirs. For COCO and PoseTrack18 this equals MMPose's
``convert_keypoint_definition``:

===================  ==========================  =============================
Human3.6M            COCO                        PoseTrack18
===================  ==========================  =============================
root                 mean of the hips            mean of the hips
hips, knees          the same                    the same
feet                 ankles                      ankles
spine                mean of hips and shoulders  mean of hips and shoulders
thorax               mean of the shoulders       mean of the shoulders
neck_base            nose                        nose
head                 mean of the eyes            mean of head_bottom, head_top
shoulders … wrists   the same                    the same
===================  ==========================  =============================

Shapes: N poses, K joints of the source, J = 17 joints of Human3.6M.
"""
import numpy as np

_HIPS, _SHOULDERS = ('left_hip', 'right_hip'), ('left_shoulder', 'right_shoulder')

#: Human3.6M's joints in order, each with the alternatives to make it of.
H36M_FROM = {
    'root': (('root', ), ('pelvis', ), _HIPS),
    'right_hip': (('right_hip', ), ),
    'right_knee': (('right_knee', ), ),
    'right_foot': (('right_foot', ), ('right_ankle', )),
    'left_hip': (('left_hip', ), ),
    'left_knee': (('left_knee', ), ),
    'left_foot': (('left_foot', ), ('left_ankle', )),
    'spine': (('spine', ), ('belly', ), _HIPS + _SHOULDERS),
    'thorax': (('thorax', ), _SHOULDERS),
    'neck_base': (('neck_base', ), ('nose', ), ('neck', )),
    'head': (('head', ), ('head_bottom', 'head_top'), ('left_eye', 'right_eye'), ('head_top', )),
    'left_shoulder': (('left_shoulder', ), ),
    'left_elbow': (('left_elbow', ), ),
    'left_wrist': (('left_wrist', ), ),
    'right_shoulder': (('right_shoulder', ), ),
    'right_elbow': (('right_elbow', ), ),
    'right_wrist': (('right_wrist', ), ),
}
H36M_JOINTS = tuple(H36M_FROM)


def joint_names(source):
    """Names of a data set's joints, in order.

    Args:
        source (str | dict | Sequence[str]): The name of a data set of MMPose, metainfo, or the names.

    Returns:
        tuple[str]: The names.

    Raises:
        ValueError: If the data set is unknown or the metainfo has no names.
    """
    if isinstance(source, (list, tuple)):
        return tuple(source)
    if isinstance(source, str):
        from mmpose_gss.models.posemamba.joint_parents import load_metainfo
        source = load_metainfo(source)
    names = source.get('keypoint_id2name') or source.get('keypoint_names')
    if not names:
        raise ValueError('the metainfo of the 2D poses has no joint names (keypoint_id2name)')
    return tuple(names[i] for i in sorted(names)) if isinstance(names, dict) else tuple(names)


def to_h36m(keypoints, scores, names):
    """Converts 2D poses to Human3.6M's joints.

    Args:
        keypoints (ndarray): ``(N,K,2)`` pixels; joints that are not known may be NaN.
        scores (ndarray): ``(N,K)``.
        names (Sequence[str]): The K joint names.

    Returns:
        tuple[ndarray, ndarray]: ``(N,17,2)`` and ``(N,17)`` float32.

    Raises:
        ValueError: If the shapes do not fit the names, or joints are missing to make Human3.6M's of.
    """
    keypoints, scores = np.asarray(keypoints, dtype=np.float32), np.asarray(scores, dtype=np.float32)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (len(names), 2) or scores.shape != keypoints.shape[:2]:
        raise ValueError(
            f'2D poses must be (N,{len(names)},2) with scores (N,{len(names)}) for this skeleton of '
            f'{len(names)} joints, got {keypoints.shape} and {scores.shape}')
    index = {name: i for i, name in enumerate(names)}
    columns, missing = [], []
    for joint, alternatives in H36M_FROM.items():
        usable = [parts for parts in alternatives if all(part in index for part in parts)]
        if usable:
            columns.append([index[part] for part in usable[0]])
        else:
            missing.append(f'{joint} (from {" or ".join("+".join(parts) for parts in alternatives)})')
    if missing:
        raise ValueError(
            f'unknown skeleton: cannot make these joints of Human3.6M from {", ".join(names)}: '
            f'{"; ".join(missing)}')
    out = np.stack([keypoints[:, column].mean(axis=1) for column in columns], axis=1)
    return out, np.stack([scores[:, column].min(axis=1) for column in columns], axis=1)
