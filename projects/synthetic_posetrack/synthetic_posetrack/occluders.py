"""Things that stand in front of people: flat sprites with an alpha mask."""
from dataclasses import dataclass

import cv2
import numpy as np

from .backdrop import cloud_noise, colour
from .raster import draw_billboard

SPRITE_PIXELS_PER_METRE = 96


@dataclass
class Occluder:
    """A sprite (h, w, 3) uint8 with alpha (h, w) uint8, its base at a point (x, y, z) of the world."""
    sprite: np.ndarray
    alpha: np.ndarray
    base: np.ndarray

    def draw(self, canvas, camera, i, shift=(0.0, 0.0)):
        """Draw it at sample i of the camera."""
        local = camera.frame[i] @ (self.base - camera.position[i])
        if local[2] < 0.3:
            return
        scale = camera.focal[i] / local[2]
        x = camera.size[0] / 2 + local[0] * scale + shift[0]
        y = camera.size[1] / 2 + local[1] * scale + shift[1]
        h, w = self.alpha.shape
        ratio = float(scale / SPRITE_PIXELS_PER_METRE)
        draw_billboard(canvas, self.sprite, self.alpha, (x - w * ratio / 2, y - h * ratio), (ratio, ratio),
                       float(local[2]))


def _surface(rng, height, width):
    image = np.tile(np.float32(colour(rng)), (height, width, 1))
    image *= (1 + 0.25 * cloud_noise(rng, height, width, (3, 12, 40)))[..., None]
    across = np.linspace(-1, 1, width, dtype=np.float32)
    return image, across


def _post(rng):
    height, width = int(rng.uniform(1.6, 3.2) * 96), int(rng.uniform(0.08, 0.28) * 96)
    image, across = _surface(rng, height, width)
    image *= (0.55 + 0.6 * np.sqrt(np.maximum(0, 1 - (across + 0.3)**2 / 1.8)))[None, :, None]
    return image, np.ones((height, width), np.float32)


def _box(rng):
    height, width = int(rng.uniform(0.5, 1.2) * 96), int(rng.uniform(0.4, 1.0) * 96)
    image, _ = _surface(rng, height, width)
    edge = tuple(c * 0.6 for c in colour(rng))
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), edge, 3)
    cv2.rectangle(image, (0, 0), (width - 1, height // 6), tuple(float(c) for c in image[0, 0] * 1.25), -1)
    for _ in range(3):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        cv2.rectangle(image, (x, y), (x + 18, y + 11), colour(rng), -1)
    return image, np.ones((height, width), np.float32)


def _fence(rng):
    height, width = int(rng.uniform(0.8, 1.2) * 96), int(rng.uniform(1.0, 2.2) * 96)
    image, _ = _surface(rng, height, width)
    alpha = np.zeros((height, width), np.float32)
    step = int(rng.integers(12, 26))
    for x in range(0, width, step):
        alpha[:, x:x + max(4, step // 4)] = 1
    alpha[:8] = 1
    alpha[height // 2:height // 2 + 7] = 1
    return image, alpha


def _sign(rng):
    height, width = int(rng.uniform(1.6, 2.3) * 96), int(rng.uniform(0.3, 0.5) * 96)
    image, _ = _surface(rng, height, width)
    alpha = np.zeros((height, width), np.float32)
    panel = int(height * rng.uniform(0.2, 0.32))
    alpha[:panel] = 1
    alpha[:, width // 2 - 4:width // 2 + 4] = 1
    image[:panel] = colour(rng, (120, 240), (120, 250))
    text = ''.join(rng.choice(list('ABC123PX'), 3))
    cv2.putText(image, text, (4, panel // 2 + 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (250, 250, 250), 2,
                cv2.LINE_AA)
    return image, alpha


def _bush(rng):
    height, width = int(rng.uniform(0.6, 1.5) * 96), int(rng.uniform(0.6, 1.3) * 96)
    image, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    green = np.float32([45, 115, 60]) * rng.uniform(0.6, 1.2)
    for k in range(170):
        angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        x = int(width * (0.5 + 0.44 * radius * np.cos(angle)))
        y = int(height * (0.55 + 0.45 * radius * np.sin(angle)))
        leaf, turn = (int(rng.integers(4, 11)), int(rng.integers(2, 5))), float(rng.uniform(0, 180))
        shade = tuple(float(c) for c in green * rng.uniform(0.55, 1.4) * (0.6 + 0.4 * k / 170))
        cv2.ellipse(image, (x, y), leaf, turn, 0, 360, shade, -1)
        cv2.ellipse(alpha, (x, y), leaf, turn, 0, 360, 1, -1)
    return image, alpha


KINDS = (_post, _box, _fence, _sign, _bush)


def build_occluder(rng, base):
    """Draw a random thing standing on the ground at base (x, y)."""
    image, alpha = KINDS[rng.integers(len(KINDS))](rng)
    sprite = np.clip(image, 0, 255).astype(np.uint8)
    return Occluder(np.ascontiguousarray(sprite), np.uint8(255 * alpha), np.array([base[0], base[1], 0.0]))


def build_foliage(rng, width, height):
    """Blurred leaves near the lens, as an overlay fixed to the image.

    Returns:
        tuple[np.ndarray, np.ndarray]: Colours (height, width, 3) and alpha (height, width, 1), float32.
    """
    image, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    green = np.float32([40, 120, 60]) * rng.uniform(0.5, 1.2)
    image[:] = green
    anchor = np.array([rng.choice([0.0, 1.0]) * width, rng.uniform(0, 0.3) * height])
    for _ in range(28):
        spot = anchor + rng.normal(0, (0.16 * width, 0.16 * height))
        leaf = (int(0.07 * height * rng.uniform(0.5, 1.5)), int(0.025 * height * rng.uniform(0.6, 1.6)))
        turn, shade = float(rng.uniform(0, 180)), tuple(float(c) for c in green * rng.uniform(0.6, 1.5))
        cv2.ellipse(image, (int(spot[0]), int(spot[1])), leaf, turn, 0, 360, shade, -1)
        cv2.ellipse(alpha, (int(spot[0]), int(spot[1])), leaf, turn, 0, 360, 1, -1)
    sigma = height / 110
    return cv2.GaussianBlur(image, (0, 0), sigma), cv2.GaussianBlur(alpha, (0, 0), sigma)[..., None]
