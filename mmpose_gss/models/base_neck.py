"""The interface of necks that see a window of frames.

Shapes: B persons, T frames, C input channels, D output channels, h, w size of the feature map.

```
frozen backbone (B·T,C,h,w) ── unfold ──► (B,T,C,h,w) ──► neck ──► (B,T',D,h,w) ──► temporal heatmap head
                                                            └─ in training also ──► extra losses
```
"""
from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

from mmengine.model import BaseModule
from torch import Tensor


class BaseVideoNeck(BaseModule):
    """Turns the features of T frames into features from which the key frame's heatmaps are read.

    A subclass implements :meth:`forward`; one with training losses of its own also overrides :meth:`loss`.
    """

    def forward(self, feats: Tensor, key_index: Optional[int] = None) -> Tensor:
        """Run the neck.

        Args:
            feats (Tensor): Features of the window in time order, ``(B,T,C,h,w)``.
            key_index (int, optional): Position of the key frame in the window. Defaults to ``T // 2``.

        Returns:
            Tensor: ``(B,T',D,h,w)`` with T' = T, or T' = 1 when the neck gathers the window into the
            key frame.
        """
        raise NotImplementedError

    def loss(self, feats: Tensor, batch_data_samples: Sequence,
             key_index: Optional[int] = None) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Run the neck in training.

        Args:
            feats (Tensor): As in :meth:`forward`.
            batch_data_samples (Sequence[PoseDataSample]): The B samples with their targets.
            key_index (int, optional): As in :meth:`forward`.

        Returns:
            tuple: The output of :meth:`forward` and a dict of the neck's own scalar losses, empty here.
        """
        return self(feats, key_index), {}
