"""Data sets of body poses in video."""

__all__ = []
