"""Multiply-adds of the operators of this package: each operator registers a formula of its arguments.

    @counted(multiply_adds)
    def operator(...): ...

While :func:`count_into` is active, every call of such an operator hands its count to a listener, which
decides what to do with it (:mod:`mmpose_gss.engine.complexity` books it on the running module). What the
operator computes inside is then covered by the formula and must not be counted again.

Conventions, stated here once. One multiply-add is one, as in the papers' "GFLOPs". Counts have two kinds:

``layers``  what the profilers behind the papers' tables see: products with the weights of linear layers and
            convolutions. A scan's projections (Δ, B and C of a token) are such a layer if all scan orders
            share them, as in GLSMamba; with weights per order they are a product outside of any layer, which
            those profilers do not see, as in PoseMamba.
``other``   the rest: the scan itself and sampling at fractional places. A scan takes 4 per token, channel,
            state and order (discretise A, discretise B·x, update, read out) and 1 for the skip connection.

Normalisations, activations and other element-wise operations are not counted.
"""
from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import Any, Callable, ContextManager, Iterator, List, NamedTuple, TypeVar

Operator = TypeVar('Operator', bound=Callable)


class MultiplyAdds(NamedTuple):
    """Counts of one call; see the module's docstring for the kinds."""
    layers: int = 0
    other: int = 0


#: Takes the count of a call and gives a context in which the operator runs.
Listener = Callable[[MultiplyAdds], ContextManager[None]]

_LISTENERS: List[Listener] = []


def counted(formula: Callable[..., MultiplyAdds]) -> Callable[[Operator], Operator]:
    """Register the formula of an operator.

    Args:
        formula (Callable): From the operator's arguments to its multiply-adds. It reads shapes only.

    Returns:
        Callable: A decorator; the decorated operator has the formula as ``multiply_adds``.
    """
    def decorate(operator: Operator) -> Operator:
        @functools.wraps(operator)
        def run(*args: Any, **kwargs: Any) -> Any:
            if not _LISTENERS:
                return operator(*args, **kwargs)
            with _LISTENERS[-1](formula(*args, **kwargs)):
                return operator(*args, **kwargs)

        run.multiply_adds = formula
        return run

    return decorate


@contextmanager
def count_into(listener: Listener) -> Iterator[None]:
    """Hand the count of every call of an operator to a listener, in this block.

    Args:
        listener (Callable): Called with the count before the operator runs; the operator runs in the context
            that it returns.
    """
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def scan_multiply_adds(tokens: int, channels: int, states: int, skip: bool) -> int:
    """Count a selective scan.

    Args:
        tokens (int): Tokens, over all batch entries and scan orders.
        channels (int): Channels of a token.
        states (int): States of a channel.
        skip (bool): Whether there is a skip connection D.
    """
    return tokens * channels * (4 * states + skip)
