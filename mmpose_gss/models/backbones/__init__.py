"""Registered backbones."""

__all__ = []
