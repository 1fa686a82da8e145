"""Writing one file per video and one per split, so that a conversion can go on where it stopped."""
from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from mmengine.utils import ProgressBar
from PIL import Image

from mmpose_gss.datasets.converters.report import Report
from mmpose_gss.errors import UserError
from mmpose_gss.structures.json_file import read_json, write_json

# Part of each file; a higher number has older files converted anew.
FORMAT = 1


def convert_videos(sources: Sequence[Path], targets: Sequence[Path],
                   convert: Callable[[Path], Tuple[dict, Counter]], split: str, report: Report,
                   overwrite: bool = False, options: str = '') -> List[dict]:
    """Convert the videos of a split, one file each, with a progress bar.

    Videos converted earlier, and not changed since, are read back.

    Args:
        sources (Sequence[Path]): What to convert.
        targets (Sequence[Path]): The file to write for each.
        convert (Callable): Makes a video (``images``, ``annotations``, ``categories``) of a source and counts
            what it left out, by reason.
        split (str): Name of the split.
        report (Report): Counts the videos.
        overwrite (bool): Whether to convert all anew.
        options (str): Options of the conversion; videos converted with others are converted anew.

    Returns:
        list[dict]: The videos.
    """
    videos = []
    bar = ProgressBar(len(sources)) if sources else None
    for source, target in zip(sources, targets):
        video = None if overwrite else _earlier(source, target, options)
        if video is None:
            video, skipped = convert(source)
            video['info'] = dict(format=FORMAT, options=options, source=source.name, skipped=dict(skipped))
            write_json(target, video)
        else:
            report.reused += 1
        report.add(split, video, video['info']['skipped'])
        videos.append(video)
        bar.update()
    if bar:
        bar.file.write('\n')
    return videos


def _earlier(source: Path, target: Path, options: str) -> Optional[dict]:
    if not target.is_file() or target.stat().st_mtime < source.stat().st_mtime:
        return None
    try:
        video = read_json(target)
    except ValueError:
        return None
    info = video.get('info', {})
    return video if (info.get('format'), info.get('options')) == (FORMAT, options) else None


def write_split(path: Path, videos: Iterable[dict], categories: List[dict], info: dict) -> None:
    """Write the COCO-style file of a split.

    Args:
        path (Path): The file.
        videos (Iterable[dict]): Videos with ``images`` and ``annotations``.
        categories (list[dict]): The person category with its joint names.
        info (dict): Where the file comes from.

    Raises:
        ValueError: If two images or two annotations have the same id.
    """
    images, annotations = [], []
    for video in videos:
        images += video['images']
        annotations += video['annotations']
    for kind, items in (('images', images), ('annotations', annotations)):
        repeated = [key for key, number in Counter(item['id'] for item in items).items() if number > 1]
        if repeated:
            raise UserError(
                f'"{path}": {len(repeated)} {kind} share an id, e.g. {repeated[0]}; the source lists a video '
                'twice.')
    write_json(path, dict(info=info, images=images, annotations=annotations, categories=categories))


def link_images(source: Path, target: Path) -> None:
    """Link the frames into the converted data set, so that its folder is complete."""
    if source.is_dir() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.resolve(), target_is_directory=True)


def visible_files(folder: Path, pattern: str) -> List[Path]:
    """The files of a folder, sorted, without the hidden ones that macOS puts into archives."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith('.'))


def image_size(path: Path) -> Optional[Tuple[int, int]]:
    """Width and height of an image file; None if there is no such file or it is no image."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        return None
