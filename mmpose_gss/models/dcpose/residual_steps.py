"""Residual steps blocks (RSN, Cai et al. 2020), of which DCPose's three small networks are made.

Shapes: N samples, C channels in, D channels out, h, w size of the map.

A block splits its channels into four branches. Branch i passes i convolutions, each of which also sees what
the same step of the branch before has given:

```
x ─► 1×1 ─► branch 1 ─► ●
            branch 2 ─► ● ─► ●          ●: 3×3; every ● adds the ● above it to its input
            branch 3 ─► ● ─► ● ─► ●
            branch 4 ─► ● ─► ● ─► ● ─► ●
            last ● of each ─► 1×1 ─► + x ─► ReLU
```
"""
from __future__ import annotations

import torch
from torch import Tensor, nn

#: Width of a branch is this share of the block's input channels.
_BRANCH_SHARE = (26, 64)


def conv_bn(in_channels: int, out_channels: int, kernel_size: int, relu: bool = True) -> nn.Sequential:
    """A convolution with bias, batch normalisation and a ReLU or none."""
    layers = [nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2),
              nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class ResidualSteps(nn.Module):
    """One block.

    Args:
        in_channels (int): C, at least 3.
        out_channels (int): D.
        project (bool): Bring the input to D channels by a 1×1 before it is added; needed where C is not D.
    """

    def __init__(self, in_channels: int, out_channels: int, project: bool) -> None:
        super().__init__()
        self.width = in_channels * _BRANCH_SHARE[0] // _BRANCH_SHARE[1]
        self.expand = conv_bn(in_channels, 4 * self.width, 1)
        self.steps = nn.ModuleList(
            nn.ModuleList(conv_bn(self.width, self.width, 3) for _ in range(branch + 1))
            for branch in range(4))
        self.merge = conv_bn(4 * self.width, out_channels, 1, relu=False)
        self.shortcut = conv_bn(in_channels, out_channels, 1, relu=False) if project else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``(N,C,h,w)`` to ``(N,D,h,w)``."""
        above, results = [], []
        for part, branch in zip(self.expand(x).split(self.width, dim=1), self.steps):
            outputs, current = [], part
            for step, conv in enumerate(branch):
                current = conv(current + above[step] if step < len(above) else current)
                outputs.append(current)
            above = outputs
            results.append(current)
        return (self.merge(torch.cat(results, dim=1)) + self.shortcut(x)).relu()


def residual_steps(in_channels: int, out_channels: int, depth: int) -> nn.Sequential:
    """A chain of ``depth`` blocks; the first changes the channels."""
    first = ResidualSteps(in_channels, out_channels, project=True)
    return nn.Sequential(
        first, *(ResidualSteps(out_channels, out_channels, project=False) for _ in range(depth - 1)))
