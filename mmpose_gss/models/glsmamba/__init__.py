"""GLSMamba (ICCV 2025, arXiv 2510.11017): global and local state space scans over a window's features.

From the neck to the readable recurrence: ``glsmamba_neck.py`` → ``blocks.py`` → ``ops/scan/ordered.py`` →
``ops/scan/naive.py``.

| paper | file | class |
|---|---|---|
| pipeline: projection, encodings, blocks, key frame | ``glsmamba_neck.py`` | ``GLSMambaNeck`` |
| Global Spatiotemporal Mamba (GSM) block | ``blocks.py`` | ``GSM`` |
| sequential channel attention (SCA) | ``blocks.py`` | ``SequentialChannelAttention`` |
| six space-time scans (6D selective scan) | ``blocks.py`` | ``STS6D`` |
| Local Refinement Mamba (LRM) block, windowed scans | ``blocks.py`` | ``LRM``, ``WSTS`` |
| spatiotemporal modulation and merging (STMM) | ``stmm.py`` | ``STMM``, ``ModulationBranch`` |
| S6 | ``../layers/selective_scan.py`` | ``SelectiveScan`` |
"""
from mmpose_gss.models.glsmamba.glsmamba_neck import GLSMambaNeck

__all__ = ['GLSMambaNeck']
