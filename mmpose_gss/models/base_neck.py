"""The interface of necks that see a window of frames.

Shapes: B persons, T frames, C channels of a map, D output channels, h, w size of the map.

```
backbone (B·T,C,h,w) ── unfold ──► ClipFeatures: maps (B,T,C,h,w), images, window
   ──► neck ──► key frame: a tuple of maps (B,D,h,w), as any neck of MMPose gives ──► head
          └─ in training also ──► losses of its own
```
"""
from __future__ import annotations

from typing import Dict, Sequence, Tuple

from mmengine.model import BaseModule
from torch import Tensor

from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures


class BaseVideoNeck(BaseModule):
    """Turns the features of a window into features of its key frame, ``feats.window.key_index``.

    A subclass implements :meth:`forward`; one with training losses of its own also overrides :meth:`loss`.
    It honours every key frame or refuses those that it was not built for with a
    :class:`~mmpose_gss.errors.UserError`.
    """

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Run the neck.

        Args:
            feats (ClipFeatures): Features of the window in time order.

        Returns:
            tuple[Tensor]: Maps ``(B,D,h,w)`` of the key frame; heads read the last.
        """
        raise NotImplementedError

    def loss(self, feats: ClipFeatures,
             batch_data_samples: Sequence) -> Tuple[Tuple[Tensor, ...], Dict[str, Tensor]]:
        """Run the neck in training.

        Args:
            feats (ClipFeatures): As in :meth:`forward`.
            batch_data_samples (Sequence[PoseDataSample]): The B samples with their targets.

        Returns:
            tuple: The output of :meth:`forward` and a dict of the neck's own scalar losses, empty here.
        """
        return self(feats), {}

    def last_map(self, feats: ClipFeatures, num_frames: int, in_channels: int) -> Tensor:
        """The encoder's last map, for necks that read one.

        Args:
            feats (ClipFeatures): Features of the window.
            num_frames (int): The T that the neck was built for.
            in_channels (int): The C that it was built for.

        Returns:
            Tensor: ``(B,T,C,h,w)``.

        Raises:
            UserError: If the map has other frames or channels.
        """
        last = feats.maps[-1]
        if last.dim() != 5 or tuple(last.shape[1:3]) != (num_frames, in_channels):
            raise UserError(
                f'{type(self).__name__} was built for features (B, {num_frames}, {in_channels}, h, w), but '
                f'got {tuple(last.shape)}; set num_frames and in_channels of the neck to the length of '
                "frame_offsets and to the encoder's channels")
        return last
