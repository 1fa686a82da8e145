"""Registered necks."""

from .glsmamba import GLSMambaNeck
from .sdtc import SDTCNeck

__all__ = ['GLSMambaNeck', 'SDTCNeck']
