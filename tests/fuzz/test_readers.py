"""Damaged files over all readers: every one is read, or refused in one sentence that names the file.

``MMPOSE_GSS_FUZZ=50000`` sets the number of inputs, ``MMPOSE_GSS_FUZZ_SEED`` the seed.
"""
import os
import random
import shutil
import signal
import sys
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mmpose_gss.errors import UserError

sys.path.insert(0, str(Path(__file__).parent))
from readers import readers  # noqa: E402

INPUTS, SEED = int(os.environ.get('MMPOSE_GSS_FUZZ', 2000)), int(os.environ.get('MMPOSE_GSS_FUZZ_SEED', 0))
LIMIT_S = 20


class Hang(BaseException):
    """Reading took longer than LIMIT_S."""


def _hang(*_):
    raise Hang


def outcome(reader, path):
    """Read a damaged file; give what came of it and, if it was wrong, what exactly."""
    signal.alarm(LIMIT_S)
    try:
        with warnings.catch_warnings(), np.errstate(all='ignore'):
            warnings.simplefilter('ignore')
            reader.read(path)
        return 'read', None
    except (UserError, FileNotFoundError) as error:
        message = str(error)
        if '\n' in message.strip() or len(message) > 1500 or path.stem not in message:
            return 'refused badly', f'{type(error).__name__}: {message[:600]}'
        return 'refused', None
    except Hang:
        return 'hang', traceback.format_exc()[-1500:]
    except Exception as error:  # noqa: B902 (what is looked for)
        return 'raw exception', f'{type(error).__name__}: {error}'[:300] + traceback.format_exc()[-700:]
    finally:
        signal.alarm(0)


def attack(folder, inputs, seed):
    """Damage and read; give the counts and what was wrong, each kind once."""
    every, counts, faults = readers(folder), Counter(), {}
    shares = [reader.share for reader in every]
    previous = signal.signal(signal.SIGALRM, _hang)
    try:
        for number in range(inputs):
            rng = random.Random(f'{seed} {number}')
            reader = rng.choices(every, shares)[0]
            path = folder / 'damaged' / reader.file
            shutil.rmtree(folder / 'damaged', ignore_errors=True)
            path.parent.mkdir(parents=True)
            path.write_bytes(reader.damage(rng))
            result, fault = outcome(reader, path)
            counts[reader.name, result] += 1
            if fault:
                faults.setdefault(fault[-250:], f'input {number}, {reader.name}, {result}: {fault}')
    finally:
        signal.signal(signal.SIGALRM, previous)
    return counts, faults


def table(counts):
    """Show the counts by reader and outcome."""
    kinds = 'read', 'refused', 'refused badly', 'raw exception', 'hang'
    rows = [f'{"":20}' + ''.join(f'{kind:>15}' for kind in kinds)]
    for name in [*dict.fromkeys(name for name, _ in counts), 'all']:
        row = [sum(count for (reader, result), count in counts.items()
                   if result == kind and name in ('all', reader)) for kind in kinds]
        rows.append(f'{name:20}' + ''.join(f'{count:15}' for count in row))
    return '\n'.join(rows)


@pytest.mark.filterwarnings('ignore')
def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path, capsys):
    counts, faults = attack(tmp_path, INPUTS, SEED)
    with capsys.disabled():
        print(f'\n{INPUTS} damaged files, seed {SEED}\n{table(counts)}')
    assert not faults, f'{len(faults)} kinds of fault\n\n' + '\n\n'.join(list(faults.values())[:40])
    assert sum(count for (_, result), count in counts.items() if result == 'refused') > INPUTS / 4
    assert sum(count for (_, result), count in counts.items() if result == 'read') > INPUTS / 50
