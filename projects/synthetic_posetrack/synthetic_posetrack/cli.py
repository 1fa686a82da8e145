"""What the command line tools share: argument parsers, the output folder, progress."""
import argparse
import re
import shutil
import sys


def whole_number(low, high):
    """A parser of whole numbers from low to high."""
    def parse(text):
        if not re.fullmatch(r'-?\d+', text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f'{text!r} must be a whole number from {low} to {high}')
        return int(text)
    return parse


def number(low, high):
    """A parser of numbers from low to high."""
    def parse(text):
        try:
            value = float(text)
        except ValueError:
            value = float('nan')
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f'{text!r} must be a number from {low} to {high}')
        return value
    return parse


def image_size(text):
    """'320x240' -> (320, 240)."""
    match = re.fullmatch(r'(\d+)[xX](\d+)', text)
    if not match:
        raise argparse.ArgumentTypeError(f'{text!r} is not a size: write WIDTHxHEIGHT in pixels, '
                                         'for example 320x240')
    width, height = int(match[1]), int(match[2])
    if not (64 <= width <= 4096 and 64 <= height <= 4096) or width % 2 or height % 2:
        raise argparse.ArgumentTypeError(f'{text!r}: width and height must be even numbers from 64 to 4096')
    return width, height


def people_range(text):
    """'1-3' or '2' -> (1, 3) or (2, 2)."""
    match = re.fullmatch(r'(\d+)(?:-(\d+))?', text)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= low <= high <= 50:
        raise argparse.ArgumentTypeError(f'{text!r} is not a range of persons: write 2 or 1-3, '
                                         'at least 1, at most 50')
    return low, high


def prepare_folder(out, entries, overwrite):
    """Create the output folder, or end the program with a sentence that says why not.

    Args:
        out (Path): The folder.
        entries (set[str]): Names that a generated set consists of; only these are ever removed.
        overwrite (bool): Whether to remove an earlier set.
    """
    try:
        if out.exists() and not out.is_dir():
            sys.exit(f'error: {out} is a file; name a folder')
        content = {entry.name for entry in out.iterdir()} if out.exists() else set()
        if content - entries:
            sys.exit(f'error: {out} holds other files ({sorted(content - entries)[0]}); name another folder')
        if content and not overwrite:
            sys.exit(f'error: {out} is not empty; name another folder, or give --overwrite '
                     'to replace the set in it')
        for name in sorted(content):
            shutil.rmtree(out / name)
        out.mkdir(parents=True, exist_ok=True)
        probe = out / '.writable'
        probe.touch()
        probe.unlink()
    except OSError as error:
        sys.exit(f'error: cannot write to {out} ({error.strerror}); name a folder that you may write to')


def show_progress(done, total, what):
    """One line that is rewritten on a terminal, a line per tenth elsewhere."""
    if sys.stderr.isatty():
        print(f'\r{what} {done}/{total}', end='\n' if done == total else '', file=sys.stderr, flush=True)
    elif done == total or done % max(1, total // 10) == 0:
        print(f'{what} {done}/{total}', file=sys.stderr, flush=True)
