"""Registered data preprocessors."""

__all__ = []
