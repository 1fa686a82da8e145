"""Evaluation: metrics for the Runner over plain NumPy functions.

``mmpose_gss.evaluation.functional`` needs NumPy alone (and SciPy where tracking is ambiguous), so the
metrics, which need MMEngine, are imported when they are asked for.
"""
import importlib

__all__ = ['JHMDBPCKMetric', 'PoseLiftingMetric', 'PoseTrackMetric']


def __getattr__(name: str):
    if name in __all__:
        return getattr(importlib.import_module('mmpose_gss.evaluation.metrics'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
