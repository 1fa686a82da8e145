"""Folds for leave-groups-out cross-validation."""
from __future__ import annotations

from collections import Counter
from typing import FrozenSet, List, Sequence

import numpy as np

from mmpose_gss.errors import UserError


def group_folds(groups: Sequence[str], count: int, seed: int = 0) -> List[FrozenSet[str]]:
    """Deal groups into folds of about equal numbers of samples, at random.

    Args:
        groups (Sequence[str]): The group of every sample.
        count (int): Number of folds.
        seed (int): Of the dealing.

    Returns:
        list[frozenset[str]]: The groups of every fold; every group is in one.

    Raises:
        UserError: If there are fewer groups than folds, or fewer than two folds.
    """
    sizes = Counter(groups)
    if not 2 <= count <= len(sizes):
        raise UserError(f'{len(sizes)} groups cannot be dealt into {count} folds; ask for 2 to {len(sizes)} '
                        'folds, or label more videos or speakers')
    names = sorted(sizes)
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    folds: List[List[str]] = [[] for _ in range(count)]
    filled = [0] * count
    for name in sorted(shuffled, key=lambda name: -sizes[name]):  # stable: equal sizes stay shuffled
        smallest = filled.index(min(filled))
        folds[smallest].append(name)
        filled[smallest] += sizes[name]
    return [frozenset(fold) for fold in folds]


def fold_of_groups(groups: Sequence[str], number: int, count: int, seed: int = 0) -> FrozenSet[str]:
    """The groups of one fold, numbered from 0.

    Raises:
        UserError: As :func:`group_folds`, or if there is no such fold.
    """
    if not 0 <= number < count:
        raise UserError(f'fold=({number}, {count}): folds are numbered from 0 to {count - 1}')
    return group_folds(groups, count, seed)[number]
