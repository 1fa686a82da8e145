"""What people do: joint angles over time, and the path on the ground that follows from the feet.

An action is a function ``(t, rng) -> dict of angle arrays`` (N,); names left out are zero. ``perform`` chains
actions with smooth transitions. The body is moved so that the lowest foot does not slide, so that steps,
kicks and jumps shift it as they would a real one. Times in seconds, angles in radians.
"""
import numpy as np

from .skeleton import ANGLES, Pose, forward_kinematics, place, rotation

TAU = 2 * np.pi


def _pulse(x, power=1.0):
    return np.maximum(0.0, np.sin(x))**power


def _bump(u, centre, width):
    """A bell at a place of a cycle u in 0..1, without a jump where the cycle ends."""
    return np.exp(-(((u - centre + 0.5) % 1.0 - 0.5) / width)**2)


def _gaussian(x, sigma):
    """Smooth (N, C) over time by sigma samples, ends kept."""
    reach = max(1, int(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma)**2)
    padded = np.concatenate([np.repeat(x[:1], reach, 0), x, np.repeat(x[-1:], reach, 0)])
    return np.stack([np.convolve(column, kernel / kernel.sum(), 'valid') for column in padded.T], 1)


def _smooth(x):
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _gait(t, rng, frequency, swing, lift, arm, elbow, lean):
    phase = TAU * frequency * t + rng.uniform(0, TAU)
    out = {'lean': lean + 0.03 * np.sin(2 * phase), 'yaw': 0.12 * swing * np.sin(phase),
           'spine_twist': -0.3 * swing * np.sin(phase), 'spine_flex': np.full_like(t, 0.04),
           'head_yaw': 0.25 * np.sin(0.7 * t + rng.uniform(0, TAU)), 'head_pitch': np.full_like(t, 0.05)}
    for side, p in (('left', phase), ('right', phase + np.pi)):
        out[f'{side}_hip_flex'] = 0.35 * swing + swing * np.sin(p)
        out[f'{side}_knee'] = 0.1 + lift * np.maximum(0, np.cos(p + 0.45))**1.6 + 0.1 * swing
        out[f'{side}_ankle'] = 0.15 * np.sin(p + 1.0)
        out[f'{side}_sh_flex'] = -arm * np.sin(p)
        out[f'{side}_sh_abd'] = np.full_like(t, 0.14)
        out[f'{side}_elbow'] = elbow + 0.25 * arm * np.sin(p + np.pi)
    return out


def walk(t, rng):
    """Walk at 0.75 to 1.05 cycles per second."""
    return _gait(t, rng, rng.uniform(0.75, 1.05), rng.uniform(0.36, 0.5), rng.uniform(0.7, 1.0),
                 rng.uniform(0.3, 0.65), rng.uniform(0.15, 0.5), rng.uniform(0.0, 0.08))


def run(t, rng):
    """Run, with bent arms and a short flight in every step."""
    out = _gait(t, rng, rng.uniform(1.2, 1.5), rng.uniform(0.5, 0.68), rng.uniform(1.3, 1.7),
                rng.uniform(0.7, 1.0), rng.uniform(1.3, 1.7), rng.uniform(0.1, 0.22))
    out['hop'] = 0.03 + 0.03 * np.sin(2 * out['yaw'] / (np.abs(out['yaw']).max() + 1e-9))
    return out


def stand(t, rng):
    """Stand with the weight shifting, arms hanging, on the hips or crossed."""
    sway = 0.04 * np.sin(TAU * rng.uniform(0.15, 0.4) * t + rng.uniform(0, TAU))
    hanging, on_hips, crossed = (0.0, 0.15, 0.0, 0.2), (-0.35, 0.75, -1.2, 1.6), (0.55, 0.05, 0.9, 1.7)
    flex, abd, twist, elbow = (hanging, on_hips, crossed)[rng.integers(3)]
    out = {'side': sway, 'spine_side': -sway, 'head_yaw': 0.6 * np.sin(0.9 * t + rng.uniform(0, TAU))}
    for side in ('left', 'right'):
        out[f'{side}_sh_flex'] = flex + sway
        out[f'{side}_sh_abd'] = np.full_like(t, abd)
        out[f'{side}_sh_twist'] = np.full_like(t, twist)
        out[f'{side}_elbow'] = np.full_like(t, elbow)
        out[f'{side}_hip_abd'] = np.full_like(t, 0.07)
        out[f'{side}_knee'] = np.full_like(t, 0.08)
        out[f'{side}_hip_flex'] = np.full_like(t, 0.04)
    return out


def wave(t, rng):
    """Wave one or both hands above the head."""
    out = stand(t, rng)
    beat = TAU * rng.uniform(0.9, 1.8) * t + rng.uniform(0, TAU)
    sides = (('left',), ('right',), ('left', 'right'))[rng.integers(3)]
    for side in sides:
        out[f'{side}_sh_flex'] = np.full_like(t, 0.2)
        out[f'{side}_sh_abd'] = rng.uniform(1.7, 2.4) + 0.25 * np.sin(beat)
        out[f'{side}_sh_twist'] = np.full_like(t, -1.4)
        out[f'{side}_elbow'] = 0.9 + 0.6 * np.sin(beat + 0.6)
    return out


def jump(t, rng):
    """Crouch, jump with the arms thrown up, land; repeated."""
    rate = rng.uniform(0.7, 1.0)
    u = (rate * t + rng.random()) % 1.0
    crouch = _bump(u, 0.22, 0.1) + 0.7 * _bump(u, 0.86, 0.08)
    flight = np.clip((u - 0.36) / 0.4, 0, 1)
    height = 4 * flight * (1 - flight)
    air = np.sin(np.pi * flight)**2
    out = {'hop': rng.uniform(0.2, 0.42) * height, 'lean': 0.55 * crouch, 'head_pitch': -0.3 * crouch}
    tuck = rng.uniform(0.0, 0.9)
    for side in ('left', 'right'):
        out[f'{side}_hip_flex'] = 0.05 + 0.95 * crouch + tuck * air
        out[f'{side}_knee'] = 0.1 + 1.45 * crouch + 1.5 * tuck * air
        out[f'{side}_ankle'] = 0.45 * crouch - 0.5 * air
        out[f'{side}_hip_abd'] = 0.08 + 0.1 * air
        out[f'{side}_sh_flex'] = -0.6 * crouch + 2.5 * air
        out[f'{side}_sh_abd'] = 0.2 + 0.25 * air
        out[f'{side}_elbow'] = 0.25 + 0.4 * crouch
    return out


def jumping_jack(t, rng):
    """Jumping jacks."""
    phase = TAU * rng.uniform(0.75, 1.2) * t + rng.uniform(0, TAU)
    opened = 0.5 - 0.5 * np.cos(phase)
    out = {'hop': 0.12 * _pulse(2 * phase - 0.8, 1.0)}
    for side in ('left', 'right'):
        out[f'{side}_sh_abd'] = 0.15 + 2.6 * opened
        out[f'{side}_elbow'] = 0.15 + 0.2 * opened
        out[f'{side}_hip_abd'] = 0.03 + 0.42 * opened
        out[f'{side}_knee'] = 0.15 + 0.2 * _pulse(2 * phase)
        out[f'{side}_hip_flex'] = 0.08 + 0.1 * _pulse(2 * phase)
    return out


def squat(t, rng):
    """Squat down and rise, arms forward."""
    depth = 0.5 - 0.5 * np.cos(TAU * rng.uniform(0.35, 0.6) * t + rng.uniform(0, TAU))
    reach = rng.uniform(0.6, 1.5)
    out = {'lean': 0.15 + 0.45 * depth, 'head_pitch': -0.3 * depth}
    for side in ('left', 'right'):
        out[f'{side}_hip_flex'] = 0.05 + 1.6 * depth
        out[f'{side}_knee'] = 0.1 + 2.1 * depth
        out[f'{side}_ankle'] = 0.6 * depth
        out[f'{side}_hip_abd'] = 0.12 + 0.25 * depth
        out[f'{side}_sh_flex'] = reach * depth
        out[f'{side}_sh_abd'] = np.full_like(t, 0.15)
        out[f'{side}_elbow'] = 0.2 + (1.5 - reach) * depth
    return out


def sit(t, rng):
    """Sit as on a chair, hands moving in the lap or gesturing."""
    beat = TAU * rng.uniform(0.3, 0.8) * t + rng.uniform(0, TAU)
    gesture = rng.uniform(0.0, 0.6)
    out = {'lean': 0.1 + 0.08 * np.sin(0.5 * beat), 'spine_flex': np.full_like(t, 0.12),
           'head_yaw': 0.5 * np.sin(0.4 * beat)}
    for k, side in enumerate(('left', 'right')):
        out[f'{side}_hip_flex'] = np.full_like(t, rng.uniform(1.3, 1.6))
        out[f'{side}_knee'] = np.full_like(t, rng.uniform(1.2, 1.7))
        out[f'{side}_hip_abd'] = np.full_like(t, rng.uniform(0.05, 0.3))
        out[f'{side}_sh_flex'] = 0.35 + gesture * (0.5 + 0.5 * np.sin(beat + 2 * k))
        out[f'{side}_sh_abd'] = np.full_like(t, 0.12)
        out[f'{side}_sh_twist'] = np.full_like(t, 0.3)
        out[f'{side}_elbow'] = 0.9 + gesture * np.sin(beat + 2 * k + 1)
    return out


def kick(t, rng):
    """Kick with one leg, again and again."""
    side, other = (('left', 'right'), ('right', 'left'))[rng.integers(2)]
    u = (rng.uniform(0.55, 0.85) * t + rng.random()) % 1.0
    back = _bump(u, 0.3, 0.1)
    hit = _bump(u, 0.52, 0.1)
    out = {'lean': 0.1 * back - 0.25 * hit,
           'spine_twist': np.where(side == 'left', 1, -1) * 0.35 * (hit - back),
           f'{side}_hip_flex': 0.05 - 0.5 * back + rng.uniform(0.9, 1.6) * hit,
           f'{side}_knee': 0.12 + 1.3 * back + 0.2 * hit, f'{side}_hip_abd': 0.08 + 0.1 * hit,
           f'{side}_ankle': -0.3 * hit, f'{other}_knee': 0.15 + 0.2 * hit,
           f'{other}_hip_flex': 0.06 + 0.05 * hit, f'{other}_hip_abd': np.full_like(t, 0.04)}
    for s, sign in ((side, -1), (other, 1)):
        out[f'{s}_sh_flex'] = sign * (0.9 * hit - 0.5 * back)
        out[f'{s}_sh_abd'] = 0.3 + 0.4 * hit
        out[f'{s}_elbow'] = 0.5 + 0.4 * back
    return out


def punch(t, rng):
    """Box in a guarded stance."""
    rate = rng.uniform(0.8, 1.3)
    phase = rng.random()
    out = {'lean': np.full_like(t, 0.12), 'head_pitch': np.full_like(t, 0.1),
           'spine_twist': 0.4 * np.sin(TAU * (rate * t + phase))}
    for k, side in enumerate(('left', 'right')):
        hit = _bump((rate * t + phase + 0.5 * k) % 1.0, 0.5, 0.1)
        out[f'{side}_sh_flex'] = 0.55 + 0.95 * hit
        out[f'{side}_sh_abd'] = np.full_like(t, 0.12)
        out[f'{side}_sh_twist'] = 0.5 - 0.4 * hit
        out[f'{side}_elbow'] = 2.1 - 1.9 * hit
        out[f'{side}_hip_flex'] = np.full_like(t, 0.4 if k else 0.0)
        out[f'{side}_knee'] = 0.35 + 0.15 * np.sin(TAU * 2 * rate * t)
        out[f'{side}_hip_abd'] = np.full_like(t, 0.1)
    return out


def bend(t, rng):
    """Bend down to pick something up, rise with it."""
    down = _smooth(0.5 - 0.75 * np.cos(TAU * rng.uniform(0.3, 0.5) * t + rng.uniform(0, TAU)))
    knee = rng.uniform(0.2, 1.0)
    out = {'lean': 1.05 * down, 'spine_flex': 0.5 * down, 'head_pitch': 0.15 * down}
    for side in ('left', 'right'):
        out[f'{side}_hip_flex'] = 0.04 + 0.6 * knee * down
        out[f'{side}_knee'] = 0.08 + knee * down
        out[f'{side}_ankle'] = 0.4 * knee * down
        out[f'{side}_hip_abd'] = np.full_like(t, 0.1)
        out[f'{side}_sh_flex'] = 1.3 * down
        out[f'{side}_sh_abd'] = 0.14 - 0.05 * down
        out[f'{side}_elbow'] = 0.25 + 0.8 * (1 - down)
    return out


def throw(t, rng):
    """Throw overarm, with a step."""
    side, other = (('left', 'right'), ('right', 'left'))[rng.integers(2)]
    u = (rng.uniform(0.5, 0.75) * t + rng.random()) % 1.0
    wind = _bump(u, 0.3, 0.13)
    release = _bump(u, 0.5, 0.09)
    sign = -1 if side == 'right' else 1
    out = {'lean': -0.1 * wind + 0.25 * release, 'spine_twist': sign * (0.6 * wind - 0.5 * release),
           f'{side}_sh_flex': 0.1 + 0.3 * wind + 1.3 * release,
           f'{side}_sh_abd': 0.15 + 1.5 * wind + 0.6 * release,
           f'{side}_sh_twist': -1.3 * wind, f'{side}_elbow': 0.3 + 1.4 * wind,
           f'{other}_sh_flex': 0.2 + 0.9 * wind, f'{other}_sh_abd': np.full_like(t, 0.25),
           f'{other}_elbow': np.full_like(t, 0.5)}
    for s, k in ((side, -1), (other, 1)):
        out[f'{s}_hip_flex'] = 0.05 + k * 0.3 * (wind + release)
        out[f'{s}_knee'] = 0.12 + 0.3 * wind
        out[f'{s}_hip_abd'] = np.full_like(t, 0.08)
    return out


def dance(t, rng):
    """Move every joint by slow and fast sines: the widest variety of poses."""
    def drift(low, high, fast=1.0):
        a, b = rng.uniform(0.25, 0.7), rng.uniform(0.7, 1.4) * fast
        p, q = rng.uniform(0, TAU, 2)
        mix = 0.5 + 0.3 * np.sin(TAU * a * t + p) + 0.2 * np.sin(TAU * b * t + q)
        return low + (high - low) * mix
    out = {'side': drift(-0.15, 0.15), 'lean': drift(-0.1, 0.3), 'spine_side': drift(-0.3, 0.3),
           'spine_twist': drift(-0.5, 0.5), 'yaw': drift(-0.4, 0.4), 'head_yaw': drift(-0.7, 0.7),
           'head_pitch': drift(-0.3, 0.4), 'turn': drift(-0.8, 0.8)}
    for side in ('left', 'right'):
        out.update({f'{side}_sh_flex': drift(-0.5, 2.2), f'{side}_sh_abd': drift(0.1, 1.8),
                    f'{side}_sh_twist': drift(-1.2, 0.8), f'{side}_elbow': drift(0.1, 2.0),
                    f'{side}_hip_flex': drift(-0.1, 0.8), f'{side}_hip_abd': drift(0.0, 0.4),
                    f'{side}_knee': drift(0.1, 1.1), f'{side}_hip_twist': drift(-0.3, 0.4),
                    f'{side}_ankle': drift(-0.2, 0.3)})
    return out


ACTIONS = {f.__name__: f for f in (walk, run, stand, wave, jump, jumping_jack, squat, sit, kick, punch, bend,
                                   throw, dance)}
TRAVELLING = ('walk', 'run')


def _neutral(n):
    return {name: np.zeros(n) for name in ANGLES}


def timeline(t, names, rng, blend=0.35):
    """Chain actions over the time axis with smooth cross-fades.

    Args:
        t (np.ndarray): (N,) seconds, increasing.
        names (Sequence[str]): Names of ``ACTIONS`` in order; each gets an equal share, jittered.
        rng (np.random.Generator): Source of the actions' parameters.
        blend (float): Length of a transition in seconds.

    Returns:
        dict[str, np.ndarray]: Every angle, (N,).
    """
    span = t[-1] - t[0]
    cuts = t[0] + span * (np.arange(1, len(names)) + rng.uniform(-0.25, 0.25, len(names) - 1)) / len(names)
    angles = _neutral(len(t))
    # after[k]: how far action k has taken over from action k - 1
    after = [np.ones_like(t), *(_smooth((t - cut) / blend + 0.5) for cut in cuts), np.zeros_like(t)]
    for k, name in enumerate(names):
        weight = after[k] * (1 - after[k + 1])
        for key, value in ACTIONS[name](t, rng).items():
            angles[key] = angles[key] + weight * value
    return angles


def perform(t, body, names, heading, rng, speed=1.0, circling=0.0):
    """Let a person perform actions; the feet decide where the body goes.

    Args:
        t (np.ndarray): (N,) seconds on a uniform grid.
        body (Proportions): The person.
        names (Sequence[str]): Actions in order.
        heading (float): Direction in the world at the start; 0 faces away from the camera (+y).
        rng (np.random.Generator): Source of the actions' parameters.
        speed (float): Time is run through at this rate.
        circling (float): Constant turning rate in rad/s, so that walking stays in a small area.

    Returns:
        Pose: In the world, ground at z = 0, starting at the origin.
    """
    t = np.asarray(t, dtype=float) * speed
    angles = timeline(t, names, rng)
    pose = forward_kinematics(body, angles)
    step = np.diff(t, prepend=t[0])
    turning = rotation('z', heading + np.cumsum((angles['turn'] + circling) * step))
    pose = place(pose, turning, np.zeros((len(t), 3)))
    return _ground(pose, body, angles['hop'], abs(t[1] - t[0]) / speed if len(t) > 1 else 1.0)


def _ground(pose, body, hop, step):
    """Stand the pose on the ground and move it so that the lowest foot stays where it is.

    Smoothed over some hundredths of a second: a body does not change its speed at once when the foot on which
    it stands changes.
    """
    soles = np.stack([pose.joint(name) - [0, 0, drop] for name, drop in (
        ('left_ankle', body.ankle), ('left_toe', 0.4 * body.ankle),
        ('right_ankle', body.ankle), ('right_toe', 0.4 * body.ankle))], axis=1)  # (N, 4, 3)
    height = -soles[..., 2].min(1) + hop
    # Weights instead of a switch, so that the change of the standing foot is smooth.
    weight = np.exp(-(soles[..., 2] - soles[..., 2].min(1, keepdims=True)) / 0.012)
    weight /= weight.sum(1, keepdims=True)
    slide = np.diff(soles[..., :2], axis=0, prepend=soles[:1, :, :2])
    shift = np.zeros_like(pose.joint('pelvis'))
    shift[:, :2] = _gaussian(np.cumsum(-(weight[..., None] * slide).sum(1), axis=0), 0.06 / step)
    shift[:, 2] = _gaussian(height[:, None], 0.03 / step)[:, 0]
    return Pose(pose.joints + shift[:, None], pose.frames)


def choose_actions(rng, seconds, allowed=None):
    """Draw a plausible chain of actions: about one every 1.6 s; who travels at first may stop later."""
    allowed = tuple(allowed or ACTIONS)
    count = max(1, int(round(seconds / 1.6 * rng.uniform(0.6, 1.2))))
    return [str(rng.choice(allowed)) for _ in range(count)]
