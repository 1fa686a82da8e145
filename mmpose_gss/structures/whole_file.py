"""Files that are seen whole or not at all: written aside, flushed to the disk and moved into place."""
from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Iterator, Union

from mmpose_gss.errors import UserError


@contextmanager
def whole_file(path: Union[str, Path], binary: bool = False) -> Iterator[IO]:
    """Open a file for writing; it takes its place when the block ends without an error.

    Until then, and after an error, what was there before stays. A file that ``path`` is a hard link of keeps
    its content.

    Args:
        path (str | Path): The file; its folder is made if it is missing.
        binary (bool): Whether bytes are written. Defaults to False: text in UTF-8.

    Returns:
        Iterator[IO]: The open file.

    Raises:
        UserError: If it cannot be written, as the disk is full or the place not allowed.
    """
    path = Path(path)
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, 'wb') if binary else open(part, 'w', encoding='utf-8') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink()


def cannot_write(path: Union[str, Path], error: OSError) -> UserError:
    """Give the sentence about a file that cannot be written.

    Args:
        path (str | Path): The file.
        error (OSError): What the system said.
    """
    return UserError(f'cannot write "{path}" ({error.strerror or error}); free space there, or name a place '
                     'that can be written.')
