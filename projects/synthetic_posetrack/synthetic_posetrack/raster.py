"""A small z-buffer: tapered capsules with textured, shaded surfaces, upright billboards and blobs of shadow.

Coordinates in pixels, depths in metres (larger is farther). Surfaces are opaque; smooth edges come from
averaging sub-frames that are shifted by parts of a pixel.
"""
from dataclasses import dataclass, fields

import cv2
import numpy as np

LIGHT = np.array([-0.45, -0.65, -0.62], np.float32)
"""Unit direction to the light in the camera's axes (from the upper left, behind the camera)."""
AMBIENT, DIFFUSE = 0.5, 0.62
TEXTURE_SHAPE = (32, 64)
"""Rows along the part, columns around it; the middle column faces forward."""


class Canvas:
    """Colour (H, W, 3) uint8 BGR, depth (H, W) float32 metres."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.color = np.zeros((height, width, 3), np.uint8)
        self.depth = np.full((height, width), np.inf, np.float32)
        self._x = np.arange(width, dtype=np.float32)[None]
        self._y = np.arange(height, dtype=np.float32)[:, None]

    def clear(self, backdrop):
        """Start a frame on a backdrop (H, W, 3) uint8."""
        np.copyto(self.color, backdrop)
        self.depth.fill(np.inf)

    def window(self, x0, y0, x1, y1):
        """Clip a box to the image; None if nothing is left."""
        x0, y0 = max(int(np.floor(x0)), 0), max(int(np.floor(y0)), 0)
        x1, y1 = min(int(np.ceil(x1)) + 1, self.width), min(int(np.ceil(y1)) + 1, self.height)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


@dataclass
class Capsules:
    """Tapered capsules with elliptic sections, P of them, for N time samples.

    Attributes:
        ends (np.ndarray): (N, P, 4) pixels of the two ends, ax, ay, bx, by.
        width (np.ndarray): (N, P, 2) half widths in pixels at the ends.
        cap (np.ndarray): (N, P, 2) half lengths of the round caps in pixels.
        thickness (np.ndarray): (N, P, 2) half thickness towards the viewer in metres.
        depth (np.ndarray): (N, P, 2) depth of the ends in metres.
        frame (np.ndarray): (N, P, 3, 3) part's axes (columns: right, forward, up) in the camera's axes.
        texture (np.ndarray): (P, rows, columns, 3) BGR; row 0 is end a.
        gain (np.ndarray): (P,) factor of the light.
    """
    ends: np.ndarray
    width: np.ndarray
    cap: np.ndarray
    thickness: np.ndarray
    depth: np.ndarray
    frame: np.ndarray
    texture: np.ndarray
    gain: np.ndarray

    @classmethod
    def concatenate(cls, parts):
        """Join the capsules of several figures."""
        columns = []
        for name in (f.name for f in fields(cls)):
            axis = 0 if name in ('texture', 'gain') else 1
            joined = np.concatenate([getattr(part, name) for part in parts], axis)
            columns.append(np.ascontiguousarray(joined, dtype=np.float32))
        return cls(*columns)


def _spans(canvas, ends, direction, pad):
    """Rows of pixels that may be covered: (S,) capsule, y, first x and last x + 1 of each."""
    low = np.minimum(ends[:, :2], ends[:, 2:]) - pad[:, None]
    high = np.maximum(ends[:, :2], ends[:, 2:]) + pad[:, None]
    first = np.clip(np.floor(low[:, 1]), 0, canvas.height).astype(np.intp)
    rows = np.clip(np.ceil(high[:, 1]) + 1, 0, canvas.height).astype(np.intp) - first
    rows = np.maximum(rows, 0)
    owner = np.repeat(np.arange(len(ends)), rows)
    y = np.arange(len(owner)) - np.repeat(np.cumsum(rows) - rows - first, rows)
    # A slanting limb covers only part of its box in each row.
    steep = np.maximum(np.abs(direction[:, 1]), 0.05)
    slope = direction[:, 0] / steep * np.sign(direction[:, 1])
    centre = ends[owner, 0] + (y - ends[owner, 1]) * slope[owner]
    reach = (pad / steep + 1)[owner]
    level = np.abs(direction[owner, 1]) <= 0.05
    x0 = np.where(level, low[owner, 0], np.maximum(low[owner, 0], centre - reach))
    x1 = np.where(level, high[owner, 0], np.minimum(high[owner, 0], centre + reach))
    x0 = np.clip(np.floor(x0), 0, canvas.width).astype(np.intp)
    x1 = np.clip(np.ceil(x1) + 1, 0, canvas.width).astype(np.intp)
    filled = x1 > x0
    return owner[filled], y[filled], x0[filled], x1[filled]


def draw_capsules(canvas, capsules, i, shift=(0.0, 0.0), hidden=()):
    """Draw sample i of all capsules at once: one pass over the concatenated rows of all of them.

    Args:
        canvas (Canvas): Where to draw.
        capsules (Capsules): What to draw.
        i (int): Time sample.
        shift (tuple[float, float]): Moves the picture by parts of a pixel.
        hidden (Sequence[int]): Capsules to leave out.
    """
    ends = capsules.ends[i] + np.float32([*shift, *shift])
    width, cap = capsules.width[i], capsules.cap[i]
    axis = ends[:, 2:] - ends[:, :2]
    length = np.maximum(np.hypot(axis[:, 0], axis[:, 1]), np.float32(1e-3))
    direction = axis / length[:, None]
    direction[length < 2e-3] = (0, 1)
    pad = np.maximum(width.max(1), cap.max(1))
    pad[list(hidden)] = -1e6
    owner, y, x0, x1 = _spans(canvas, ends, direction, pad)
    if not owner.size:
        return
    count = x1 - x0
    span = np.repeat(np.arange(len(owner)), count)
    x = np.arange(len(span)) - (np.cumsum(count) - count - x0)[span]
    ux, uy, dy = direction[owner, 0], direction[owner, 1], y.astype(np.float32) - ends[owner, 1]
    xf, p = x.astype(np.float32), owner[span]
    along = xf * ux[span] + (dy * uy - ends[owner, 0] * ux)[span]
    across = (dy * ux + ends[owner, 0] * uy)[span] - xf * uy[span]
    t = np.clip(along * (1 / length)[p], 0, 1)
    across /= width[p, 0] + (width[:, 1] - width[:, 0])[p] * t
    over = along - t * length[p]
    over /= np.where(over < 0, cap[p, 0], cap[p, 1])
    square = across * across + over * over
    inside = (square < 1).nonzero()[0]
    p, t, across, over, span = p[inside], t[inside], across[inside], over[inside], span[inside]
    front = np.sqrt(1 - square[inside])
    where = y[span] * canvas.width + x[inside]
    depth, thickness = capsules.depth[i], capsules.thickness[i]
    z = (depth[p, 0] + (depth[:, 1] - depth[:, 0])[p] * t
         - front * (thickness[p, 0] + (thickness[:, 1] - thickness[:, 0])[p] * t))
    nearest = canvas.depth.reshape(-1)
    # Far to near, the last one written stays; millimetres in 16 bits make it a radix sort.
    order = np.argsort((65535 - np.clip(z * 1000, 0, 65535)).astype(np.uint16), kind='stable')
    order = order[z[order] < nearest[where[order]]]
    nearest[where[order]] = z[order]
    seen = order[nearest[where[order]] == z[order]]
    _shade(canvas, capsules, i, direction, *(v[seen] for v in (where, p, t, across, over, front)))


def _shade(canvas, capsules, i, direction, where, p, t, across, over, front):
    """Colour the visible pixels of capsules: texture by surface direction, diffuse light."""
    ux, uy = direction[p, 0], direction[p, 1]
    nx, ny = over * ux - across * uy, across * ux + over * uy
    light = np.maximum(nx * LIGHT[0] + ny * LIGHT[1] - front * LIGHT[2], 0) * np.float32(DIFFUSE)
    light = (light + np.float32(AMBIENT)) * capsules.gain[p]
    frame = capsules.frame[i]
    right = nx * frame[p, 0, 0] + ny * frame[p, 1, 0] - front * frame[p, 2, 0]
    forward = nx * frame[p, 0, 1] + ny * frame[p, 1, 1] - front * frame[p, 2, 1]
    rows, columns = capsules.texture.shape[1:3]
    row = np.minimum((t * rows).astype(np.intp), rows - 1)
    colours = capsules.texture[p, row, _column(forward, right, columns)] * light[:, None]
    canvas.color.reshape(-1, 3)[where] = np.minimum(colours, 255)


def _column(forward, right, columns):
    """Texture column of a direction around a part; forward is the middle one."""
    around = np.arctan2(right, forward) * np.float32(columns / (2 * np.pi)) + np.float32(columns / 2)
    return around.astype(np.intp) % columns


def draw_ball(canvas, centre, radius, thickness, depth, frame, texture, gain):
    """Draw an egg-shaped head: rows of the texture run from the chin (0) to the crown.

    Args:
        canvas (Canvas): Where to draw.
        centre (tuple[float, float]): Pixels.
        radius (tuple[float, float]): Half axes in pixels, across and along the head's up direction.
        thickness (float): Half thickness towards the viewer in metres.
        depth (float): Depth of the centre in metres.
        frame (np.ndarray): (3, 3) head's axes (columns: right, forward, up) in the camera's axes.
        texture (np.ndarray): (rows, columns, 3) float32.
        gain (float): Factor of the light.
    """
    pad = max(radius)
    box = canvas.window(centre[0] - pad, centre[1] - pad, centre[0] + pad, centre[1] + pad)
    if box is None:
        return
    x0, y0, x1, y1 = box
    up = frame[:2, 2] / max(float(np.hypot(frame[0, 2], frame[1, 2])), 1e-3)
    foreshortened = float(np.hypot(frame[0, 2], frame[1, 2]))
    tall = np.hypot(radius[1] * foreshortened, radius[0] * np.sqrt(max(0, 1 - foreshortened**2)))
    px, py = canvas._x[:, x0:x1] - np.float32(centre[0]), canvas._y[y0:y1] - np.float32(centre[1])
    along = (px * np.float32(up[0]) + py * np.float32(up[1])) / np.float32(tall)
    across = (py * np.float32(up[0]) - px * np.float32(up[1])) / np.float32(radius[0])
    square = along * along + across * across
    z = np.float32(depth) - np.sqrt(np.maximum(1 - square, 0)) * np.float32(thickness)
    seen = (square < 1) & (z < canvas.depth[y0:y1, x0:x1])
    if not seen.any():
        return
    along, across, front = along[seen], across[seen], np.sqrt(1 - square[seen])
    nx = along * np.float32(up[0]) - across * np.float32(up[1])
    ny = along * np.float32(up[1]) + across * np.float32(up[0])
    axes = frame
    height = (nx * axes[0, 2] + ny * axes[1, 2] - front * axes[2, 2]) * np.float32(0.5) + np.float32(0.5)
    light = np.maximum(nx * LIGHT[0] + ny * LIGHT[1] - front * LIGHT[2], 0) * np.float32(DIFFUSE * gain)
    light += np.float32(AMBIENT * gain)
    forward = nx * axes[0, 1] + ny * axes[1, 1] - front * axes[2, 1]
    right = nx * axes[0, 0] + ny * axes[1, 0] - front * axes[2, 0]
    row = np.minimum((height * len(texture)).astype(np.intp), len(texture) - 1)
    column = _column(forward, right, texture.shape[1])
    canvas.color[y0:y1, x0:x1][seen] = np.minimum(texture[row, column] * light[:, None], 255)
    canvas.depth[y0:y1, x0:x1][seen] = z[seen]


def draw_billboard(canvas, sprite, alpha, corner, scale, depth):
    """Draw a flat upright picture.

    Args:
        canvas (Canvas): Where to draw.
        sprite (np.ndarray): (h, w, 3) uint8 colours.
        alpha (np.ndarray): (h, w) uint8; opaque from 128 on.
        corner (tuple[float, float]): Pixel of the upper left corner.
        scale (tuple[float, float]): Image pixels per sprite pixel.
        depth (float): Depth in metres.
    """
    h, w = alpha.shape
    box = canvas.window(corner[0], corner[1], corner[0] + w * scale[0], corner[1] + h * scale[1])
    if box is None:
        return
    x0, y0, x1, y1 = box
    matrix = np.float32([[scale[0], 0, corner[0] - x0], [0, scale[1], corner[1] - y0]])
    size = (x1 - x0, y1 - y0)
    mask = cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR)
    seen = (mask > 127) & (canvas.depth[y0:y1, x0:x1] > depth)
    if seen.any():
        picture = cv2.warpAffine(sprite, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        cv2.copyTo(picture, seen.view(np.uint8), canvas.color[y0:y1, x0:x1])
        canvas.depth[y0:y1, x0:x1][seen] = depth


def _blob(size=65):
    r = np.linspace(-1, 1, size, dtype=np.float32)
    return np.clip(1 - np.hypot(r[:, None], r[None]), 0, 1)**0.8


BLOB = _blob()


def darken(image, centre, axes, strength):
    """Multiply a soft elliptic shadow into a picture (H, W, 3) uint8, in place."""
    x0, y0 = max(int(centre[0] - axes[0]), 0), max(int(centre[1] - axes[1]), 0)
    x1 = min(int(centre[0] + axes[0]) + 1, image.shape[1])
    y1 = min(int(centre[1] + axes[1]) + 1, image.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    scale = 2 * axes[0] / BLOB.shape[1], 2 * axes[1] / BLOB.shape[0]
    matrix = np.float32([[scale[0], 0, centre[0] - axes[0] - x0], [0, scale[1], centre[1] - axes[1] - y0]])
    mask = cv2.warpAffine(BLOB, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    image[y0:y1, x0:x1] = image[y0:y1, x0:x1] * (1 - np.float32(strength) * mask)[..., None]
