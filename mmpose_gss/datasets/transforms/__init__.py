"""Transforms of clips."""

__all__ = []
