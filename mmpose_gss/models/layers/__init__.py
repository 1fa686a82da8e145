"""What two methods share, one idea per file; nothing here is registered.

| file | class | used by |
|---|---|---|
| ``selective_scan.py`` | ``SelectiveScan``: Mamba's parameters, initial values, scans | GLSMamba, PoseMamba |
| ``space_time_encoding.py`` | ``SpaceTimeEncoding``: where and when a token is | GLSMamba, SDTC |
| ``mlp.py`` | ``MLP`` | all |
| ``attention.py`` | joint and divided space-time attention | SDTC |
| ``weight_decay.py`` | ``without_weight_decay`` | all |
"""
