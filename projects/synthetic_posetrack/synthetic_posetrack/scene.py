"""Where a clip takes place: backdrop and ground in the view of a moving camera, occluders, ignore regions."""
import cv2
import numpy as np

from .backdrop import GROUND_METRES, GROUND_PIXELS, paint_backdrop, paint_crowd, paint_ground
from .camera import WORLD_TO_CAMERA


class Scene:
    """Backdrop at infinity and ground plane z = 0.

    Args:
        rng (np.random.Generator): Source of randomness.
        camera (Camera): Camera of the clip.
        difficulty (Difficulty): Clutter and crowd.
    """

    def __init__(self, rng, camera, difficulty):
        self.camera = camera
        width, height = camera.size
        self._focal = float(camera.focal.mean())
        bw, bh = int(2.4 * width), int(1.9 * height)
        horizon = int(0.55 * bh)
        self._centre = (bw / 2, horizon)  # the horizon is where rays are level
        self.backdrop = paint_backdrop(rng, bw, bh, horizon, difficulty.clutter)
        self.ground = paint_ground(rng)
        self.haze = self.backdrop[horizon - 4:horizon].mean((0, 1)).astype(np.float32)
        self.crowd = None
        if rng.random() < difficulty.crowd:
            tall = int(min(height, 1.5 * width) * rng.uniform(0.09, 0.15))
            wide = max(int(width * rng.uniform(0.2, 0.45)), tall)
            x = int(bw / 2 + rng.uniform(-0.45, 0.45) * width - wide / 2)
            self.crowd = (x, horizon - tall, x + wide, horizon)
            paint_crowd(self.backdrop, rng, self.crowd)
        self._x = np.arange(width, dtype=np.float32)[None]
        self._y = np.arange(height, dtype=np.float32)[:, None]

    def _backdrop_matrix(self, i):
        """Backdrop pixel to image pixel at sample i."""
        f, (x, y) = self._focal, self._centre
        reference = np.array([[f, 0, x], [0, f, y], [0, 0, 1]])
        turned = self.camera.frame[i] @ WORLD_TO_CAMERA.T
        return self.camera.intrinsics(i) @ turned @ np.linalg.inv(reference)

    def _ground_matrix(self, i):
        """Ground tile pixel to image pixel at sample i."""
        frame, metre = self.camera.frame[i], GROUND_METRES / GROUND_PIXELS
        plane = np.column_stack([frame[:, 0] * metre, frame[:, 1] * metre, -frame @ self.camera.position[i]])
        return self.camera.intrinsics(i) @ plane

    def render(self, i):
        """The empty scene (H, W, 3) uint8 at sample i."""
        width, height = self.camera.size
        up, focal = self.camera.frame[i][:, 2], self.camera.focal[i]
        # how steeply each pixel's ray rises
        rise = (self._x - width / 2) * np.float32(up[0] / focal)
        rise = rise + (self._y - height / 2) * np.float32(up[1] / focal) + np.float32(up[2])
        left, right = np.minimum(rise[:, 0], rise[:, -1]), np.maximum(rise[:, 0], rise[:, -1])
        haze = -float(self.camera.position[i, 2]) / 14  # rays steeper than that meet clear ground
        first = int((left >= 0).sum())  # rows above hold no ground
        level, clear = int((right >= 0).sum()), int((right >= haze).sum())  # only, clear ground from there
        out = np.empty((height, width, 3), np.uint8)
        if level:
            cv2.warpPerspective(self.backdrop, self._backdrop_matrix(i), (width, level), dst=out[:level],
                                borderMode=cv2.BORDER_REPLICATE)
        if first < height:
            shift = np.array([[1, 0, 0], [0, 1, -first], [0, 0, 1.0]])
            near = cv2.warpPerspective(self.ground, shift @ self._ground_matrix(i), (width, height - first),
                                       borderMode=cv2.BORDER_WRAP)
            share = np.clip(rise[first:clear] / np.float32(haze), 0, 1)[..., None]
            mixed = near[:clear - first] * share + self.haze * (1 - share)
            near[:clear - first] = mixed
            out[level:] = near[level - first:]
            edge = (rise[first:level] < 0)[..., None]
            out[first:level] = np.where(edge, near[:level - first], out[first:level])
        return out

    def displacement(self, i, j):
        """How far (pixels) the picture's corners move from sample i to sample j."""
        width, height = self.camera.size
        corners = np.float64([[[0, 0], [width, 0], [0, height], [width, height]]])
        back = self._ground_matrix(j) @ np.linalg.inv(self._ground_matrix(i))
        far = self._backdrop_matrix(j) @ np.linalg.inv(self._backdrop_matrix(i))
        moved = cv2.perspectiveTransform(corners, far)[:, :2], cv2.perspectiveTransform(corners, back)[:, 2:]
        return float(np.abs(np.concatenate(moved, 1) - corners).max())

    def ignore_box(self, i):
        """Image box (x0, y0, x1, y1) of the crowd at sample i, unclipped."""
        x0, y0, x1, y1 = self.crowd
        corners = np.float64([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]])
        points = cv2.perspectiveTransform(corners, self._backdrop_matrix(i))[0]
        return (*points.min(0), *points.max(0))

    def ignore_polygons(self, i):
        """Ignore regions at sample i: list of (x coordinates, y coordinates), clipped to the image, ints."""
        if self.crowd is None:
            return []
        width, height = self.camera.size
        x0, y0, x1, y1 = self.ignore_box(i)
        x0, x1 = (int(np.clip(round(v), 0, width - 1)) for v in (x0 - 2, x1 + 2))
        y0, y1 = (int(np.clip(round(v), 0, height - 1)) for v in (y0 - 2, y1 + 2))
        if x1 - x0 < 3 or y1 - y0 < 3:
            return []
        return [([x0, x1, x1, x0], [y0, y0, y1, y1])]
