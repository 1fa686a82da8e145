"""Painted surroundings: a far backdrop, a ground texture and the crowd in the distance (BGR uint8)."""
import cv2
import numpy as np

from .appearance import HAIRS, SKINS

GROUND_PIXELS, GROUND_METRES = 384, 6.0
"""Side of the ground's repeating tile."""


def colour(rng, saturation=(20, 140), value=(50, 220)):
    """A random BGR colour as a tuple of ints."""
    pixel = np.uint8([[[rng.integers(180), rng.integers(*saturation), rng.integers(*value)]]])
    return tuple(int(c) for c in cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0])


def cloud_noise(rng, height, width, octaves=(4, 16, 48)):
    """Smooth noise (height, width) float32 in about -1..1, with the given cells per side."""
    out = np.zeros((height, width), np.float32)
    for k, cells in enumerate(octaves):
        grid = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        out += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**k
    return out / max(float(np.abs(out).max()), 1e-6)


def _gradient(height, width, top, bottom):
    mix = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    return np.broadcast_to(np.float32(top) * (1 - mix) + np.float32(bottom) * mix, (height, width, 3)).copy()


def _street(rng, w, h, horizon):
    image = _gradient(h, w, (225, 190, 150), (240, 232, 225))
    image += 14 * cloud_noise(rng, h, w)[..., None]
    x = -rng.integers(0, 40)
    while x < w:
        width, top = int(rng.integers(w // 16, w // 6)), int(horizon - rng.integers(horizon // 4, horizon))
        wall = colour(rng, (10, 110), (70, 200))
        cv2.rectangle(image, (x, top), (x + width, horizon), wall, -1)
        pane = colour(rng, (10, 90), (30, 120))
        step_x, step_y = int(rng.integers(9, 18)), int(rng.integers(11, 22))
        for wx in range(x + 4, x + width - step_x // 2, step_x):
            for wy in range(top + 5, horizon - step_y // 2, step_y):
                glass = pane if rng.random() < 0.8 else (170, 220, 240)
                cv2.rectangle(image, (wx, wy), (wx + step_x // 2, wy + step_y // 2), glass, -1)
        x += width + int(rng.integers(0, 12))
    for _ in range(int(rng.integers(1, 6))):
        _tree(image, rng, int(rng.integers(w)), horizon, int(rng.integers(horizon // 3, horizon)))
    return image


def _tree(image, rng, x, base, height):
    trunk = colour(rng, (60, 120), (40, 90))
    cv2.line(image, (x, base), (x + int(rng.integers(-6, 6)), base - height), trunk, int(rng.integers(3, 8)))
    green = np.float32([40, 110, 50]) * rng.uniform(0.5, 1.2)
    for _ in range(60):
        spot = rng.normal((x, base - height * 0.8), height * 0.2)
        shade = tuple(float(c) for c in green * rng.uniform(0.6, 1.35))
        cv2.circle(image, (int(spot[0]), int(spot[1])), int(rng.integers(2, 8)), shade, -1)


def _forest(rng, w, h, horizon):
    image = _gradient(h, w, (90, 130, 90), (60, 110, 70)) * np.float32(rng.uniform(0.6, 1.1))
    image *= (1 + 0.6 * cloud_noise(rng, h, w, (8, 32, 96)))[..., None]
    for _ in range(int(rng.integers(8, 22))):
        _tree(image, rng, int(rng.integers(w)), horizon, int(rng.integers(horizon // 2, int(horizon * 1.3))))
    return image


def _room(rng, w, h, horizon):
    wall = colour(rng, (5, 70), (120, 225))
    image = _gradient(h, w, wall, tuple(c * 0.8 for c in wall))
    if rng.random() < 0.5:
        step = int(rng.integers(8, 26))
        image[:, (np.arange(w) // step) % 2 == 0] *= 0.93
    for _ in range(int(rng.integers(3, 10))):  # pictures, shelves, doors
        x, y = int(rng.integers(w)), int(rng.integers(horizon))
        dx, dy = int(rng.integers(15, w // 7)), int(rng.integers(15, h // 3))
        cv2.rectangle(image, (x - 2, y - 2), (x + dx + 2, y + dy + 2), colour(rng, value=(20, 120)), -1)
        patch = cloud_noise(rng, dy, dx, (3, 9))[..., None] * 60 + np.float32(colour(rng))
        area = image[y:y + dy, x:x + dx]
        area[:] = patch[:area.shape[0], :area.shape[1]]
    shelf = int(rng.integers(horizon // 2, horizon))
    for x in range(0, w, 7):  # a row of books
        if rng.random() < 0.5:
            cv2.rectangle(image, (x, shelf - int(rng.integers(8, 24))), (x + 5, shelf), colour(rng), -1)
    return image


def _hall(rng, w, h, horizon):
    image = _gradient(h, w, colour(rng, value=(30, 120)), colour(rng, value=(80, 200)))
    seats = rng.integers(0, 255, (h // 6 + 1, w // 5 + 1, 3)).astype(np.uint8)
    stand = cv2.resize(seats, (w, h), interpolation=cv2.INTER_NEAREST).astype(np.float32)
    stand = cv2.GaussianBlur(stand, (0, 0), 1.0)
    low = int(horizon * rng.uniform(0.7, 0.9))
    image[:low] = 0.6 * image[:low] + 0.4 * stand[:low]
    for x in range(0, w, int(rng.integers(40, 90))):  # advertising boards
        cv2.rectangle(image, (x, low), (x + 60, horizon), colour(rng, (80, 220)), -1)
        cv2.putText(image, ''.join(rng.choice(list('AXKOMTEH'), 4)), (x + 4, horizon - 4),
                    cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour(rng, value=(180, 255)), 2, cv2.LINE_AA)
    return image


def _distract(image, rng, amount):
    """Random shapes, among them skin-coloured strokes that look like limbs."""
    h, w = image.shape[:2]
    for _ in range(int(amount * 60)):
        x, y = int(rng.integers(w)), int(rng.integers(h))
        kind = rng.integers(4)
        if kind == 0:
            end = (x + int(rng.normal(0, 16)), y + int(rng.normal(0, 16)))
            skin = tuple(int(c) for c in SKINS[rng.integers(len(SKINS))])
            cv2.line(image, (x, y), end, skin, int(rng.integers(3, 8)), cv2.LINE_AA)
        elif kind == 1:
            axes = (int(rng.integers(3, 22)), int(rng.integers(3, 22)))
            cv2.ellipse(image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour(rng), -1, cv2.LINE_AA)
        elif kind == 2:
            cv2.rectangle(image, (x, y), (x + int(rng.integers(4, 30)), y + int(rng.integers(4, 40))),
                          colour(rng), -1)
        else:
            cv2.line(image, (x, y), (x + int(rng.normal(0, 60)), y + int(rng.normal(0, 60))), colour(rng), 2,
                     cv2.LINE_AA)


def paint_crowd(image, rng, box):
    """Paint small people into box (x0, y0, x1, y1)."""
    x0, y0, x1, y1 = box
    tall = y1 - y0
    for _ in range(max(4, (x1 - x0) * 3 // max(tall, 1))):
        height = tall * rng.uniform(0.75, 0.95)
        x, foot = rng.uniform(x0 + tall * 0.15, x1 - tall * 0.15), y1 - rng.uniform(0, 0.08) * tall
        unit = height / 8

        def at(dx, dy, x=x, foot=foot, unit=unit):
            return int(round(x + dx * unit)), int(round(foot - dy * unit))
        legs, shirt = colour(rng, value=(30, 140)), colour(rng, (40, 220))
        skin = tuple(int(c) for c in SKINS[rng.integers(len(SKINS))])
        stride = rng.uniform(0.3, 1.2)
        for sign in (-1, 1):
            cv2.line(image, at(sign * 0.3, 4), at(sign * stride, 0), legs, max(1, int(unit)), cv2.LINE_AA)
            cv2.line(image, at(sign * 0.8, 6.3), at(sign * rng.uniform(0.8, 2), rng.uniform(3.2, 7)), shirt,
                     max(1, int(0.7 * unit)), cv2.LINE_AA)
        cv2.line(image, at(0, 4), at(0, 6), shirt, max(2, int(1.9 * unit)), cv2.LINE_AA)
        cv2.circle(image, at(0, 7.3), max(1, int(0.6 * unit)), skin, -1, cv2.LINE_AA)
        hair = HAIRS[rng.integers(len(HAIRS))]
        cv2.circle(image, at(0, 7.6), max(1, int(0.5 * unit)), hair, -1, cv2.LINE_AA)


def paint_backdrop(rng, width, height, horizon, clutter):
    """Paint what is far away.

    Args:
        rng (np.random.Generator): Source of randomness.
        width (int): Pixels.
        height (int): Pixels.
        horizon (int): Row where the ground begins.
        clutter (float): Amount of distracting shapes.

    Returns:
        np.ndarray: (height, width, 3) uint8.
    """
    painter = (_street, _forest, _room, _hall)[rng.integers(4)]
    image = np.ascontiguousarray(painter(rng, width, height, horizon), dtype=np.float32)
    _distract(image, rng, clutter)
    image *= (1 + 0.1 * cloud_noise(rng, height, width, (6, 40)))[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def paint_ground(rng):
    """Paint a repeating ground tile: pavement, grass, boards or a court with lines."""
    n = GROUND_PIXELS
    base = np.float32(colour(rng, (5, 70), (80, 190)))
    kind = rng.integers(4)
    if kind == 1:
        base = np.float32([50, 120, 80]) * rng.uniform(0.7, 1.3)
    image = np.tile(base, (n, n, 1)).astype(np.float32)
    if kind == 0:
        step = n // int(rng.choice([4, 6, 8, 12]))
        tint = rng.normal(0, 10, (n // step, n // step, 1)).repeat(step, 0).repeat(step, 1)
        image += tint
        image[::step] *= 0.75
        image[:, ::step] *= 0.75
    elif kind == 2:
        image += rng.normal(0, 14, (n // 16, 1, 1)).repeat(16, 0)
        image[::16] *= 0.7
    elif kind == 3:
        cv2.rectangle(image, (30, 30), (n - 60, n - 100), (235, 235, 235), 5)
        cv2.circle(image, (n // 2, n // 2), 70, (235, 235, 235), 5)
    grain = rng.normal(0, 1, (n, n)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 1.2, borderType=cv2.BORDER_REFLECT)
    return np.clip(image * (1 + 0.25 * grain[..., None]), 0, 255).astype(np.uint8)
