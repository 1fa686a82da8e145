"""Image files: whether they are whole, and which of a folder are the frames of a video, in which order."""
from __future__ import annotations

import os.path as osp
import re
from pathlib import Path
from typing import List, Sequence, Tuple, Union

from mmpose_gss.errors import UserError

_JPEG_START, _JPEG_END, _JPEG_SCAN = b'\xff\xd8', b'\xff\xd9', 0xDA
_PNG_START, _PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'


def frame_files(folder: Path, suffixes: Sequence[str]) -> List[Path]:
    """List the images of a folder in the order of their numbers: 2 stands before 10.

    Args:
        folder (Path): The folder.
        suffixes (Sequence[str]): Endings of images, in small letters, with dot.

    Returns:
        list[Path]: The files, without hidden ones (``._000.jpg``, which macOS puts into archives).
    """
    return sorted((path for path in folder.iterdir() if path.suffix.lower() in suffixes
                   and not path.name.startswith('.') and path.is_file()),
                  key=lambda path: natural_key(path.name))


def natural_key(name: str) -> Tuple[Tuple[Union[Tuple[int, str], str], ...], str]:
    """Give a sort key by which numbers in names count as numbers; equal ones are told by the whole name."""
    parts = re.split(r'([0-9]+)', name)
    numbers = [part.lstrip('0') for part in parts[1::2]]        # compared as numbers: longer ones are greater
    parts[1::2] = [(len(number), number) for number in numbers]
    return tuple(parts), name


def check_image_is_whole(data: bytes, path: str) -> None:
    """Check that a JPEG or PNG file reaches its end; decoders fill what is missing with grey, silently.

    Args:
        data (bytes): Content of the file.
        path (str): Path, for the message.

    Raises:
        UserError: If the file is empty or cut short.
    """
    if not data:
        raise UserError(f'Frame "{path}" is an empty file; copy it again.')
    if data.startswith(_JPEG_START):
        whole = data.rfind(_JPEG_END, _jpeg_scan_start(data)) != -1
    elif data.startswith(_PNG_START):
        whole = _PNG_END in data[-1024:]
    else:
        whole = True
    if not whole:
        kind = osp.splitext(path or '')[1].lstrip('.').upper() or 'image'
        raise UserError(f'Frame "{path}" is a truncated {kind} of {len(data)} bytes; copy it again.')


def _jpeg_scan_start(data: bytes) -> int:
    """Where the image data start: past the header, which may hold a thumbnail with an end of its own."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _JPEG_SCAN:
            return position
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without a length
            position += 2
            continue
        position += 2 + int.from_bytes(data[position + 2:position + 4], 'big')
    return len(data)
