"""Packing windows into model inputs."""
from typing import Sequence

from mmpose.datasets.transforms import PackPoseInputs

from mmpose_gss.errors import UserError
from mmpose_gss.registry import TRANSFORMS

CLIP_META_KEYS = ('id', 'img_id', 'img_path', 'img_paths', 'key_index', 'frame_id', 'vid_id', 'frame_offsets',
                  'track_id', 'person_id', 'box_source', 'bbox_head', 'category_id', 'ori_shape', 'img_shape',
                  'input_size', 'input_center', 'input_scale', 'flip', 'flip_direction', 'flip_indices',
                  'raw_ann_info', 'dataset_name')


@TRANSFORMS.register_module()
class PackClipInputs(PackPoseInputs):
    """Pack a window: ``inputs`` ``(T, 3, H, W)`` uint8 and a data sample with its meta information.

    Args:
        meta_keys (Sequence[str]): Keys kept as meta information, if present. Defaults to
            :data:`CLIP_META_KEYS`.
        pack_transformed (bool): As in MMPose's PackPoseInputs. Defaults to False.

    Raises:
        UserError: If the sample's frames are not a list; LoadClip must come first.
    """

    def __init__(self, meta_keys: Sequence[str] = CLIP_META_KEYS, pack_transformed: bool = False) -> None:
        super().__init__(meta_keys=tuple(meta_keys), pack_transformed=pack_transformed)

    def transform(self, results: dict) -> dict:
        """Pack a sample.

        Args:
            results (dict): The sample; ``img`` is a list of T arrays ``(H, W, 3)``.

        Returns:
            dict: ``inputs`` and ``data_samples``.
        """
        if not isinstance(results.get('img'), list):
            raise UserError('PackClipInputs needs a list of frames in "img"; start the pipeline with '
                            'mmpose_gss.LoadClip.')
        return super().transform(results)
