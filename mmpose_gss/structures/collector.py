"""Pausing Python's garbage collector while large files are read."""
from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Pause the collector: millions of new containers, none of them garbage, cost a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
