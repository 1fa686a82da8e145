"""Scan orders as data: in which order the tokens of a (T, H, W) grid are visited.

Legend: T frames, H rows, W columns, L = T*H*W tokens. A token's number is its place in a contiguous
(T, H, W) map: ``(t * H + h) * W + w``. An order is a permutation of these numbers, cut into sequences that
do not see each other. Nothing here knows about features: orders are index maps, each with its inverse.

Names understood by :func:`get_scan_order` (``[..]`` optional; every name may end in ``_reversed``):

=====================  =======================================================================================
``unified_horizontal`` frames side by side in one H x (T*W) panorama, row after row
``unified_vertical``   the same panorama, column after column
``spatial``            frame after frame, each row by row (PoseMamba, H=1, W=J: joint by joint in each frame)
``temporal``           pixel after pixel, each through time (PoseMamba: joint after joint, through time)
``window[(h,w)]``      tubes of h x w x T tokens (default 8 x 6), each an own sequence, frame by frame inside;
                       tubes at the lower and right border are smaller when h or w does not divide the map
=====================  =======================================================================================

Sources: GLSMamba (arXiv 2510.11017), STS6D and WSTS; PoseMamba (arXiv 2408.03540), its four orders.
"""
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Sequence, Tuple, Union

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

#: GLSMamba's six orders; order i and order i + 3 are the two scans of one pair (unified, spatial, temporal).
GLSMAMBA_ORDERS = ('unified_horizontal', 'spatial', 'temporal', 'unified_vertical', 'spatial_reversed',
                   'temporal_reversed')
#: The forward and the backward scan inside 8 x 6 x T tubes of GLSMamba's local blocks.
GLSMAMBA_WINDOW_ORDERS = ('window(8,6)', 'window_reversed(8,6)')
#: PoseMamba's four orders on the (T, 1, J) grid.
POSEMAMBA_ORDERS = ('spatial', 'temporal', 'spatial_reversed', 'temporal_reversed')

_NAME = re.compile(r'^(?P<rule>unified_horizontal|unified_vertical|spatial|temporal|window)'
                   r'(?P<rev1>_reversed)?'
                   r'(?:\(\s*(?P<h>\d+)\s*,\s*(?P<w>\d+)\s*\))?'
                   r'(?P<rev2>_reversed)?$')


@dataclass(frozen=True, eq=False)
class ScanOrder:
    """One order of visiting the tokens of a grid.

    Attributes:
        name (str): How the order was asked for.
        grid (tuple[int, int, int]): T, H, W.
        index (Tensor): (L,) int64; ``index[p]`` is the token visited at position p. A permutation.
        starts (Tensor): (S,) int64, ascending, first 0; positions at which a new sequence starts.
    """
    name: str
    grid: Tuple[int, int, int]
    index: Tensor
    starts: Tensor

    def __post_init__(self) -> None:
        t, h, w = self.grid
        if self.index.dim() != 1 or self.index.numel() != t * h * w:
            raise ValueError(f'scan order {self.name!r} has an index of shape {tuple(self.index.shape)}; '
                             f'a {t}x{h}x{w} grid needs one of shape ({t * h * w},)')
        if not torch.equal(self.index.sort().values, torch.arange(t * h * w)):
            raise ValueError(f'scan order {self.name!r} does not visit every token exactly once')
        starts = self.starts
        if starts.numel() == 0 or starts[0] != 0 or (starts.diff() <= 0).any() or starts[-1] >= t * h * w:
            raise ValueError(
                f'scan order {self.name!r} needs ascending sequence starts from 0 below {t * h * w}')

    @property
    def inverse(self) -> Tensor:
        """(L,) int64; ``inverse[n]`` is the position at which token n is visited."""
        return torch.argsort(self.index)

    @property
    def first(self) -> Tensor:
        """(L,) bool; whether a position is the first of its sequence."""
        mask = torch.zeros(self.index.numel(), dtype=torch.bool)
        mask[self.starts] = True
        return mask

    @property
    def lengths(self) -> Tensor:
        """(S,) int64; tokens in each sequence."""
        return torch.cat([self.starts, torch.tensor([self.index.numel()])]).diff()

    def reversed(self) -> 'ScanOrder':
        """Return the same sequences, each visited backwards."""
        length = self.index.numel()
        ends = torch.cat([self.starts[1:], torch.tensor([length])])
        return ScanOrder(f'{self.name}_reversed', self.grid, self.index.flip(0), (length - ends).flip(0))


def _window(tokens: Tensor, size: Tuple[int, int]) -> Tuple[Tensor, Tensor]:
    """Find index and sequence starts of tubes of ``size`` pixels through all frames of (T, H, W) tokens."""
    tubes = [tube.reshape(-1) for rows in tokens.split(size[0], dim=1) for tube in rows.split(size[1], dim=2)]
    ends = torch.tensor([tube.numel() for tube in tubes]).cumsum(0)
    return torch.cat(tubes), torch.cat([torch.zeros(1, dtype=torch.int64), ends[:-1]])


@lru_cache(maxsize=256)
def _build(name: str, frames: int, height: int, width: int) -> ScanOrder:
    match = _NAME.match(name)
    if match is None or (match['h'] and match['rule'] != 'window') or (match['rev1'] and match['rev2']):
        raise ValueError(
            f'unknown scan order {name!r}: use unified_horizontal, unified_vertical, spatial, temporal '
            "or window(h,w), each optionally with '_reversed'")
    with _disable_current_modes():  # what is cached must be real numbers, also while a graph is being traced
        return _build_checked(name, match, frames, height, width)


def _build_checked(name: str, match: 're.Match', frames: int, height: int, width: int) -> ScanOrder:
    tokens = torch.arange(frames * height * width).view(frames, height, width)
    starts = torch.zeros(1, dtype=torch.int64)
    rule = match['rule']
    if rule == 'unified_horizontal':
        index = tokens.permute(1, 0, 2).reshape(-1)
    elif rule == 'unified_vertical':
        index = tokens.permute(0, 2, 1).reshape(-1)
    elif rule == 'spatial':
        index = tokens.reshape(-1)
    elif rule == 'temporal':
        index = tokens.permute(1, 2, 0).reshape(-1)
    else:
        size = (int(match['h']), int(match['w'])) if match['h'] else (8, 6)
        if min(size) < 1:
            raise ValueError(f'scan order {name!r}: a window has at least one row and one column')
        index, starts = _window(tokens, size)
    order = ScanOrder(name, (frames, height, width), index, starts)
    if match['rev1'] or match['rev2']:
        turned = order.reversed()
        order = ScanOrder(name, order.grid, turned.index, turned.starts)
    return order


def get_scan_order(order: Union[str, ScanOrder], frames: int, height: int, width: int) -> ScanOrder:
    """Look up a scan order by name for a grid (names are cached; do not write into the tensors).

    Args:
        order (str | ScanOrder): A name (see the module's table), or an order of one's own, which is checked
            against the grid.
        frames, height, width (int): The grid, each at least 1.

    Raises:
        ValueError: Unknown name, empty grid, or an order made for another grid.
    """
    if min(frames, height, width) < 1:
        raise ValueError(f'a scan order needs a grid of at least one token, got {frames}x{height}x{width}')
    if isinstance(order, ScanOrder):
        if tuple(order.grid) != (frames, height, width):
            raise ValueError(f'scan order {order.name!r} is made for the grid {order.grid}, '
                             f'not for {(frames, height, width)}')
        return order
    if not isinstance(order, str):
        raise ValueError(f'a scan order is a name or a ScanOrder, got {type(order).__name__}')
    return _build(order, int(frames), int(height), int(width))


def merge_groups(num_orders: int, merge: Union[None, Sequence[int]] = None) -> Tuple[int, ...]:
    """Give the group number per order; outputs of one group are summed.

    Args:
        num_orders (int): K.
        merge (Sequence[int] | None): K group numbers covering 0 … G-1. By default order i and order i + K/2
            form a pair; a single order is its own group.

    Raises:
        ValueError: Wrong count, numbers that leave a gap, or no ``merge`` for an odd K above 1.
    """
    if merge is None:
        if num_orders == 1:
            return (0,)
        if num_orders % 2:
            raise ValueError(
                f'{num_orders} scan orders do not form pairs: give merge=, a group number per order')
        return tuple(k % (num_orders // 2) for k in range(num_orders))
    groups = tuple(int(g) for g in merge)
    if len(groups) != num_orders or not groups or set(groups) != set(range(max(groups) + 1)):
        raise ValueError(f'merge={groups} must give each of the {num_orders} orders a group number, '
                         'the groups counted from 0 without gaps')
    return groups
