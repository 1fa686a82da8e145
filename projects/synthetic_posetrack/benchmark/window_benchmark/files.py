"""Files that are either whole or not there, and names that follow from what is in them."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator


def digest(content: Any) -> str:
    """Ten hexadecimal digits that change whenever plain data does."""
    text = json.dumps(content, sort_keys=True, default=list)
    return hashlib.sha1(text.encode()).hexdigest()[:10]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Write a file or folder beside its place and move it there when it is complete.

    Args:
        path (Path): Where it shall be; what is there is replaced.

    Yields:
        Path: Where to write it; no such file or folder yet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'{path.name}.{os.getpid()}.partial')
    _remove(partial)
    try:
        yield partial
        if partial.is_dir():
            _remove(path)
        partial.replace(path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1))
