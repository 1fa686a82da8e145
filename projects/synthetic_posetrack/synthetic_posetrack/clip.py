"""One annotated clip: cast, camera, scene; frames drawn one after the other.

A clip depends on (seed, split, index) and the options only, never on how many clips there are.
Shapes: F frames, N = F * SAMPLES time samples, J body joints.
"""
import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from . import motion
from .appearance import dress
from .body import Figure
from .camera import moving_camera
from .hardness import distance_to_limbs, speed, travel
from .occluders import build_foliage, build_occluder
from .raster import Canvas, Capsules, darken, draw_capsules
from .scene import Scene
from .skeleton import INDEX, POSETRACK_JOINTS, Proportions

SAMPLES = 8
"""Time samples per frame; the shutter is open over some of them."""
POSETRACK_INDEX = [INDEX.get(name, -1) for name in POSETRACK_JOINTS]
_DEPTHS = {'hip': 0.17, 'shoulder': 0.12, 'knee': 0.1, 'nose': 0.06, 'top': 0.12, 'bottom': 0.12}
JOINT_DEPTH = np.array([_DEPTHS.get(name.split('_')[-1], 0.085) for name in POSETRACK_JOINTS])
"""How deep in the body (m) each joint lies at most: nearer surfaces than that hide it."""
CROSSING_DISTANCE = 0.3
"""Half of PCKh's head size, in diagonals of the head box."""
MIN_JOINTS, MIN_VISIBLE = 4, 4
"""A person with fewer joints in the image, or fewer that can be seen, is not annotated in that frame."""


@dataclass
class PersonLabel:
    """Labels of one person in one frame.

    Attributes:
        track_id (int): Stays the same throughout the clip.
        keypoints (np.ndarray): (17, 3) x, y, flag in PoseTrack's order; (0, 0, 0) is not annotated.
        occluded (np.ndarray): (17,) bool, annotated but hidden by something in front.
        head_box (tuple[int, int, int, int]): x, y, width, height.
        blur (np.ndarray): (17,) how far the joint moves while the shutter is open, in pixels.
        speed (np.ndarray): (17,) pixels per frame.
        crossing (np.ndarray): (17,) bool, a limb of somebody else passes within half a head size (PCKh's).
    """
    track_id: int
    keypoints: np.ndarray
    occluded: np.ndarray
    head_box: tuple
    blur: np.ndarray
    speed: np.ndarray
    crossing: np.ndarray


@dataclass
class Frame:
    """One frame: BGR image (H, W, 3) uint8, labels, ignore polygons [(xs, ys), ...]."""
    image: np.ndarray
    people: list
    ignore: list


class Clip:
    """A random clip.

    Args:
        seed (int): Seed of the set.
        split (str): 'train' or 'val'.
        index (int): Number of the clip in its split.
        frames (int): F.
        size (tuple[int, int]): Width and height in pixels.
        difficulty (Difficulty): Ranges to draw from.
        fps (int): Frames per second; fewer mean larger steps between frames.
    """

    def __init__(self, seed, split, index, frames, size, difficulty, fps=25):
        self._key = (int(seed), zlib.crc32(split.encode()), int(index))
        self.frames, self.size, self.difficulty, self.fps = frames, size, difficulty, fps
        d, rng = difficulty, self._rng('clip')
        t = np.arange(frames * SAMPLES) / (fps * SAMPLES)
        self._stage = min(size[1], 1.5 * size[0])  # people fit into the width of a narrow image as well
        low, high = d.height
        distance = 1.15 * max(size[0], 4 / 3 * size[1]) * 1.75 / (0.5 * (low + high) * self._stage)
        narrow = min(1.0, size[0] / (4 / 3 * size[1]))  # a narrow view pans and shakes less
        self.camera = moving_camera(t, size, self._rng('camera'), d.pan * narrow, d.shake * narrow, d.zoom,
                                    d.travel, tilt=float(np.arctan2(0.5, distance)))
        self.scene = Scene(self._rng('scene'), self.camera, d)
        self.exposure = int(rng.integers(d.exposure[0], d.exposure[1] + 1))
        self.jpeg_quality = int(rng.integers(d.jpeg[0], d.jpeg[1] + 1))
        self._noise_level, self._gain = float(rng.uniform(*d.noise)), float(rng.uniform(0.82, 1.12))
        self.figures = []
        self._cast(t, rng)
        self._capsules = Capsules.concatenate([figure.capsules for figure in self.figures])
        self._owner = [k for k, figure in enumerate(self.figures) for _ in figure.capsules.gain]
        self.occluders = self._obstacles(self._rng('occluders'))
        self.foliage = build_foliage(self._rng('foliage'), *size) if rng.random() < d.foliage else None
        pool = self._rng('noise')
        shape = (size[1] + 32, size[0] + 32)
        self._noise = (pool.standard_normal((*shape, 1), dtype=np.float32) * 0.8
                       + pool.standard_normal((*shape, 3), dtype=np.float32) * 0.6)

    def _rng(self, purpose):
        """An own stream of random numbers per purpose, so that changing one leaves the others."""
        return np.random.default_rng([*self._key, zlib.crc32(purpose.encode())])

    def _cast(self, t, rng):
        d = self.difficulty
        count = int(rng.integers(d.people[0], d.people[1] + 1))
        places = (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count
        places = 0.12 + 0.76 * rng.permutation(places)
        crossing = count >= 2 and rng.random() < d.passing
        for k in range(count):
            person = self._rng(f'person {k}')
            direction = (-np.pi / 2, np.pi / 2)[k] if crossing and k < 2 else None
            place = 0.5 + (-0.08, 0.08)[k] if crossing and k < 2 else places[k]
            self._enter(t, person, place, direction)

    def _enter(self, t, rng, place, direction):
        """Add a person who is at a share ``place`` of the image width in the middle of the clip."""
        d, width = self.difficulty, self.size[0]
        body = Proportions.sample(rng)
        allowed = d.actions or tuple(motion.ACTIONS)
        actions = motion.choose_actions(rng, len(t) / (self.fps * SAMPLES), allowed)
        if direction is not None:
            actions = ['walk']
            heading = direction + rng.normal(0, 0.12)
        elif actions[0] in motion.TRAVELLING:
            heading = rng.choice([-np.pi / 2, np.pi / 2]) + rng.normal(0, 0.45)
        elif rng.random() < d.facing:
            heading = np.pi + rng.normal(0, d.turned)
        else:
            heading = rng.uniform(0, 2 * np.pi)
        pose = motion.perform(t, body, actions, heading, rng, rng.uniform(*d.speed))
        focal = float(self.camera.focal.mean())
        depth = focal * 1.75 / (rng.uniform(*d.height) * self._stage)
        nearest = focal * 1.75 / (d.height[1] * self._stage)
        path = pose.joint('pelvis')
        middle = len(t) // 2
        aside = (place - 0.5) * width / focal * depth
        shift = np.array([aside - path[middle, 0], depth - path[middle, 1], 0])
        shift[1] += max(0.0, nearest - (path[:, 1] + shift[1]).min())
        pose.joints = pose.joints + shift
        outfit = dress(rng, rng.uniform(*d.contrast))
        self.figures.append(Figure(pose, body, outfit, self.camera, rng.uniform(0.85, 1.1)))

    def _obstacles(self, rng):
        d, out = self.difficulty, []
        for _ in range(int(rng.integers(d.occluders[0], d.occluders[1] + 1))):
            target = self.figures[rng.integers(len(self.figures))]
            spot = target.ground[rng.integers(len(target.ground))]
            near = rng.uniform(0.7, 0.9)
            aside = rng.normal(0, 0.22)
            out.append(build_occluder(rng, (near * (spot[0] + aside), near * spot[1])))
        return out

    def _shutter(self, f):
        """First and last time sample of frame f's open shutter."""
        middle, half = f * SAMPLES + SAMPLES // 2, self.exposure / 2
        first, last = int(np.ceil(middle - half)), int(np.floor(middle + half))
        return max(first, 0), min(last, len(self.camera.focal) - 1)

    def _sub_samples(self, f):
        """Time samples of frame f's open shutter; more of them where something moves fast."""
        middle, (first, last) = f * SAMPLES + SAMPLES // 2, self._shutter(f)
        moved = max(float(np.abs(p.pixels[last] - p.pixels[first]).max()) for p in self.figures)
        count = int(np.clip(np.ceil(moved / 2.5), 3, 9))
        picked = sorted(set(np.linspace(first, last, count).round().astype(int)) | {middle})
        return picked, picked.index(middle)

    def __iter__(self):
        """Draw the frames in order.

        Yields:
            Frame: Image and labels at the middle of the exposure.
        """
        rng = self._rng('sensor')
        canvas = Canvas(*self.size)
        for f in range(self.frames):
            samples, middle = self._sub_samples(f)
            total = np.zeros(canvas.color.shape, np.float32)
            drawn = None
            for k, i in enumerate(samples):
                turn = 2 * np.pi * k / len(samples)
                shift = (0.0, 0.0) if k == middle else (0.35 * np.cos(turn), 0.35 * np.sin(turn))
                if drawn is None or self.scene.displacement(drawn, i) > 0.6:
                    backdrop, drawn = self._surroundings(i), i
                self._draw(canvas, i, shift, backdrop)
                if k == middle:
                    people = self._labels(canvas, i)
                    ignore = self.scene.ignore_polygons(i)
                cv2.accumulate(canvas.color, total)
            yield Frame(self._expose(total / len(samples), rng), people, ignore)

    def _surroundings(self, i):
        image = self.scene.render(i)
        for figure in self.figures:
            self._shadow(image, figure, i)
        return image

    def _draw(self, canvas, i, shift, backdrop):
        canvas.clear(backdrop)
        hidden = [k for k, owner in enumerate(self._owner) if self.figures[owner].behind_camera(i)]
        draw_capsules(canvas, self._capsules, i, shift, hidden)
        for figure in self.figures:
            if not figure.behind_camera(i):
                figure.draw_head(canvas, i, shift)
        for thing in self.occluders:
            thing.draw(canvas, self.camera, i, shift)

    def _shadow(self, image, figure, i):
        local = self.camera.frame[i] @ (figure.ground[i] + [0.12, 0.1, 0] - self.camera.position[i])
        if local[2] > 0.6:
            scale = self.camera.focal[i] / local[2]
            centre = (self.size[0] / 2 + local[0] * scale, self.size[1] / 2 + local[1] * scale)
            wide = max(0.5 * scale, 1.0)
            darken(image, centre, (wide, max(wide * self.camera.position[i, 2] / local[2], 1.0)), 0.6)

    def _expose(self, image, rng):
        """Lens and sensor: foliage before the lens, exposure, noise, 8 bits."""
        if self.foliage is not None:
            colours, alpha = self.foliage
            image = image * (1 - alpha) + colours * alpha
        x, y = rng.integers(0, 32, 2)
        grain = self._noise[y:y + self.size[1], x:x + self.size[0]]
        image = image * np.float32(self._gain) + grain * np.float32(self._noise_level)
        return np.clip(image + np.float32(0.5), 0, 255).astype(np.uint8)

    def _labels(self, canvas, i):
        hidden_by_leaves = None if self.foliage is None else self.foliage[1][..., 0] > 0.5
        people = []
        for track_id, figure in enumerate(self.figures):
            label = self._label(canvas, figure, i, track_id, hidden_by_leaves)
            if label is not None:
                people.append(label)
        return people

    def _label(self, canvas, figure, i, track_id, leaves):
        width, height = self.size
        pixels, depths = figure.joint_pixels(i)
        keypoints, occluded = np.zeros((17, 3)), np.zeros(17, bool)
        for k, j in enumerate(POSETRACK_INDEX):
            if j < 0 or depths[j] < 0.6:
                continue
            x, y = np.round(pixels[j], 2)
            column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
            if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                continue
            keypoints[k] = x, y, 1
            occluded[k] = canvas.depth[row, column] < depths[j] - JOINT_DEPTH[k]
            occluded[k] |= leaves is not None and leaves[row, column]
        annotated = keypoints[:, 2] > 0
        if annotated.sum() < MIN_JOINTS or (annotated & ~occluded).sum() < MIN_VISIBLE:
            return None
        head_box = self._head_box(figure, i)
        return PersonLabel(track_id, keypoints, occluded, head_box,
                           *self._hardness(figure, i, annotated, head_box))

    def _hardness(self, figure, i, annotated, head_box):
        """Blur, speed and crossing of a person's joints at sample i, zero where not annotated."""
        pixels = figure.pixels[:, POSETRACK_INDEX]
        blur = np.where(annotated, travel(pixels, *self._shutter(i // SAMPLES)), 0.0)
        fast = np.where(annotated, speed(pixels, i, SAMPLES), 0.0)
        others = [other.pixels[i] for other in self.figures
                  if other is not figure and not other.behind_camera(i)]
        nearest = np.min([distance_to_limbs(pixels[i], joints) for joints in others] or [np.full(17, np.inf)],
                         axis=0)
        return blur, fast, annotated & (nearest <= CROSSING_DISTANCE * np.hypot(*head_box[2:]))

    @staticmethod
    def _head_box(figure, i):
        centre, across, tall, _, _, axes, _ = figure.head
        up = axes[i][:2, 2]
        half_x = np.hypot(across[i], tall[i] * up[0])
        half_y = np.hypot(across[i], tall[i] * up[1])
        half_x, half_y = min(half_x, max(across[i], tall[i])), min(half_y, max(across[i], tall[i]))
        x, y = centre[i]
        return (int(round(x - half_x)), int(round(y - half_y)), max(1, int(round(2 * half_x))),
                max(1, int(round(2 * half_y))))
