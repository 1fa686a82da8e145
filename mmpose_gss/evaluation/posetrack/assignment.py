"""Many small assignment problems at once: as many pairs as possible, with the smallest total distance.

Most pairs of a tracker's frame compete with no other; most of the rest are two against one or two. What is
larger, or has more than one best solution, is left to SciPy's Hungarian algorithm. It is imported only then:
importing it takes longer than evaluating a thousand frames.

Shapes: E pairs of all problems.
"""
from __future__ import annotations

from typing import List, Optional, Tuple

import numpy as np

# Problems up to this size are solved by trying all combinations.
SMALL_ROWS, SMALL_PAIRS = 4, 9
# Totals nearer to each other than this are a tie.
TIE = 1e-9


def smallest_total(row: np.ndarray, column: np.ndarray, distance: np.ndarray,
                   problem: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Solve the small ones of many problems.

    Args:
        row: row of each pair, ``(E,)`` int64; rows have numbers of their own in every problem.
        column: likewise, ``(E,)`` int64.
        distance: not negative, ``(E,)`` float64.
        problem: number of the problem, ``(E,)`` int64.

    Returns:
        tuple: indices of the chosen pairs of the problems solved; numbers of the problems left, which are
        large or have several best solutions.
    """
    if not len(row):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    _, row_place, row_count = np.unique(row, return_inverse=True, return_counts=True)
    _, column_place, column_count = np.unique(column, return_inverse=True, return_counts=True)
    alone = (row_count[row_place] == 1) & (column_count[column_place] == 1)
    competing = np.flatnonzero(~alone)
    if not len(competing):
        return np.flatnonzero(alone), np.zeros(0, dtype=np.int64)
    competing = competing[np.argsort(problem[competing], kind='stable')]
    chosen, left = [], []
    for members in np.split(competing, np.flatnonzero(np.diff(problem[competing])) + 1):
        picked = None
        if len(members) <= SMALL_PAIRS and len(np.unique(row[members])) <= SMALL_ROWS:
            picked = _try_all(row[members].tolist(), column[members].tolist(), distance[members].tolist())
        if picked is None:
            left.append(problem[members[0]])
        else:
            chosen.extend(members[picked].tolist())
    left = np.array(left, dtype=np.int64)
    solved = np.flatnonzero(alone & ~np.isin(problem, left))
    return np.concatenate([solved, np.array(chosen, dtype=np.int64)]), left


def _try_all(row: List[int], column: List[int], distance: List[float]) -> Optional[List[int]]:
    """Search the pairs depth-first for the best set of them; None if there are several."""
    best, tie = (0, 0.0, []), False

    def extend(start: int, total: float, taken: List[int]) -> None:
        nonlocal best, tie
        if len(taken) > best[0] or len(taken) == best[0] and total < best[1] - TIE:
            best, tie = (len(taken), total, taken), False
        elif taken and len(taken) == best[0] and total <= best[1] + TIE:
            tie = True
        for i in range(start, len(row)):
            if all(row[k] != row[i] and column[k] != column[i] for k in taken):
                extend(i + 1, total + distance[i], taken + [i])

    extend(0, 0.0, [])
    return None if tie else best[2]


def hungarian(distance: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Solve one problem with SciPy.

    The matrix is filled as py-motmetrics fills it (lap.py, add_expensive_edges), so that at a tie SciPy
    chooses the same.

    Args:
        distance: inf for pairs that may not be chosen, at least one may, ``(rows, columns)`` float64.

    Returns:
        tuple: rows and columns of the chosen pairs.
    """
    from scipy.optimize import linear_sum_assignment

    allowed = np.isfinite(distance)
    largest = distance[allowed].max() + 1
    cost = np.where(allowed, distance, 2 * min(distance.shape) * largest + 1)
    rows, columns = linear_sum_assignment(cost)
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]
