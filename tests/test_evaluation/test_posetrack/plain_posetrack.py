"""PoseTrack's AP and MOTA written down rule by rule: dicts and loops, no batching, none of the package.

Rules: the public evaluator poseval (eval_helpers.py, evaluateAP.py, evaluateTracking.py) over py-motmetrics.
PoseTrack18 files only.
"""
import json
import math
import os
from fractions import Fraction

from scipy.optimize import linear_sum_assignment

JOINTS = ['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
          'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'head_bottom', 'nose',
          'head_top']
GROUPS = {'Head': ['head_top', 'head_bottom', 'nose'], 'Shou': ['right_shoulder', 'left_shoulder'],
          'Elb': ['right_elbow', 'left_elbow'], 'Wri': ['right_wrist', 'left_wrist'],
          'Hip': ['right_hip', 'left_hip'], 'Knee': ['right_knee', 'left_knee'],
          'Ankl': ['right_ankle', 'left_ankle']}
NAN = float('nan')


def read_people(data, with_scores):
    """Frame id → list of people, each {'joints': {name: (x, y)}, 'scores': {name: s}, 'track', 'head'}."""
    names = data['categories'][0]['keypoints']
    frames = {image['id']: [] for image in data['images']}
    for entry in data['annotations']:
        person = {'joints': {}, 'scores': {}, 'track': entry.get('track_id')}
        for j, name in enumerate(names):
            x, y, flag = entry['keypoints'][3 * j:3 * j + 3]
            if name in JOINTS and not (x == 0 and y == 0 and flag == 0):
                person['joints'][name] = (float(x), float(y))
                scores = entry.get('scores')
                person['scores'][name] = scores[j] if with_scores and scores else -9999.0
        if 'bbox_head' in entry:
            x, y, w, h = entry['bbox_head']
            person['head'] = 0.6 * math.hypot(x + w - x, y + h - y)
        frames[entry['image_id']].append(person)
    return frames


def strictly_inside(point, xs, ys):
    """Even-odd rule in exact fractions; the border is outside."""
    px, py = map(Fraction, point)
    corners = [(Fraction(x), Fraction(y)) for x, y in zip(xs, ys)]
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1]):
        if ((x2 - x1) * (py - y1) == (y2 - y1) * (px - x1) and min(x1, x2) <= px <= max(x1, x2)
                and min(y1, y2) <= py <= max(y1, y2)):
            return False
        if (y1 > py) != (y2 > py) and px < x1 + (x2 - x1) * (py - y1) / (y2 - y1):
            odd = not odd
    return odd


def drop_ignored(people, image):
    """People without the joints inside ignore regions, and without those left empty."""
    regions = list(zip(image.get('ignore_regions_x') or [], image.get('ignore_regions_y') or []))
    if not regions:
        return people
    kept = []
    for person in people:
        joints = {name: p for name, p in person['joints'].items()
                  if not any(strictly_inside(p, xs, ys) for xs, ys in regions)}
        if joints:
            kept.append({**person, 'joints': joints})
    return kept


def read_video(gt_data, pred_data):
    """List of (ground-truth people, predicted people) of the evaluated frames."""
    gt, pred = read_people(gt_data, with_scores=False), read_people(pred_data, with_scores=True)
    return [(drop_ignored(gt[image['id']], image), drop_ignored(pred[image['id']], image))
            for image in gt_data['images'] if gt[image['id']]]


def read_folders(gt_dir, pred_dir):
    """The sequences of two folders, see ``read_video``."""
    sequences = []
    for name in sorted(os.listdir(gt_dir)):
        with open(os.path.join(gt_dir, name)) as gt_file, open(os.path.join(pred_dir, name)) as pred_file:
            sequences.append(read_video(json.load(gt_file), json.load(pred_file)))
    return sequences


def distance(g, p, joint):
    """In head sizes; None where a joint is missing or the head has no size."""
    if joint not in g['joints'] or joint not in p['joints']:
        return None
    (x1, y1), (x2, y2) = g['joints'][joint], p['joints'][joint]
    gap = math.sqrt((x1 - x2)**2 + (y1 - y2)**2)
    return gap / g['head'] if g['head'] > 0 else None


def is_match(g, p, joint):
    d = distance(g, p, joint)
    return d is not None and d <= 0.5


def assign(gts, preds):
    """Index of the prediction that each ground-truth person takes."""
    def pck(g, p):
        return sum(is_match(g, p, joint) for joint in g['joints']) / max(len(g['joints']), 1)

    wanted = {}
    for i, p in enumerate(preds):
        values = [pck(g, p) for g in gts]
        best = max(values, default=0)
        if best > 0:
            wanted.setdefault(values.index(best), []).append((i, best))
    return {g: max(candidates, key=lambda c: (c[1], -c[0]))[0] for g, candidates in wanted.items()}


def average_precision(sequences):
    """Per joint: AP, precision, recall in percent."""
    hits = {joint: [] for joint in JOINTS}                         # (score, right or wrong)
    annotated = dict.fromkeys(JOINTS, 0)
    for sequence in sequences:
        for gts, preds in sequence:
            for g in gts:
                for joint in g['joints']:
                    annotated[joint] += 1
            partner = {p: g for g, p in assign(gts, preds).items()}
            for i, p in enumerate(preds):
                for joint in p['joints']:
                    right = i in partner and is_match(gts[partner[i]], p, joint)
                    hits[joint].append((p['scores'][joint], right))
    ap, precision, recall = {}, {}, {}
    for joint in JOINTS:
        if not hits[joint]:
            ap[joint] = precision[joint] = recall[joint] = 0.0
            continue
        total = annotated[joint]
        ranked = sorted(hits[joint], key=lambda hit: -hit[0])
        found, points = 0, []
        for n, (_, right) in enumerate(ranked, 1):
            found += right
            points.append((found / total if total else NAN, found / n))
        area, best, following = 0.0, 0.0, points[-1][0]
        for r, p in reversed(points):               # best precision at this recall or a larger one
            area += (following - r) * best
            best, following = max(best, p), r
        area += following * best
        ap[joint] = 100 * area if total else NAN
        precision[joint], recall[joint] = 100 * points[-1][1], 100 * points[-1][0]
    return ap, precision, recall


def count_tracking(sequences, compat=True):
    """Per joint: dict of counters."""
    names = ('miss', 'switch', 'fp', 'objects', 'det', 'dist', 'all')
    totals = {joint: dict.fromkeys(names, 0) for joint in JOINTS}
    for sequence in sequences:
        for joint in JOINTS:
            track_joint(sequence[:-1] if compat else sequence, joint, totals[joint], compat)
    return totals


def track_joint(frames, joint, c, compat):
    last_h, last_o, seen = {}, {}, set()
    for gts, preds in frames:
        if compat and not (gts and preds):
            c['miss'] += 1
            c['fp'] += 1
            c['objects'] += 1
            continue
        objects = {g['track']: g for g in gts if joint in g['joints']}
        hypotheses = {p['track']: p for p in preds if joint in p['joints']}
        eligible = {(o, h): distance(objects[o], hypotheses[h], joint) for o in objects for h in hypotheses
                    if is_match(objects[o], hypotheses[h], joint)}
        c['all'] += sum(eligible.values())
        pairs, old = [], set()
        for o in objects:
            h = last_h.get(o)
            if (o, h) in eligible and h not in [x for _, x in pairs]:
                pairs.append((o, h))
                old.add((o, h))
                seen.add(h)
        free_o = [o for o in objects if o not in [x for x, _ in pairs]]
        free_h = [h for h in hypotheses if h not in [x for _, x in pairs]]
        cost = [[eligible.get((o, h), 1000.0) for h in free_h] for o in free_o]
        if free_o and free_h:
            pairs += [(free_o[i], free_h[j]) for i, j in zip(*linear_sum_assignment(cost))
                      if cost[i][j] < 1000]
        for o, h in pairs:
            d = eligible[o, h]
            c['det'] += 1
            c['dist'] += d
            c['all'] += d
            if (o, h) in old:
                continue
            switch, passed = o in last_h and last_h[o] != h, h in last_o and last_o[h] != o
            c['switch'] += switch
            c['all'] += d * ((switch and h not in seen) + passed + (passed and o not in last_h))
            seen.add(h)
            last_h[o], last_o[h] = h, o
        c['objects'] += len(objects)
        c['miss'] += len(objects) - len(pairs)
        c['fp'] += len(hypotheses) - len(pairs)


def tracking_figures(totals, compat=True):
    """Per joint: MOTA and MOTP in percent."""
    mota, motp = {}, {}
    for joint, c in totals.items():
        wrong = c['miss'] + c['switch'] + c['fp']
        mota[joint] = 100 * (1 - wrong / c['objects']) if c['objects'] else NAN
        if c['det']:
            motp[joint] = 100 * (1 - (c['all'] if compat else c['dist']) / c['det'])
        else:
            motp[joint] = 0.0 if compat else NAN
    return mota, motp


def grouped(values):
    """Means of the groups, undefined if one joint is, and of all joints that are defined."""
    result = {group: sum(values[joint] for joint in joints) / len(joints) for group, joints in GROUPS.items()}
    defined = [value for value in values.values() if not math.isnan(value)]
    result['mean'] = sum(defined) / len(defined) if defined else NAN
    return result
