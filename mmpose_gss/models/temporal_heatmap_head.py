"""Reads heatmaps from the key frame's features.

Shapes: B persons, D channels, K joints, h, w size of the heatmaps.
"""
from __future__ import annotations

from types import MappingProxyType
from typing import Optional, Sequence, Tuple

import torch
from mmpose.models.heads import HeatmapHead
from mmpose.utils.typing import ConfigType, OptConfigType
from torch import Tensor

from mmpose_gss.engine.checkpoint import load_checkpoint
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class TemporalHeatmapHead(HeatmapHead):
    """MMPose's heatmap head with the defaults of the video systems: one 3x3 convolution, MSE.

    Loss, decoding and flip test are MMPose's, whose own ``HeatmapHead`` serves as well.

    Args:
        in_channels (int): D.
        out_channels (int): K.
        final_layer (dict): Arguments of the last convolution. Defaults to 3x3, as in GLSMamba and SDTC.
        deconv_out_channels (Sequence[int], optional): As in MMPose's head, for backbones without a
            deconvolution stage of their own. Defaults to None.
        deconv_kernel_sizes (Sequence[int], optional): Likewise.
        loss (dict, optional): Loss of the heatmaps. Defaults to MSE over annotated joints.
        decoder (dict, optional): Codec that turns heatmaps into coordinates.
        init_cfg (dict, optional): Initialisation, MMPose's default if None.
            ``dict(type='Pretrained', checkpoint=..., prefix='head.')`` takes over the head of a whole
            estimator, which must fit completely: a neck that corrects the encoder's features starts there.
    """

    def __init__(self, in_channels: int, out_channels: int,
                 final_layer: ConfigType = MappingProxyType(dict(kernel_size=3, padding=1)),
                 deconv_out_channels: Optional[Sequence[int]] = None,
                 deconv_kernel_sizes: Optional[Sequence[int]] = None,
                 loss: OptConfigType = None,
                 decoder: OptConfigType = None, init_cfg: OptConfigType = None):
        if loss is None:
            loss = dict(type='KeypointMSELoss', use_target_weight=True)
        super().__init__(
            in_channels=in_channels, out_channels=out_channels, deconv_out_channels=deconv_out_channels,
            deconv_kernel_sizes=deconv_kernel_sizes, final_layer=final_layer, loss=loss, decoder=decoder,
            init_cfg=init_cfg)

    def init_weights(self) -> None:
        """Initialise, or load the checkpoint of ``init_cfg`` strictly.

        Raises:
            FileNotFoundError: If the checkpoint does not exist.
            UserError: If it has no such head.
        """
        if not isinstance(self.init_cfg, dict) or self.init_cfg.get('type') != 'Pretrained':
            super().init_weights()
            return
        load_checkpoint(
            self, self.init_cfg['checkpoint'], "TemporalHeatmapHead's config", exact=True,
            prefix=self.init_cfg.get('prefix') or '',
            remedy='give the checkpoint of an estimator with this head, or no init_cfg')
        self._is_init = True

    def forward(self, feats: Tuple[Tensor, ...]) -> Tensor:
        """Predict heatmaps.

        Args:
            feats (tuple[Tensor]): Maps of the key frame, of which the last, ``(B,D,h,w)``, is read.

        Returns:
            Tensor: Heatmaps ``(B,K,h,w)``.
        """
        heatmaps = super().forward(feats)
        # MMPose's accuracy turns heatmaps into NumPy arrays, which know no bfloat16.
        return heatmaps.float() if heatmaps.dtype == torch.bfloat16 else heatmaps
