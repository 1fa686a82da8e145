"""Checks that model, pipelines and data sets of a config fit together, before the first batch.

A wrong number in a config otherwise shows late, as an error of torch's inside some layer, or not at all: a
codec of another size than the heatmaps' decodes them to wrong places.

Facts are read off what was built (data sets, transforms, codecs); channels and sizes come from one run of the
model on shapes alone, which takes neither memory nor weights.

Shapes: B persons, T frames, J joints, C channels, H, W crop, h, w heatmaps. Sizes are (width, height), as in
codecs.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional, Tuple

from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from mmpose_gss.engine.shape_probe import ShapeProbe
from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_window import ClipWindow


def check_wiring(model: nn.Module, datasets: Mapping[str, Any]) -> None:
    """Check a top-down estimator or a lifter of MMPose or this package; other models are not looked at.

    Args:
        model (nn.Module): The built model, on any device, the meta device included.
        datasets (Mapping[str, Dataset]): Built data sets (``lazy_init`` will do) by the name of their loader
            in the config, e.g. ``'train_dataloader'``.

    Raises:
        UserError: At the first contradiction; the sentence names both sides and the remedy.
    """
    from mmpose.models import PoseLifter, TopdownPoseEstimator  # slow, and loaded if such a model was built

    model = model.module if is_model_wrapper(model) else model
    if isinstance(model, PoseLifter):
        _check_lifter(model, [ClipFacts.of(name, dataset) for name, dataset in datasets.items()])
    elif isinstance(model, TopdownPoseEstimator):
        _check_topdown(model, [ClipFacts.of(name, dataset) for name, dataset in datasets.items()])


# ------------------------------------------------------------------------------------------------ data


def _members(dataset: Any) -> Iterator[Any]:
    """A data set and those that it wraps or joins."""
    yield dataset
    inner = getattr(dataset, 'dataset', None)
    for member in [*([] if inner is None else [inner]), *(getattr(dataset, 'datasets', None) or [])]:
        yield from _members(member)


def _transforms_of(dataset: Any) -> List[Any]:
    """The transforms of a data set's own pipeline."""
    return getattr(getattr(dataset, 'pipeline', None), 'transforms', [])


def _joints_of(dataset: Any) -> Optional[int]:
    """The number of joints of its samples: the metainfo's, or what a ``KeypointConverter`` makes of them."""
    converted = [transform.num_keypoints for transform in _transforms_of(dataset)
                 if hasattr(transform, 'mapping') and hasattr(transform, 'num_keypoints')]
    return converted[-1] if converted else dataset.metainfo.get('num_keypoints')


@dataclass(frozen=True)
class ClipFacts:
    """What the data of a loader are like.

    Attributes:
        name (str): Loader in the config.
        num_joints (int, optional): J of the samples.
        num_frames (int, optional): T of the windows or clips; None for images.
        frames_from (str): Where T stands in the config.
        window (ClipWindow, optional): Which frames a window has; None for clips and images.
        transforms (list): All transforms of the data set and its members.
    """

    name: str
    num_joints: Optional[int]
    num_frames: Optional[int]
    frames_from: str
    window: Optional[ClipWindow]
    transforms: List[Any]

    @classmethod
    def of(cls, name: str, dataset: Any) -> 'ClipFacts':
        """Read off a built data set.

        Raises:
            UserError: If its members or its transforms disagree about the number of frames.
        """
        members = list(_members(dataset))
        transforms = [transform for member in members for transform in _transforms_of(member)]
        windows = [member.window for member in members
                   if isinstance(getattr(member, 'window', None), ClipWindow)]
        counts = {f'{name}.dataset.frame_offsets': window.num_frames for window in windows}
        for member in members:
            if isinstance(getattr(member, 'num_frames', None), int):
                counts[f'{name}.dataset.num_frames'] = member.num_frames
        for transform in transforms:
            if isinstance(getattr(transform, 'num_frames', None), int):
                counts[f'num_frames of {type(transform).__name__} in the pipeline of {name}'] = \
                    transform.num_frames
        place, frames = next(iter(counts.items()), ('', None))
        for other, number in counts.items():
            if number != frames:
                raise UserError(f'{place} makes {frames} frames, but {other} makes {number}; write the '
                                'number once and take num_frames=len(frame_offsets)')
        if any(window != windows[0] for window in windows):
            raise UserError(f'{name} joins data sets with frame_offsets {windows[0].offsets} and '
                            f'{next(w.offsets for w in windows if w != windows[0])}; give all the same')
        return cls(name, _joints_of(dataset), frames, place, next(iter(windows), None), transforms)

    def having(self, attribute: str) -> Iterator[Tuple[str, Any]]:
        """Name of transform and value, for transforms with an attribute; lists give each entry."""
        for transform in self.transforms:
            value = getattr(transform, attribute, None)
            for item in value if isinstance(value, list) else [value]:
                if item is not None:
                    yield type(transform).__name__, item


def _check_frames(part: str, module: Optional[nn.Module], facts: ClipFacts) -> None:
    """The window's length against the one that a part of the model was built for."""
    built_for = getattr(module, 'num_frames', None)
    if built_for is not None and facts.num_frames is not None and built_for != facts.num_frames:
        raise UserError(f'{facts.frames_from} makes {facts.num_frames} frames, but {part}.num_frames is '
                        f'{built_for}; write the number once and take num_frames=len(frame_offsets)')


def _check_joints(part: str, number: Optional[int], facts: ClipFacts) -> None:
    """A number of joints in the model against the data's."""
    if number is not None and facts.num_joints is not None and number != facts.num_joints:
        raise UserError(f'{part} is {number}, but the data of {facts.name} have {facts.num_joints} joints; '
                        f'set it to {facts.num_joints}')


# ------------------------------------------------------------------------------------------------ 2D


def _text(size: Any) -> str:
    return 'x'.join(str(int(n)) for n in size)


def _check_topdown(model: nn.Module, all_facts: List[ClipFacts]) -> None:
    head, neck = getattr(model, 'head', None), getattr(model, 'neck', None)
    decoder = getattr(head, 'decoder', None)
    for facts in all_facts:
        _check_frames('model.neck', neck, facts)
        _check_frames('model.backbone', model.backbone, facts)
        _check_joints('model.head.out_channels', getattr(head, 'out_channels', None), facts)
        for part in () if neck is None else neck.modules():
            _check_joints('num_keypoints of model.neck', getattr(part, 'num_keypoints', None), facts)
        if decoder is not None:
            _check_codec(decoder, facts)
    size = getattr(decoder, 'input_size', None)
    if size is None:
        return
    for frames, window in {(facts.num_frames, facts.window) for facts in all_facts}:
        shape = (1, 3, size[1], size[0]) if frames is None else (1, frames, 3, size[1], size[0])
        out = ShapeProbe(model).run(shape, *([] if window is None else [window]))
        _check_heatmaps(out, decoder, all_facts)


def _check_codec(decoder: Any, facts: ClipFacts) -> None:
    """Crops and targets of a pipeline against what the head decodes."""
    remedy = 'give the head and the pipeline one codec (decoder=_base_.codec)'
    for transform, size in facts.having('input_size'):
        if tuple(size) != tuple(getattr(decoder, 'input_size', size)):
            raise UserError(f'{transform} in the pipeline of {facts.name} has input_size={_text(size)}, but '
                            f'model.head.decoder has {_text(decoder.input_size)}; {remedy}')
    for transform, codec in facts.having('encoder'):
        if type(codec) is not type(decoder):
            raise UserError(f'{transform} in the pipeline of {facts.name} encodes with '
                            f'{type(codec).__name__}, but model.head.decoder is a {type(decoder).__name__}; '
                            f'{remedy}')
        for field in ('input_size', 'heatmap_size'):
            ours, theirs = getattr(decoder, field, None), getattr(codec, field, None)
            if ours is not None and theirs is not None and tuple(ours) != tuple(theirs):
                raise UserError(f'{transform} in the pipeline of {facts.name} has {field}={_text(theirs)}, '
                                f'but model.head.decoder has {_text(ours)}; {remedy}')


def _check_heatmaps(out: Any, decoder: Any, all_facts: List[ClipFacts]) -> None:
    """The head's output ``(1,J,h,w)`` against codec and data."""
    expected = getattr(decoder, 'heatmap_size', None)
    if not isinstance(out, Tensor) or out.dim() != 4 or expected is None:
        return
    for facts in all_facts:
        _check_joints("the number of the model's heatmaps", out.shape[1], facts)
    if tuple(out.shape[:1:-1]) != tuple(expected):
        raise UserError(f"the model's heatmaps are {_text(out.shape[:1:-1])} (width x height), but "
                        f'heatmap_size of model.head.decoder is {_text(expected)}; change the codec, or the '
                        'resolution of encoder, neck or head')


# ------------------------------------------------------------------------------------------------ 3D


def _check_lifter(model: nn.Module, all_facts: List[ClipFacts]) -> None:
    backbone, head = model.backbone, getattr(model, 'head', None)
    joints, frames = getattr(backbone, 'num_joints', None), getattr(backbone, 'num_frames', None)
    for facts in all_facts:
        _check_frames('model.backbone', backbone, facts)
        _check_joints('model.backbone.num_joints', joints, facts)
        for transform, codec in facts.having('encoder'):
            _check_joints(f'num_keypoints of the encoder of {transform}',
                          getattr(codec, 'num_keypoints', None), facts)
            _check_lifting_codec(backbone, head, codec, facts)
    if head is None or joints is None or frames is None:
        return  # a lifter of MMPose's, which does not say what it was built for
    out = ShapeProbe(model).run((1, frames, joints, backbone.in_channels))
    if isinstance(out, Tensor) and tuple(out.shape) != (1, frames, joints, 3):
        raise UserError(f'the model gives {tuple(out.shape)} for a clip of {frames} frames and {joints} '
                        f'joints, not {(1, frames, joints, 3)}; set model.head.out_channels to 3')


def _check_lifting_codec(backbone: nn.Module, head: Optional[nn.Module], codec: Any,
                         facts: ClipFacts) -> None:
    """Channels of the input and the root of the skeleton."""
    channels, asked = 2 + bool(getattr(codec, 'concat_vis', False)), getattr(backbone, 'in_channels', None)
    if hasattr(codec, 'concat_vis') and asked is not None and asked != channels:
        raise UserError(f'model.backbone.in_channels is {asked}, but the encoder of {facts.name} gives '
                        f'{channels} channels; set it to {channels}, or concat_vis of the encoder')
    roots = [index for index in _as_list(getattr(codec, 'root_index', None)) if index is not None]
    root = getattr(head, 'root_index', None)
    if root is not None and roots and root not in roots:
        raise UserError(f'model.head.root_index is {root}, but the encoder of {facts.name} has root_index='
                        f'{roots[0]}; set both to the root of the skeleton')


def _as_list(value: Any) -> List[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
