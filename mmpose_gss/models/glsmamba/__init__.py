"""GLSMamba (ICCV 2025)."""
from mmpose_gss.models.glsmamba.glsmamba_neck import GLSMambaNeck

__all__ = ['GLSMambaNeck']
