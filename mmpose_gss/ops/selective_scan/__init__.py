"""Selective scan; one file per backend, named after it."""
from .interface import BACKENDS, selective_scan

__all__ = ['BACKENDS', 'selective_scan']
