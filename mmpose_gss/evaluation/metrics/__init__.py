"""Metrics for the Runner."""

__all__ = []
