"""JSON files: read with a sentence about what is wrong, written as a whole or not at all."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Union

from mmpose_gss.errors import UserError
from mmpose_gss.structures.whole_file import whole_file

#: Bytes.
LARGEST = 4 << 30


def read_json(path: Union[str, Path]) -> Any:
    """Read a JSON file.

    Args:
        path (str | Path): The file.

    Returns:
        Any: Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is not JSON, nested too deep, or larger than 4 GiB.
    """
    size = os.path.getsize(path)
    if size > LARGEST:
        raise UserError(f'"{path}" has {size / 2**30:.1f} GiB; more than {LARGEST >> 30} are not read: '
                        'split it.')
    content = Path(path).read_bytes()
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f'"{path}" is not JSON ({error}); copy or write the file anew.') from None


def write_json(path: Union[str, Path], content: Any) -> None:
    """Write a JSON file beside its place and move it there, so that a half-written one is never seen.

    Args:
        path (str | Path): The file; its folder is made if it is missing.
        content (Any): What to write.

    Raises:
        UserError: If it cannot be written.
    """
    with whole_file(path) as file:
        file.write(json.dumps(content))
