"""Names out of files, before a path is made of them: a file cannot choose where we write or read."""
from __future__ import annotations

import os
import re
from typing import Any

from mmpose_gss.errors import UserError

_LONGEST = 200
_FORBIDDEN = re.compile(r'[/\\:\x00-\x1f]')


def safe_name(name: Any, field: str) -> str:
    """Check that a name is that of a file or folder, and no way to another place.

    Args:
        name (Any): The name, without ending.
        field (str): File and field that it comes from, for the message.

    Returns:
        str: The name.

    Raises:
        UserError: If it is no text, empty, longer than 200 bytes, begins or ends with a dot or a space, or
            holds a separator, a colon or a control character.
    """
    if not isinstance(name, str) or not name or name != name.strip(' .') or _FORBIDDEN.search(name) \
            or len(name.encode('utf-8', 'surrogatepass')) > _LONGEST:
        raise UserError(
            f'{field} is {_shown(name)}, which cannot be the name of a file; rename it, without separators '
            'and without dots at its ends.')
    return name


def inside(name: Any, field: str) -> str:
    """Check that a relative path stays in the folder that it is relative to.

    Args:
        name (Any): The path as it stands in a file, with forward slashes or those of the system.
        field (str): File and field that it comes from, for the message.

    Returns:
        str: The path.

    Raises:
        UserError: If it is no text, empty, absolute, or leaves the folder through ``..``.
    """
    if not isinstance(name, str) or not name or '\x00' in name:
        raise UserError(f'{field} is {_shown(name)}, which is no path of a file; give one relative to the '
                        'data set\'s folder.')
    parts = name.replace('\\', '/').split('/')
    if os.path.isabs(name) or parts[0] == '' or parts[0].endswith(':') or '..' in parts:
        raise UserError(
            f'{field} is {_shown(name)}, which may lie outside the data set\'s folder; write it relative to '
            'that folder and without "..", or allow such paths with outside_root=True.')
    return name


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:77]}...'
