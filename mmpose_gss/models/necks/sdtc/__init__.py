"""SDTC: semantic dynamics and spatio-temporal collaboration, one idea per file."""
from .neck import SDTCNeck

__all__ = ['SDTCNeck']
