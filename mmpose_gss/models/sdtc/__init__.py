"""SDTC (Neurocomputing 2025): semantic dynamics and spatio-temporal collaboration."""
from mmpose_gss.models.sdtc.sdtc_neck import SDTCNeck

__all__ = ['SDTCNeck']
