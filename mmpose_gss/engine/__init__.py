"""Hooks and wrappers that close gaps of MMEngine on current torch."""

__all__ = []
