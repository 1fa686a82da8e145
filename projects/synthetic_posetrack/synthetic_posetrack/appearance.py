"""Clothes, skin, hair and faces as small textures (rows along a part, columns around it; BGR float32).

Column 32 of 64 faces forward, 0 backward, 48 to the right, 16 to the left.
"""
from dataclasses import dataclass, field

import cv2
import numpy as np

from .raster import TEXTURE_SHAPE

ROWS, COLUMNS = TEXTURE_SHAPE
SKINS = [(150, 180, 225), (125, 160, 215), (100, 135, 190), (75, 105, 160), (50, 75, 120), (38, 55, 90)]
HAIRS = [(20, 22, 28), (30, 45, 70), (45, 80, 120), (90, 140, 185), (110, 112, 118), (30, 50, 130),
         (190, 195, 200)]
FACE_ROWS = 48


@dataclass
class Outfit:
    """Textures by name, and what is worn on top."""
    textures: dict = field(default_factory=dict)
    hat: bool = False
    backpack: bool = False
    ponytail: bool = False


def _colour(rng, low=20, high=235):
    hue, saturation = rng.integers(0, 180), rng.integers(30, 230)
    value = rng.integers(max(low, 40), high)
    pixel = cv2.cvtColor(np.uint8([[[hue, saturation, value]]]), cv2.COLOR_HSV2BGR)
    return pixel[0, 0].astype(np.float32)


def _plain(colour):
    return np.tile(np.asarray(colour, np.float32), (ROWS, COLUMNS, 1))


def fabric(rng, base=None):
    """A patterned fabric: plain, rings, stripes, checks, dots or a gradient, with some folds."""
    base = _colour(rng) if base is None else np.asarray(base, np.float32)
    other = _colour(rng)
    out = _plain(base)
    v, u = np.mgrid[:ROWS, :COLUMNS]
    kind = rng.integers(8)
    step = int(rng.integers(3, 9))
    if kind == 0:
        out[(v // step) % 2 == 0] = other
    elif kind == 1:
        out[(u // step) % 2 == 0] = other
    elif kind == 2:
        out[((u // step) + (v // step)) % 2 == 0] = other
    elif kind == 3:
        out[((u % (step + 3) - 3)**2 + (v % (step + 3) - 3)**2) < 5] = other
    elif kind == 4:
        mix = np.linspace(0, 1, ROWS, dtype=np.float32)[:, None, None]
        out = base * (1 - mix) + other * mix + np.zeros_like(out)
    folds = cv2.GaussianBlur(rng.normal(0, 1, (ROWS, COLUMNS)).astype(np.float32), (0, 0), 2.0)
    return np.clip(out * (1 + 0.25 * folds[..., None] / max(float(np.abs(folds).max()), 1e-6)), 0, 255)


def _shirt(rng):
    """Chest and abdomen: front and back differ (print, number, open jacket)."""
    cloth = fabric(rng)
    both = np.concatenate([cloth, cloth])  # rows: hips to neck
    style = rng.integers(4)
    accent = _colour(rng)
    if style == 0:
        both[30:50, 26:38] = accent
    elif style == 1:
        both[:, 30:34] = accent
    elif style == 2:
        inner = _colour(rng)
        opening = np.linspace(2, 7, 2 * ROWS).astype(int)
        for row, half in enumerate(opening):
            both[row, 32 - half:32 + half] = inner
    else:
        both[38:46, 22:42] = accent
    if rng.random() < 0.6:
        back = np.clip(255 - both[32:52, :8].mean((0, 1)), 0, 255)
        both[32:52, :5] = back
        both[32:52, -5:] = back
    return {'abdomen': both[:ROWS], 'chest': both[ROWS:]}


def _face(rng, skin, hair, beard, glasses, hat_colour):
    rows, middle = FACE_ROWS, COLUMNS // 2
    face = np.tile(np.asarray(skin, np.float32), (rows, COLUMNS, 1))
    u = np.abs(np.arange(COLUMNS) - middle)
    fringe = int(rng.integers(36, 42))
    nape = int(rng.integers(4, 16))
    hairline = np.where(u < 11, fringe, np.where(u < 15, fringe - 8, nape))
    v = np.arange(rows)[:, None]
    face[v >= hairline[None]] = hair
    eye = np.float32([35, 30, 30])
    for sign in (-1, 1):
        at = middle + sign * 5
        face[24:28, at - 2:at + 2] = (235, 235, 235)
        face[24:28, at - 1:at + 1] = eye
        face[30:32, at - 3:at + 3] = np.asarray(hair) * 0.8
        face[20:28, middle + sign * 17 - 2:middle + sign * 17 + 2] = np.asarray(skin) * 0.75  # ear
    face[16:24, middle - 1:middle + 1] = np.asarray(skin) * 1.15
    face[15:17, middle - 2:middle + 2] = np.asarray(skin) * 0.65
    face[10:12, middle - 4:middle + 4] = (70, 60, 150)
    if beard:
        below = (v < 9) & (u < 14)[None]
        face[below] = np.asarray(hair)
    if glasses:
        face[25:29, middle - 8:middle + 9] = (25, 25, 25)
    if hat_colour is not None:
        face[33:] = hat_colour
    return np.clip(face, 0, 255)


def dress(rng, contrast=1.0):
    """Draw a person's outfit.

    Args:
        rng (np.random.Generator): Source of randomness.
        contrast (float): Below 1 clothes fade towards grey, harder to tell from the scene.

    Returns:
        Outfit: Textures of chest, abdomen, limbs, head, shoes and so on.
    """
    skin = np.float32(SKINS[rng.integers(len(SKINS))]) * np.float32(rng.uniform(0.9, 1.08))
    hair = np.float32(HAIRS[rng.integers(len(HAIRS))])
    textures = _shirt(rng)
    sleeve = textures['chest'] if rng.random() < 0.7 else fabric(rng)
    trousers = fabric(rng)
    bare = _plain(skin)
    short_sleeve, shorts = rng.random() < 0.5, rng.random() < 0.35
    upper_arm = sleeve.copy()
    if short_sleeve:
        upper_arm[ROWS * 6 // 10:] = skin
    thigh, shin = trousers.copy(), trousers.copy()
    if shorts:
        thigh[ROWS * 8 // 10:] = skin
        shin = bare.copy()
        shin[ROWS * 8 // 10:] = rng.choice([40, 230])
    textures['abdomen'] = textures['abdomen'].copy()
    textures['abdomen'][:ROWS // 5] = trousers[:ROWS // 5]  # the waist is above the hip joints
    textures.update(upper_arm=upper_arm, forearm=bare if short_sleeve else sleeve, hand=bare, neck=bare,
                    pelvis=trousers, thigh=thigh, shin=shin, foot=_plain(_colour(rng, 10, 200)))
    hat = rng.random() < 0.25
    hat_colour = _colour(rng) if hat else None
    textures['head'] = _face(rng, skin, hair, rng.random() < 0.2, rng.random() < 0.2, hat_colour)
    textures['hat'] = _plain(hat_colour if hat else hair)
    textures['hair'] = _plain(hair)
    textures['backpack'] = fabric(rng)
    if contrast < 1:
        textures = {k: v * contrast + (1 - contrast) * 110 for k, v in textures.items()}
    textures = {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in textures.items()}
    return Outfit(textures, hat, rng.random() < 0.15, not hat and rng.random() < 0.25)
