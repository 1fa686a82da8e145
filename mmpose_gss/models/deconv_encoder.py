"""Encoder of single frames: any backbone and an optional deconvolution stage.

Shapes: N images, H, W their size, C channels.
"""
from __future__ import annotations

from typing import Optional, Sequence, Tuple

from mmcv.cnn import build_upsample_layer
from mmengine.logging import MMLogger
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.engine.checkpoint import load_checkpoint
from mmpose_gss.errors import UserError
from mmpose_gss.registry import MODELS

#: Padding and output padding with which a stride-2 deconvolution doubles the size exactly (as in MMPose's
#: ``HeatmapHead``), by kernel size.
_DECONV_PADDING = {4: (1, 0), 3: (1, 1), 2: (0, 0)}


@MODELS.register_module()
class DeconvEncoder(BaseModule):
    """A backbone followed by the stride-2 deconvolutions of a pose head, e.g. ViTPose's two.

    GLSMamba takes over ViTPose up to its last deconvolution and freezes it (freezing is the estimator's
    ``freeze_backbone``). Names of parameters: ``backbone.*`` as in the backbone, ``deconv_layers.*`` as in
    MMPose's ``HeatmapHead``; ``tools/model_converters/vitpose.py`` turns a ViTPose checkpoint into these.

    Args:
        backbone (dict): Config of a backbone, e.g. ``mmpretrain.VisionTransformer``; its last output is
            deconvolved, others (``out_indices``) are passed on as they are.
        deconv (dict, optional): ``in_channels`` (int), ``out_channels`` and ``kernel_sizes`` (sequences of
            equal length; kernels 2, 3 or 4) of the deconvolutions, each followed by batch normalisation and
            ReLU. None leaves the backbone's resolution (GLSMamba-BLR).
        init_cfg (dict, optional): ``dict(type='Pretrained', checkpoint=...)`` with a converted checkpoint.
            It must fit completely: a frozen encoder with a few random layers would train without any error.
            Without ``deconv`` the file's deconvolutions and head are left out, so that MMPose's own files
            serve. ``prefix='backbone.'`` takes the encoder out of the checkpoint of a whole estimator.
    """

    def __init__(self,
                 backbone: dict,
                 deconv: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.backbone = MODELS.build(backbone)
        self.deconv_layers = nn.Identity() if deconv is None else self._make_deconv(**deconv)

    @staticmethod
    def _make_deconv(in_channels: int, out_channels: Sequence[int],
                     kernel_sizes: Sequence[int]) -> nn.Sequential:
        if len(out_channels) != len(kernel_sizes):
            raise UserError(f'deconv.out_channels {tuple(out_channels)} and deconv.kernel_sizes '
                            f'{tuple(kernel_sizes)} must have the same length.')
        layers = []
        for channels, kernel in zip(out_channels, kernel_sizes):
            if kernel not in _DECONV_PADDING:
                raise UserError(f'deconv.kernel_sizes must be of {sorted(_DECONV_PADDING)}, got {kernel}.')
            padding, output_padding = _DECONV_PADDING[kernel]
            layers += [
                build_upsample_layer(
                    dict(type='deconv',
                         in_channels=in_channels,
                         out_channels=channels,
                         kernel_size=kernel,
                         stride=2,
                         padding=padding,
                         output_padding=output_padding,
                         bias=False)),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True)
            ]
            in_channels = channels
        return nn.Sequential(*layers)

    def init_weights(self) -> None:
        """Initialise, or load the checkpoint of ``init_cfg`` strictly.

        Raises:
            FileNotFoundError: If the checkpoint does not exist.
            UserError: If it is not one of exactly this encoder.
        """
        if not isinstance(self.init_cfg, dict) or self.init_cfg.get('type') != 'Pretrained':
            super().init_weights()
            return
        path, prefix = self.init_cfg['checkpoint'], self.init_cfg.get('prefix') or ''
        remedy = "make it from MMPose's checkpoint with tools/model_converters/vitpose.py"
        if prefix:
            remedy = f'give the checkpoint of an estimator with this encoder at {prefix!r}'
        load_checkpoint(
            self, path, "DeconvEncoder's config", prefix=prefix, exact=True, remedy=remedy,
            leave_out=('deconv_layers.', 'head.') if isinstance(self.deconv_layers, nn.Identity) else ())
        MMLogger.get_current_instance().info(f'Encoder loaded from {path}.')
        self._is_init = True

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        """Encode images ``(N,3,H,W)``.

        Returns:
            tuple[Tensor]: The backbone's outputs ``(N,C_i,h_i,w_i)``, the last one deconvolved.
        """
        feats = self.backbone(x)
        feats = tuple(feats) if isinstance(feats, (tuple, list)) else (feats, )
        return (*feats[:-1], self.deconv_layers(feats[-1]))
