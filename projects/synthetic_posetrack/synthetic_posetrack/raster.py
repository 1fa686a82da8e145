"""A small z-buffer: tapered capsules with textured, shaded surfaces, upright billboards and blobs of shadow.

Coordinates in pixels, depths in metres (larger is farther). Surfaces are opaque; smooth edges come from
averaging sub-frames that are shifted by parts of a pixel.
"""
import cv2
import numpy as np

LIGHT = np.array([-0.45, -0.65, -0.62], np.float32)
"""Unit direction to the light in the camera's axes (from the upper left, behind the camera)."""
AMBIENT, DIFFUSE = 0.5, 0.62
TEXTURE_SHAPE = (32, 64)
"""Rows along the part, columns around it; the middle column faces forward."""


class Canvas:
    """Colour (H, W, 3) float32 BGR in 0..255, depth (H, W) metres and owner (H, W) int16 (-1 is the scene)."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.color = np.zeros((height, width, 3), np.float32)
        self.depth = np.full((height, width), np.inf, np.float32)
        self._x = np.arange(width, dtype=np.float32)[None]
        self._y = np.arange(height, dtype=np.float32)[:, None]

    def clear(self, backdrop):
        """Start a frame on a backdrop (H, W, 3)."""
        np.copyto(self.color, backdrop)
        self.depth.fill(np.inf)

    def window(self, x0, y0, x1, y1):
        """Clip a box to the image; None if nothing is left."""
        x0, y0 = max(int(np.floor(x0)), 0), max(int(np.floor(y0)), 0)
        x1, y1 = min(int(np.ceil(x1)) + 1, self.width), min(int(np.ceil(y1)) + 1, self.height)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def draw_capsule(canvas, ends, width, cap, thickness, depth, frame, texture, gain):
    """Draw a tapered capsule with an elliptic section.

    Args:
        canvas (Canvas): Where to draw.
        ends (tuple[float, float, float, float]): Pixels of the two ends, ax, ay, bx, by.
        width (tuple[float, float]): Half widths in pixels at the ends.
        cap (tuple[float, float]): Half lengths of the round caps in pixels.
        thickness (tuple[float, float]): Half thickness towards the viewer in metres.
        depth (tuple[float, float]): Depth of the axis in metres.
        frame (np.ndarray): (3, 3) part's axes (columns: right, forward, up) in the camera's axes.
        texture (np.ndarray): ``TEXTURE_SHAPE`` + (3,) float32; row 0 is end a.
        gain (float): Factor of the light.
    """
    ax, ay, bx, by = ends
    pad = max(width[0], width[1], cap[0], cap[1])
    box = canvas.window(min(ax, bx) - pad, min(ay, by) - pad, max(ax, bx) + pad, max(ay, by) + pad)
    if box is None:
        return
    x0, y0, x1, y1 = box
    length = float(np.hypot(bx - ax, by - ay))
    ux, uy = ((bx - ax) / length, (by - ay) / length) if length > 1e-3 else (0.0, 1.0)
    length = max(length, 1e-3)
    px, py = canvas._x[:, x0:x1] - np.float32(ax), canvas._y[y0:y1] - np.float32(ay)
    along = px * np.float32(ux) + py * np.float32(uy)
    t = np.clip(along * np.float32(1 / length), 0, 1)
    across = (py * np.float32(ux) - px * np.float32(uy)) / (width[0] + np.float32(width[1] - width[0]) * t)
    over = (along - t * np.float32(length)) / np.where(along < 0, np.float32(cap[0]), np.float32(cap[1]))
    radius = across * across + over * over
    inside = np.flatnonzero(radius < 1)
    if not inside.size:
        return
    t, across, over = t.ravel()[inside], across.ravel()[inside], over.ravel()[inside]
    front = np.sqrt(1 - radius.ravel()[inside])
    z = (depth[0] + np.float32(depth[1] - depth[0]) * t
         - front * (thickness[0] + np.float32(thickness[1] - thickness[0]) * t))
    rows, columns = np.divmod(inside, x1 - x0)
    where = (rows + y0) * canvas.width + columns + x0
    seen = np.flatnonzero(z < canvas.depth.ravel()[where])
    if not seen.size:
        return
    where, t, z = where[seen], t[seen], z[seen]
    nx = across[seen] * np.float32(-uy) + over[seen] * np.float32(ux)
    ny = across[seen] * np.float32(ux) + over[seen] * np.float32(uy)
    nz = -front[seen]
    light = np.maximum(nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2], 0) * np.float32(DIFFUSE * gain)
    light += np.float32(AMBIENT * gain)
    canvas.depth.reshape(-1)[where] = z
    canvas.color.reshape(-1, 3)[where] = _lookup(texture, frame.astype(np.float32), nx, ny, nz, t) * light[:, None]


def _lookup(texture, frame, nx, ny, nz, t):
    """Texture by the surface's direction around the part and the place along it."""
    rows, columns = texture.shape[:2]
    right = nx * frame[0, 0] + ny * frame[1, 0] + nz * frame[2, 0]
    forward = nx * frame[0, 1] + ny * frame[1, 1] + nz * frame[2, 1]
    around = np.arctan2(right, forward) * np.float32(columns / (2 * np.pi)) + np.float32(columns / 2)
    row = np.minimum((t * rows).astype(np.intp), rows - 1)
    return texture[row, around.astype(np.intp) % columns]


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
    along, across, front = along[seen], across[seen], np.sqrt(1 - square[seen])
    nx = along * np.float32(up[0]) - across * np.float32(up[1])
    ny = along * np.float32(up[1]) + across * np.float32(up[0])
    axes = frame.astype(np.float32)
    height = (nx * axes[0, 2] + ny * axes[1, 2] - front * axes[2, 2]) * np.float32(0.5) + np.float32(0.5)
    light = np.maximum(nx * LIGHT[0] + ny * LIGHT[1] - front * LIGHT[2], 0) * np.float32(DIFFUSE * gain)
    light += np.float32(AMBIENT * gain)
    canvas.color[y0:y1, x0:x1][seen] = _lookup(texture, axes, nx, ny, -front, height) * light[:, None]
    canvas.depth[y0:y1, x0:x1][seen] = z[seen]


def draw_billboard(canvas, sprite, alpha, corner, scale, depth):
    """Draw a flat upright picture.

    Args:
        canvas (Canvas): Where to draw.
        sprite (np.ndarray): (h, w, 3) uint8 or float32 colours.
        alpha (np.ndarray): (h, w) float32 in 0..1; opaque from 0.5 on.
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
    seen = (mask > 0.5) & (canvas.depth[y0:y1, x0:x1] > depth)
    if seen.any():
        picture = cv2.warpAffine(sprite, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        canvas.color[y0:y1, x0:x1][seen] = picture[seen]
        canvas.depth[y0:y1, x0:x1][seen] = depth


def _blob(size=65):
    r = np.linspace(-1, 1, size, dtype=np.float32)
    return np.clip(1 - np.hypot(r[:, None], r[None]), 0, 1)**0.8


BLOB = _blob()


def darken(canvas, centre, axes, strength):
    """Multiply a soft elliptic shadow into the picture (before anything stands on the ground)."""
    box = canvas.window(centre[0] - axes[0], centre[1] - axes[1], centre[0] + axes[0], centre[1] + axes[1])
    if box is None:
        return
    x0, y0, x1, y1 = box
    n = BLOB.shape[0]
    matrix = np.float32([[2 * axes[0] / n, 0, centre[0] - axes[0] - x0], [0, 2 * axes[1] / n, centre[1] - axes[1] - y0]])
    mask = cv2.warpAffine(BLOB, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    canvas.color[y0:y1, x0:x1] *= (1 - np.float32(strength) * mask)[..., None]
