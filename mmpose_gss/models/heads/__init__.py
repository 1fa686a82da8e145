"""Registered heads."""

__all__ = []
