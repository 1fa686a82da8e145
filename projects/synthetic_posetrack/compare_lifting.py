"""Compare lifters on generated motion: one frame, VideoPose3D and PoseMamba, with the same training time.

Example: ``python compare_lifting.py --seeds 3 --seconds 300 --jobs 2 --out comparison.json``

All three see the same noisy 2D tracks (x and y relative to the root of the middle frame, no confidences) of a
generated set and predict camera coordinates relative to the root, without being told sizes:

* MMPose's config of SimpleBaseline3D, one frame (its statistics are replaced by those of the generated set);
* MMPose's config of VideoPose3D with a receptive field of 27 frames;
* PoseMamba with clips of 27 frames, cut down to one pair of blocks, 32 channels inside and outside of the
  mixers and 4 states, as the full one is not made for training on CPUs.

Each is trained from scratch for the same processor time, preparation of samples not counted; the learning
rate falls to a hundredth over the time. Learning rates and batch sizes are those of `METHODS`, the best of
those tried on a set with another seed. The held-out people and cameras are scored once, at the end, without
flip averaging.

Shapes: N samples, T frames of a clip, J = 17 joints.
"""
import argparse
import json
import logging
import multiprocessing
import statistics
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the package, when it is not installed

FRAMES = 27
SCORES = ('MPJPE', 'P-MPJPE', 'MPJVE')
SET = ('--sequences', '56', '--test-sequences', '8', '--frames', '216', '--views', '2', '--seed', '0')


@dataclass(frozen=True)
class Method:
    """What is tuned for a method.

    Attributes:
        config (str): In ``configs/body_3d_keypoint`` of MMPose, or of this package.
        batch (int): Samples in a batch; those of PoseMamba have 27 poses.
        lr (float): Learning rate at the start.
    """
    config: str
    batch: int
    lr: float


METHODS = {
    'SimpleBaseline3D': Method('image_pose_lift/h36m/image-pose-lift_tcn_8xb64-200e_h36m.py', 64, 3e-3),
    'VideoPose3D': Method(
        'video_pose_lift/h36m/video-pose-lift_tcn-27frm-supv_8xb128-160e_h36m.py', 16, 3e-3),
    'PoseMamba': Method('posemamba/h36m/posemamba-s-27frm_8xb4-120e_h36m.py', 2, 8e-3),
}


def data_paths(folder, split):
    """Annotations, detections and cameras of a split of the generated set."""
    folder = Path(folder).resolve()
    return (str(folder / f'annotation_body3d/fps50/h36m_{split}.npz'),
            str(folder / f'joint_2d_det_files/noisy_2d_{split}.npy'),
            str(folder / 'annotation_body3d/cameras.pkl'))


def mmpose_setup(name, folder, split):
    """Model config and data set of a method of MMPose, its own config pointed at the generated set."""
    import mmpose
    from mmengine.config import Config
    from mmpose.registry import DATASETS
    folder_of_configs = Path(mmpose.__file__).parent / '.mim/configs/body_3d_keypoint'
    cfg = Config.fromfile(str(folder_of_configs / METHODS[name].config))
    annotations, detections, cameras = data_paths(folder, split)
    dataset = cfg.train_dataloader.dataset
    dataset.update(ann_file=annotations, camera_param_file=cameras, keypoint_2d_src='detection',
                   keypoint_2d_det_file=detections, data_root='', data_prefix=dict(img=''))
    codec = cfg.model.head.decoder
    if name == 'SimpleBaseline3D':
        statistics_of(folder, codec)
        for step in dataset.pipeline:
            if step.type == 'GenerateTarget':
                step.encoder = codec
    dataset.pipeline = [step for step in dataset.pipeline if step.type != 'RandomFlipAroundRoot']
    return cfg, DATASETS.build(dataset)


def statistics_of(folder, codec):
    """Puts mean and spread of the generated training set into the codec of SimpleBaseline3D.

    It leaves the 2D joints as they are: :func:`prepare` scales them once they are relative to the root.
    """
    annotations, _, _ = data_paths(folder, 'train')
    with np.load(annotations) as archive:
        joints = archive['S'][..., :3]
    relative = np.delete(joints - joints[:, :1], 0, axis=1)
    codec.update(target_mean=relative.mean(0).tolist(), target_std=relative.std(0).tolist(),
                 keypoints_mean=np.zeros((17, 2)).tolist(), keypoints_std=np.ones((17, 2)).tolist())


def posemamba_setup(folder, split):
    """Model config and data set of the cut-down PoseMamba."""
    from mmengine.config import Config

    from mmpose_gss.datasets.body3d import H36MClipDataset
    configs = Path(__file__).resolve().parents[2] / 'configs/body_3d_keypoint'
    cfg = Config.fromfile(str(configs / METHODS['PoseMamba'].config))
    cfg.model.backbone.update(embed_dim=32, depth=1, d_state=4, expand=1.0, drop_path_rate=0.0)
    cfg.model.head.in_channels = 32
    cfg.model.head.loss.velocity_weight = 2.0  # 20 slows the start, and the time is short
    annotations, detections, cameras = data_paths(folder, split)
    pipeline = [step for step in cfg.train_dataloader.dataset.pipeline if step.type != 'RandomFlipAroundRoot']
    dataset = H36MClipDataset(
        annotations, cameras, detections, target='camera', num_frames=FRAMES,
        stride=FRAMES if split == 'test' else 9, keep_tail=split == 'test', pipeline=pipeline)
    return cfg, dataset


def setup(method, folder, split):
    """Config and data set of a method."""
    return posemamba_setup(folder, split) if method == 'PoseMamba' else mmpose_setup(method, folder, split)


def prepare(method, dataset, scaling=None):
    """All samples as tensors, so that training measures the network.

    Returns:
        tuple: inputs ``(N,…)`` relative to the root, targets, weights, and the mean and spread that
        SimpleBaseline3D's inputs are divided by (those of this set unless ``scaling`` gives others).
    """
    samples = [dataset[i] for i in range(len(dataset))]
    labels = [sample['data_samples'].gt_instance_labels for sample in samples]
    inputs = torch.stack([sample['inputs'] for sample in samples]).float()
    inputs = relative_to_root(method, inputs)
    if method == 'SimpleBaseline3D':
        scaling = scaling or (inputs.mean(0), inputs.std(0) + 1e-3)
        inputs = (inputs - scaling[0]) / scaling[1]
    return (inputs, torch.stack([label.lifting_target_label for label in labels]).float(),
            torch.stack([label.lifting_target_weight for label in labels]).float(), scaling)


def relative_to_root(method, inputs):
    """2D joints relative to the root of the middle frame."""
    if method == 'PoseMamba':  # (N,T,J,2)
        middle = FRAMES // 2
        return inputs - inputs[:, middle:middle + 1, :1]
    joints = inputs.view(len(inputs), 17, 2, -1)  # (N,J*2,T)
    middle = joints.shape[-1] // 2
    return (joints - joints[:, :1, :, middle:middle + 1]).view_as(inputs)


def mirrored(method, inputs, targets, flip):
    """Half of a batch mirrored, left and right swapped; the augmentation of both configs of clips.

    MMPose's config of SimpleBaseline3D has none, and its normalised joints cannot be mirrored.
    """
    if method == 'SimpleBaseline3D':
        return inputs, targets
    chosen = torch.rand(len(inputs)) < 0.5
    inputs, targets = inputs.clone(), targets.clone()
    flat = inputs if method == 'PoseMamba' else inputs.view(len(inputs), 17, 2, -1)
    turned = flat[chosen][:, :, flip] if method == 'PoseMamba' else flat[chosen][:, flip]
    sign = torch.tensor([-1.0, 1.0])
    flat[chosen] = turned * (sign if method == 'PoseMamba' else sign[:, None])
    targets[chosen] = targets[chosen][:, :, flip] * torch.tensor([-1.0, 1.0, 1.0])
    return flat.view_as(inputs), targets


def train(method, cfg, data, flip, seconds, seed):
    """Trains for a processor time; returns the model and the number of poses it has learned from."""
    from mmengine.optim import build_optim_wrapper
    from mmpose.registry import MODELS
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    logging.disable(logging.INFO)  # MMEngine lists every parameter
    model.init_weights()
    logging.disable(logging.NOTSET)
    model.train()
    optimiser = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    rate = METHODS[method].lr
    inputs, targets, weights, _ = data
    poses, start = 0, time.process_time()
    while True:
        for chosen in torch.randperm(len(inputs)).split(METHODS[method].batch):
            done = (time.process_time() - start) / seconds
            if done >= 1:
                return model, poses
            for group in optimiser.param_groups:
                group['lr'] = rate * max(0.01, 0.5 * (1 + np.cos(np.pi * done)))
            x, y = mirrored(method, inputs[chosen], targets[chosen], flip)
            pred = model.head.forward(model.extract_feat(x))
            if method == 'PoseMamba':
                loss = sum(model.head.loss_module(pred, y, weights[chosen]).values())
            else:
                weight = weights[chosen].view(*pred.shape[:-1], 1)
                loss = model.head.loss_module(pred, y.view_as(pred), weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            poses += len(chosen) * (FRAMES if method == 'PoseMamba' else 1)


@torch.no_grad()
def predict(method, model, cfg, data):
    """Predictions in m relative to the root, ``(N,J,3)`` or ``(N,T,J,3)``."""
    model.eval()
    parts = [model.head.forward(model.extract_feat(x)) for x in data[0].split(64)]
    pred = torch.cat(parts).double().numpy()
    if method == 'SimpleBaseline3D':
        codec = cfg.model.head.decoder
        pred = pred.reshape(-1, 16, 3) * np.array(codec.target_std) + np.array(codec.target_mean)
        return np.insert(pred, 0, 0.0, axis=1)
    if method == 'VideoPose3D':
        pred = pred.reshape(-1, 17, 3)
    else:
        pred = pred * 0.5  # images are 1000 pixels wide: half of it is 0.5 m in targets of camera coordinates
    return pred - pred[..., :1, :]


def score(method, pred, dataset, folder):
    """MPJPE, P-MPJPE and MPJVE in mm over the held-out set, by the metric of the package."""
    from mmpose_gss.evaluation import PoseLiftingMetric
    annotations, _, _ = data_paths(folder, 'test')
    with np.load(annotations) as archive:
        truth, names = archive['S'][..., :3], archive['imgname']
    videos = np.array([Path(str(name)).name.rsplit('_', 1)[0] for name in names])
    whole = np.zeros_like(truth)
    count = np.zeros(len(truth))
    if method == 'PoseMamba':
        row = {str(name): i for i, name in enumerate(names)}
        table_to_row = np.array([row[str(name)] for name in dataset.table.image])
        for index in range(len(dataset)):
            rows = table_to_row[dataset.get_data_info(index)['frame_ids']]
            whole[rows] += pred[index]
            count[rows] += 1
    else:
        for index, frames in enumerate(dataset.sequence_indices):
            target = frames[-1] if dataset.causal else frames[len(frames) // 2]
            whole[target] += pred[index]
            count[target] += 1
    assert (count > 0).all(), f'{method} left out {int((count == 0).sum())} frames'
    whole /= count[:, None, None]
    metric = PoseLiftingMetric(scores=('mpjpe', 'p-mpjpe', 'mpjve'))
    for video in np.unique(videos):
        rows = np.flatnonzero(videos == video)
        truths = dict(lifting_target=truth[rows], lifting_target_visible=np.ones(truth[rows].shape[:2]))
        metric.process(None, [dict(pred_instances=dict(keypoints=whole[rows]), gt_instances=truths,
                                   frame_ids=rows, action='all', sequence=video)])
    scores = metric.compute_metrics(metric.results)
    return {name: scores[name] for name in SCORES}


def run(task):
    """One training of one method, and its scores."""
    method, seed, folder, seconds = task
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    import mmpose.datasets  # noqa: F401
    import mmpose.models  # noqa: F401
    from mmengine.registry import init_default_scope
    init_default_scope('mmpose')
    cfg, dataset = setup(method, folder, 'train')
    flip = list(dataset.metainfo['flip_indices'])
    data = prepare(method, dataset)
    cfg_test, test = setup(method, folder, 'test')
    held_out = prepare(method, test, data[3])
    model, poses = train(method, cfg, data, flip, seconds, seed)
    parameters = sum(p.numel() for p in model.parameters())
    result = dict(method=method, seed=seed, poses=poses, parameters=parameters,
                  **score(method, predict(method, model, cfg_test, held_out), test, folder))
    print(json.dumps(result), flush=True)
    return result


def table(results, seconds):
    """The results as a Markdown table, mean ± standard deviation over seeds."""
    lines = [f'{seconds:g} s of one core per training, {len({r["seed"] for r in results})} seeds', '',
             '| method | parameters | poses seen | MPJPE (mm) | P-MPJPE (mm) | MPJVE (mm/frame) |',
             '| --- | --- | --- | --- | --- | --- |']
    for method in METHODS:
        rows = [r for r in results if r['method'] == method]
        if not rows:
            continue
        cells = []
        for name in SCORES:
            values = [r[name] for r in rows]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f'{statistics.mean(values):.1f} ± {spread:.1f}')
        poses = statistics.mean(r['poses'] for r in rows)
        cells = [method, f'{rows[0]["parameters"] / 1e6:.2f} M', f'{poses:,.0f}', *cells]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def main(argv=None):
    """Runs the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', help='a set of generate_motion3d.py (default: one is generated)')
    parser.add_argument('--noise', type=float, default=1.0, help='factor on its 2D errors')
    parser.add_argument('--seconds', type=float, default=300, help='processor time of each training')
    parser.add_argument('--seeds', type=int, default=3, help='trainings of each method')
    parser.add_argument('--methods', nargs='+', choices=METHODS, default=METHODS)
    parser.add_argument('--jobs', type=int, default=1, help='trainings at a time, one core each')
    parser.add_argument('--out', type=Path, help='JSON file for all results')
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.data
        if folder is None:
            import generate_motion3d
            folder = str(Path(temporary) / 'motion3d')
            generate_motion3d.main([folder, '--noise', str(args.noise), *SET])
        tasks = [(method, seed, folder, args.seconds)
                 for seed in range(args.seeds) for method in args.methods]
        with multiprocessing.get_context('spawn').Pool(args.jobs, maxtasksperchild=1) as pool:
            results = pool.map(run, tasks, chunksize=1)
    if args.out:
        args.out.write_text(json.dumps(results, indent=1))
    print(table(results, args.seconds))


if __name__ == '__main__':
    main()
