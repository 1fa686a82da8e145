"""The command line that the converters of ``tools/dataset_converters`` share."""
from __future__ import annotations

import argparse

OUT_HELP = 'folder for the converted annotations and a link to the images'


def converter_parser(description: str, source: str) -> argparse.ArgumentParser:
    """Make the parser of a converter: a source, a folder for the result, and ``--overwrite``.

    Args:
        description (str): What the tool does.
        source (str): What the source is, for ``--help``.

    Returns:
        ArgumentParser: Its arguments have the names of the converting function's.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('source', help=source)
    parser.add_argument('out', help=OUT_HELP)
    parser.add_argument('--overwrite', action='store_true', help='convert again what has been converted')
    return parser
