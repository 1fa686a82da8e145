"""Evaluation: metrics for the Runner over plain NumPy functions, one file or folder per benchmark.

The functions need NumPy alone (and SciPy where tracking is ambiguous), so the metrics, which need MMEngine,
are imported when they are asked for.
"""
from __future__ import annotations

import importlib

_METRICS = dict(
    JHMDBPCKMetric='mmpose_gss.evaluation.jhmdb',
    PoseLiftingMetric='mmpose_gss.evaluation.lifting',
    PoseTrackMetric='mmpose_gss.evaluation.posetrack.metric')
__all__ = sorted(_METRICS)


def __getattr__(name: str) -> type:
    """Import a metric when it is asked for."""
    if name in _METRICS:
        return getattr(importlib.import_module(_METRICS[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
