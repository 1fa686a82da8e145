"""What the content of an untrusted file must look like, checked once at the border, with the path of a field.

```
"ann.json": annotations[12].keypoints is [1, "x"], but a list of numbers is needed; mend or delete it.
```

Numbers of joints, and what they mean, are checked where they are known; here it is types, sizes and ids.
"""
from __future__ import annotations

import math
import pickle
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Sequence

from mmpose_gss.errors import UserError

#: Ids and counts are kept as int64, and file names are no longer than systems allow.
LARGEST_ID, LONGEST_TEXT = 2**62, 4096
_NUMBERS = {int, float}
# What Python, NumPy and their readers of archives and pickles raise on content of another form.
_OF_CONTENT = (ArithmeticError, AttributeError, BufferError, EOFError, ImportError, LookupError, MemoryError,
               NotImplementedError, RecursionError, TypeError, ValueError, pickle.UnpicklingError,
               struct.error, zipfile.BadZipFile, zlib.error)


def is_number(value: Any) -> bool:
    """Tell a finite number that an array can hold; true and false are none."""
    return type(value) in _NUMBERS and abs(value) <= 1e300 and math.isfinite(value)


def is_whole(value: Any) -> bool:
    """Tell a whole number, also one written as 17.0."""
    return is_number(value) and abs(value) <= LARGEST_ID and float(value).is_integer()


def is_numbers(value: Any) -> bool:
    """Tell a flat list of numbers; NaN and null stand for missing ones and are judged by the reader."""
    if type(value) is not list or not set(map(type, value)) <= {int, float, type(None)}:
        return False
    return all(type(number) is not int or -2**1000 < number < 2**1000 for number in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _is_regions(value: Any) -> bool:
    return type(value) is list and all(is_numbers(entry) for entry in value)


@dataclass(frozen=True)
class Kind:
    """What a field may be.

    Attributes:
        words: what is needed, for the message.
        fits: tells whether a value is of that kind.
        nullable: null counts as if the field were not there.
    """
    words: str
    fits: Callable[[Any], bool]
    nullable: bool = True


TEXT = Kind('a text of at most 4096 letters', _is_text)
NUMBER = Kind('a finite number', is_number)
FLAG = Kind('true, false or a number', lambda value: type(value) is bool or is_number(value))
ID = Kind('a whole number', is_whole, nullable=False)
NAME_OR_ID = Kind('a text or a whole number', lambda value: _is_text(value) or is_whole(value))
NUMBERS = Kind('a list of numbers', is_numbers, nullable=False)
BOX = Kind('a list of four numbers x, y, width, height', lambda value: value == [] or (
    is_numbers(value) and len(value) == 4))
TEXTS = Kind('a list of names', lambda value: type(value) is list and all(map(_is_text, value)))
REGIONS = Kind('a list of lists of numbers', _is_regions)

COCO_IMAGE: Dict[str, Kind] = dict(
    id=ID, file_name=TEXT, width=NUMBER, height=NUMBER, frame_id=NAME_OR_ID, vid_id=NAME_OR_ID,
    is_labeled=FLAG, ignore_regions_x=REGIONS, ignore_regions_y=REGIONS)
COCO_ANNOTATION: Dict[str, Kind] = dict(
    id=NAME_OR_ID, image_id=ID, category_id=NAME_OR_ID, keypoints=NUMBERS, scores=NUMBERS, bbox=BOX,
    bbox_head=BOX, area=NUMBER, iscrowd=FLAG, person_id=NAME_OR_ID)
COCO_CATEGORY: Dict[str, Kind] = dict(name=TEXT, keypoints=TEXTS)


def check_entries(entries: Any, where: str, fields: Dict[str, Kind], source: str,
                  needed: Sequence[str] = ()) -> List[dict]:
    """Check a list of objects.

    Args:
        entries (Any): What should be one.
        where (str): Path of the list in the file, e.g. ``'annotations'``.
        fields (dict[str, Kind]): What known fields may be; others may be anything.
        source (str): The file, for messages.
        needed (Sequence[str]): Fields that every object must have. Defaults to none.

    Returns:
        list[dict]: The entries.

    Raises:
        UserError: Naming file, entry and field of the first that is wrong.
    """
    if type(entries) is not list:
        raise UserError(f'"{source}": "{where}" is {shown(entries)}, but a list of objects is needed.')
    kinds = list(fields.items())
    for number, entry in enumerate(entries):
        if type(entry) is not dict:
            raise UserError(f'"{source}": {where}[{number}] is {shown(entry)}, but an object is needed.')
        for name in needed:
            if name not in entry:
                raise UserError(f'"{source}": {where}[{number}] has no "{name}"; every one needs it.')
        for name, kind in kinds:
            if name in entry and not kind.fits(entry[name]) and not (kind.nullable and entry[name] is None):
                raise UserError(f'"{source}": {where}[{number}].{name} is {shown(entry[name])}, but '
                                f'{kind.words} is needed; mend or delete it.')
    return entries


def check_coco(content: Any, source: str) -> dict:
    """Check a COCO-style file, as far as it has the lists that such a file has.

    Args:
        content (Any): What the file holds.
        source (str): The file, for messages.

    Returns:
        dict: The content.

    Raises:
        UserError: Naming file, entry and field of the first that is wrong.
    """
    if type(content) is not dict:
        raise UserError(f'"{source}": the top level is {shown(content)}, but must be an object with '
                        '"images", "annotations" and "categories".')
    for where, fields in (('images', COCO_IMAGE), ('annotations', COCO_ANNOTATION),
                          ('categories', COCO_CATEGORY)):
        if content.get(where) is not None:
            check_entries(content[where], where, fields, source)
    return content


@contextmanager
def content_of(source: str, form: str) -> Iterator[None]:
    """Turn what Python and NumPy say about content of another form into one sentence that names the file.

    Args:
        source (str): The file.
        form (str): What it should be, e.g. ``"MMPose's cameras of Human3.6M"``.

    Raises:
        UserError: In the place of other errors that wrong types, shapes and sizes lead to.
    """
    try:
        yield
    except UserError:
        raise
    except (OSError, *_OF_CONTENT) as error:
        if getattr(error, 'filename', None) is not None or isinstance(error, FileNotFoundError):
            raise                                  # the system's word on a file, not on what is in it
        reason = (str(error).splitlines() or [''])[0][:200]
        raise UserError(f'"{source}" is not {form} ({type(error).__name__}: {reason}); download or make it '
                        'anew.') from error


def shown(value: Any) -> str:
    """Show a value in a message, cut short; containers by their kind and length."""
    if isinstance(value, (dict, list)) and len(value) > 4:
        return f'{"an object" if isinstance(value, dict) else "a list"} of {len(value)}'
    try:
        text = repr(value)
    except (RecursionError, ValueError):          # nested too deep, or a whole number of thousands of digits
        return f'a {type(value).__name__}'
    return text if len(text) <= 60 else f'{text[:57]}...'
