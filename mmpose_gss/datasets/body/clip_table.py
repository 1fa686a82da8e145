"""The clips of an annotation file, and where in them each of its images stands."""
from __future__ import annotations

import os.path as osp
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from mmengine.fileio import list_dir_or_file
from PIL import Image

from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_frames import ClipFrames, FrameLayout, frame_number
from mmpose_gss.structures.safe_names import inside


@dataclass(frozen=True)
class ImagePlace:
    """Where an annotated image stands.

    Args:
        image (dict): Its entry in the annotation file.
        clip_index (int): Number of its clip.
        position (int): Its position in the clip, from 0.
        size (tuple[int, int], optional): Width and height in pixels, if known.
    """

    image: dict
    clip_index: int
    position: int
    size: Optional[Tuple[int, int]]

    @property
    def order(self) -> Tuple[int, int]:
        """Sort key: by clip and time."""
        return self.clip_index, self.position


def place_images(images: List[dict], ann_file: str, root: str, layout: FrameLayout,
                 frames_from: str,
                 outside_root: bool = False) -> Tuple[List[ClipFrames], Dict[int, ImagePlace]]:
    """Group images into clips, by folder.

    Args:
        images (list[dict]): ``images`` of an annotation file.
        ann_file (str): The file, for messages.
        root (str): Folder to which file names are relative.
        layout (FrameLayout): How frames are named.
        frames_from (str): ``'annotation'`` or ``'folder'``: what tells the frames of a clip.
        outside_root (bool): Whether frames may lie elsewhere than below ``root``. Defaults to False.

    Returns:
        tuple: The clips, and the place of each image by image id.

    Raises:
        FileNotFoundError: If frames are to be counted in a folder that does not exist or is empty.
        UserError: If a file name leads out of ``root``, an image id is repeated, or ``nframes`` is missing
            or does not fit the numbers of the frames.
    """
    folders = defaultdict(list)
    for image in images:
        if not outside_root:
            inside(image['file_name'], f'"{ann_file}": file_name of image {image.get("id")}')
        folders[osp.dirname(image['file_name'])].append(image)
    clips: List[ClipFrames] = []
    places = {}
    for folder, members in folders.items():
        if frames_from == 'folder':
            clip = _clip_on_disk(osp.join(root, folder), layout)
        else:
            clip = _annotated_clip(folder, members, ann_file, root, layout)
        size = _image_size(clip, members[0])
        for image in members:
            try:
                position = clip.position_of(osp.basename(image['file_name']))
            except ValueError as error:
                raise UserError(
                    f'"{ann_file}": image "{image["file_name"]}": {error}; check its "nframes" and the data '
                    f'set\'s first_frame={layout.first_frame}, or set frames_from="folder".') from error
            if image['id'] in places:
                raise UserError(
                    f'"{ann_file}": image id {image["id"]} stands more than once in "images", e.g. at '
                    f'"{image["file_name"]}"; give every image an id of its own.')
            places[image['id']] = ImagePlace(image, len(clips), position, size)
        clips.append(clip)
    return clips, places


def _annotated_clip(folder: str, members: List[dict], ann_file: str, root: str,
                    layout: FrameLayout) -> ClipFrames:
    counts = {image.get('nframes') for image in members}
    count = _whole_number(next(iter(counts)))
    if len(counts) > 1 or count is None:
        raise UserError(
            f'"{ann_file}": the images of "{folder}" (e.g. "{members[0]["file_name"]}") need one "nframes", '
            f'the number of frames of the clip, but have {sorted(map(str, counts))}; add the field, or set '
            'frames_from="folder" to count the files.')
    names = sorted({osp.basename(image['file_name']) for image in members}, key=frame_number)
    # A file that lists all frames of a clip also tells of gaps in their numbers.
    return ClipFrames(osp.join(root, folder), count, layout, tuple(names) if len(names) == count else None)


def _whole_number(value: Any) -> Optional[int]:
    """Give a positive whole number, also as Matlab's tools write it (149.0); None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number >= 1 and number.is_integer() else None


def _clip_on_disk(path: str, layout: FrameLayout) -> ClipFrames:
    suffix = osp.splitext(layout.frame_name)[1]
    try:
        names = sorted(list_dir_or_file(path, list_dir=False, suffix=suffix), key=frame_number)
    except FileNotFoundError:
        names = []
    if not names:
        raise FileNotFoundError(
            f'Folder "{path}" is missing or holds no *{suffix} frames; check data_root and data_prefix, or '
            'unpack the images there.')
    return ClipFrames(path, len(names), layout, tuple(names))


def _image_size(clip: ClipFrames, image: dict) -> Optional[Tuple[int, int]]:
    if image.get('width') and image.get('height'):
        return int(image['width']), int(image['height'])
    # PoseTrack's own files give no size; all frames of a clip have the same.
    path = osp.join(clip.folder, osp.basename(image['file_name']))
    if not osp.isfile(path):
        return None
    try:
        with Image.open(path) as frame:
            return frame.size
    except OSError as error:
        raise UserError(f'Frame "{path}" is not a readable image ({error}); copy it again.') from error
