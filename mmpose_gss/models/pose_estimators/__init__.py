"""Registered pose estimators."""

__all__ = []
