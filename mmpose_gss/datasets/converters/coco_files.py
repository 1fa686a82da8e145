"""Converting a data set: one file per video and one per split, so that it can go on where it stopped."""
from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from mmengine.utils import ProgressBar
from PIL import Image

from mmpose_gss.datasets.converters.report import Report
from mmpose_gss.errors import UserError
from mmpose_gss.structures.json_file import read_json, write_json
from mmpose_gss.structures.safe_names import safe_name

# Part of each file; a higher number has older files converted anew.
FORMAT = 1
SPLITS = ('train', 'val')

# Makes a video (``images``, ``annotations``, ``categories``) of a source; counts by reason what it left out.
ConvertVideo = Callable[[Path], Tuple[dict, Counter]]


def find_splits(source: Path, folders: Sequence[str], suffixes: Sequence[str]) -> Dict[str, List[Path]]:
    """Find the annotation files of each split.

    Args:
        source (Path): The data set.
        folders (Sequence[str]): Where the splits may be, best first.
        suffixes (Sequence[str]): Endings of the files, best first.

    Returns:
        dict: Split → files, without the splits that have none.

    Raises:
        FileNotFoundError: If no split has any.
    """
    found: Dict[str, List[Path]] = {}
    for split in SPLITS:
        candidates = (visible_files(source / folder / split, f'*{suffix}')
                      for folder in folders for suffix in suffixes)
        files = next(filter(None, candidates), [])
        if files:
            found[split] = files
    if not found:
        wanted = ' or '.join(f'{folder}/{{train,val}}/*{suffix}' for folder in folders for suffix in suffixes)
        raise FileNotFoundError(
            f'"{source}" has no {wanted}; give the folder into which the download was unpacked.')
    return found


def convert_splits(report: Report, splits: Dict[str, List[Path]], out: Path, convert: ConvertVideo,
                   label_version: Callable[[str, List[Path]], Optional[str]], categories: List[dict],
                   overwrite: bool = False, options: str = '') -> None:
    """Convert all splits to ``annotations/<split>/<video>.json`` and ``annotations/<name>_<split>.json``.

    Args:
        report (Report): Of the data set with its name; counts what was found.
        splits (dict): Split → files of the source (:func:`find_splits`).
        out (Path): Folder of the converted data set.
        convert (Callable): Converts a video.
        label_version (Callable): Tells the version of the labels from split and files, None if unknown.
        categories (list[dict]): The person category with its joint names.
        overwrite (bool): Whether to convert all anew. Defaults to False.
        options (str): Options of the conversion; videos converted with others are converted anew.

    Raises:
        UserError: If the source would be overwritten.
    """
    for split, files in splits.items():
        targets = [out / 'annotations' / split / f'{safe_name(path.stem, _file(path))}.json'
                   for path in files]
        if files[0].resolve() == targets[0].resolve():
            raise UserError(
                f'Converting would overwrite the source "{files[0].parent}"; give another output folder.')
        videos = convert_videos(files, targets, convert, split, report, overwrite, options)
        version = label_version(split, files)
        if version:
            report.label_versions[split] = version
        info = dict(description=f'{report.name} {split}', labels=version or 'unknown', videos=len(videos))
        write_split(out / 'annotations' / f'{report.name}_{split}.json', videos, categories, info)


def _file(path: Path) -> str:
    return f'the name of "{path}"'


def convert_videos(sources: Sequence[Path], targets: Sequence[Path],
                   convert: ConvertVideo, split: str, report: Report, overwrite: bool = False,
                   options: str = '') -> List[dict]:
    """Convert the videos of a split, one file each, with a progress bar.

    Videos converted earlier, and not changed since, are read back.

    Args:
        sources (Sequence[Path]): What to convert.
        targets (Sequence[Path]): The file to write for each.
        convert (Callable): Converts a video.
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
    except UserError:
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
        UserError: If two images or two annotations have the same id.
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


def link_images(source: Path, out: Path, *folders: str) -> None:
    """Link the folders of frames into the converted data set, so that its folder is complete."""
    for folder in folders:
        images, link = source / folder, out / folder
        if images.is_dir() and not link.exists() and source.resolve() != out.resolve():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(images.resolve(), target_is_directory=True)


def visible_files(folder: Path, pattern: str) -> List[Path]:
    """List the files of a folder, sorted, without the hidden ones that macOS puts into archives."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith('.'))


def image_size(path: Path) -> Optional[Tuple[int, int]]:
    """Read width and height of an image file; None if there is no such file or it is no image."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        return None
