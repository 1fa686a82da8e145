"""Evaluation: metrics for the Runner over plain NumPy functions."""
from mmpose_gss.evaluation.metrics import *  # noqa: F401,F403
