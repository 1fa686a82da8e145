"""A posed person as a list of primitives in a camera's view.

Everything that does not depend on pixels is computed for all time samples at once. Lengths in metres until
projected.
"""
import numpy as np

from .raster import Capsules, draw_ball
from .skeleton import INDEX

# part: (from joint, to joint, frame, texture, half width right and forward at both ends (m))
LIMBS = tuple(
    (start.format(side), end.format(side), frame.format(side), texture, sizes)
    for side in ('left_', 'right_')
    for start, end, frame, texture, sizes in (
        ('{}shoulder', '{}elbow', '{}upper_arm', 'upper_arm', (0.058, 0.058, 0.043, 0.043)),
        ('{}elbow', '{}wrist', '{}forearm', 'forearm', (0.043, 0.043, 0.03, 0.03)),
        ('{}wrist', '{}hand', '{}forearm', 'hand', (0.034, 0.04, 0.03, 0.036)),
        ('{}hip', '{}knee', '{}thigh', 'thigh', (0.088, 0.092, 0.06, 0.062)),
        ('{}knee', '{}ankle', '{}shin', 'shin', (0.06, 0.064, 0.038, 0.04)),
        ('{}ankle', '{}toe', '{}foot', 'foot', (0.045, 0.05, 0.04, 0.035)),
    ))
TRUNK = (
    ('pelvis', 'spine', 'trunk', 'abdomen', (0.165, 0.115, 0.14, 0.1)),
    ('spine', 'thorax', 'chest', 'chest', (0.145, 0.105, 0.17, 0.1)),
    ('thorax', 'head_centre', 'head', 'neck', (0.058, 0.058, 0.05, 0.055)),
)
HEAD_HALF = (0.083, 0.105, 0.128)
"""Half axes of the head to the right, forward and up for a head of 0.235 m."""


class Figure:
    """One person seen by one camera over N samples.

    Args:
        pose (Pose): In the world.
        body (Proportions): Bone lengths and girth.
        outfit (Outfit): Textures.
        camera (Camera): Of the same N samples.
        gain (float): Factor of the light on this person.
    """

    def __init__(self, pose, body, outfit, camera, gain=1.0):
        self.gain = float(gain)
        self.textures = outfit.textures
        self.pixels, self.depths = camera.project(pose.joints)  # (N, J, 2), (N, J)
        self.camera = camera
        self.ground = pose.joint('pelvis') * [1, 1, 0]
        self._frames = {k: (camera.frame @ v).astype(np.float32) for k, v in pose.frames.items()}
        size = body.height / 1.75
        self.head = self._head(pose, body)
        parts = [self._part(pose, *part, scale=size * body.girth) for part in (*TRUNK, *LIMBS)]
        parts += self._extras(pose, body, outfit, size)
        columns = [np.stack(values, 1) for values in list(zip(*parts))[:-1]]
        self.capsules = Capsules(*columns, np.stack([part[-1] for part in parts]),
                                 np.full(len(parts), self.gain))

    def _part(self, pose, start, end, frame, texture, sizes, scale, origin=None):
        """Arrays of one capsule: pixels (N, 4), widths, caps, thickness (N, 2), depth (N, 2)."""
        a = pose.joint(start) if origin is None else origin[0]
        b = pose.joint(end) if origin is None else origin[1]
        pixel, depth = self.camera.project(np.stack([a, b], 1))
        axis = pixel[:, 1] - pixel[:, 0]
        length = np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-3)
        normal = np.stack([-axis[:, 1], axis[:, 0]], 1) / length  # (N, 2)
        axes = self._frames[frame]
        side_x = (axes[:, :2, 0] * normal).sum(1)  # how much the part's right axis shows across
        side_y = (axes[:, :2, 1] * normal).sum(1)
        half = np.array(sizes).reshape(2, 2) * scale  # (end, right/forward)
        across = np.sqrt((side_x[:, None] * half[:, 0])**2 + (side_y[:, None] * half[:, 1])**2)
        across = np.maximum(across, half.min(1))
        toward = np.sqrt((axes[:, 2, 0, None] * half[:, 0])**2 + (axes[:, 2, 1, None] * half[:, 1])**2)
        toward = np.maximum(toward, half.min(1))
        metre = self.camera.focal[:, None] / np.maximum(depth, 0.05)
        width = across * metre
        cap = np.minimum(across, np.maximum(half.min(1), 0.6 * half.max(1))) * metre
        return (np.concatenate([pixel[:, 0], pixel[:, 1]], 1), np.maximum(width, 0.6), np.maximum(cap, 0.6),
                toward, depth, axes, self.textures[texture])

    def _head(self, pose, body):
        scale = body.head / 0.235
        axes = self._frames['head']
        pixel, depth = self.camera.project(pose.joint('head_centre')[:, None])
        metre = self.camera.focal / np.maximum(depth[:, 0], 0.05)
        up = axes[:, :2, 2] / np.maximum(np.linalg.norm(axes[:, :2, 2], axis=1, keepdims=True), 1e-3)
        normal = np.stack([-up[:, 1], up[:, 0]], 1)
        across = np.hypot((axes[:, :2, 0] * normal).sum(1) * HEAD_HALF[0],
                          (axes[:, :2, 1] * normal).sum(1) * HEAD_HALF[1])
        across = np.maximum(across, HEAD_HALF[0]) * scale
        return (pixel[:, 0], np.maximum(across * metre, 0.8), np.maximum(HEAD_HALF[2] * scale * metre, 0.8),
                0.1 * scale, depth[:, 0], axes, self.textures['head'])

    def _extras(self, pose, body, outfit, size):
        def offset(joint, frame, x=0.0, y=0.0, z=0.0):
            return pose.joint(joint) + pose.frames[frame] @ (np.array([x, y, z]) * size)

        out = []
        centre = 'head_centre'
        if outfit.hat:
            brim = (offset(centre, 'head', y=0.07, z=0.05), offset(centre, 'head', y=0.165, z=0.035))
            out.append(self._part(pose, centre, centre, 'head', 'hat', (0.07, 0.012, 0.055, 0.01), size,
                                  brim))
        if outfit.ponytail:
            tail = (offset(centre, 'head', y=-0.1, z=0.03), offset(centre, 'head', y=-0.13, z=-0.2))
            out.append(self._part(pose, centre, centre, 'head', 'hair', (0.035, 0.035, 0.015, 0.015), size,
                                  tail))
        nose = (offset(centre, 'head', y=0.09, z=0.01), offset(centre, 'head', y=0.112, z=-0.025))
        out.append(self._part(pose, centre, centre, 'head', 'neck', (0.01, 0.01, 0.016, 0.014), size, nose))
        if outfit.backpack:
            bag = (offset('spine', 'chest', y=-0.15, z=-0.02), offset('spine', 'chest', y=-0.15, z=0.2))
            out.append(self._part(pose, 'spine', 'thorax', 'chest', 'backpack', (0.13, 0.07, 0.12, 0.06),
                                  size, bag))
        shoulders = (pose.joint('left_shoulder'), pose.joint('right_shoulder'))
        out.append(self._part(pose, 'left_shoulder', 'right_shoulder', 'chest', 'chest',
                              (0.062, 0.062, 0.062, 0.062), size * body.girth, shoulders))
        hips = (pose.joint('left_hip'), pose.joint('right_hip'))
        out.append(self._part(pose, 'left_hip', 'right_hip', 'pelvis', 'pelvis',
                              (0.095, 0.1, 0.095, 0.1), size * body.girth, hips))
        return out

    def joint_pixels(self, i):
        """Joints (J, 2) in pixels and (J,) depths at sample i."""
        return self.pixels[i], self.depths[i]

    def behind_camera(self, i):
        """Whether the person is in or behind the camera at sample i."""
        return self.depths[i, INDEX['pelvis']] < 0.6

    def draw_head(self, canvas, i, shift=(0.0, 0.0)):
        """Draw the head of sample i, moved by parts of a pixel."""
        centre, across, tall, thickness, depth, axes, texture = self.head
        draw_ball(canvas, (centre[i, 0] + shift[0], centre[i, 1] + shift[1]), (across[i], tall[i]), thickness,
                  depth[i], axes[i], texture, self.gain)
