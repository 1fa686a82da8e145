"""Inference on videos."""

__all__ = []
