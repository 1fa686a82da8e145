"""SDTC (Neurocomputing 2025): semantic dynamics and spatio-temporal collaboration.

| paper | file | class or function |
|---|---|---|
| whole, Fig. 3 | ``sdtc_neck.py`` | ``SDTCNeck`` |
| Sec. 3.1, Eq. 2 to 5: multi-level semantic motion encoder | ``motion_encoder.py`` | ``MotionEncoder`` |
| Eq. 1 and 4: masks | ``masking.py`` | ``random_tube_mask``, ``random_frame_mask`` |
| Sec. 3.1, Eq. 15: motion decoder, reconstruction losses | ``reconstruction.py`` | ``Reconstruction`` |
| Eq. 6 to 10: refinement, propagation | ``mutual_learning.py`` | ``SpatialMotionMutualLearning`` |
| Eq. 11 to 13: adaptive fusion, tables 4 and 6 | ``fusion.py`` | ``AdaptiveFusion`` |
| table 4 a, b: optical flow as motion | ``flow_motion.py`` | ``FlowMotion`` |
| table 5 a: plain transformer blocks as motion | ``motion_encoder.py`` | ``PlainMotionEncoder`` |
| table 7: encodings of place and time | ``../layers/space_time_encoding.py`` | ``SpaceTimeEncoding`` |
| Eq. 2, joint attention | ``../layers/attention.py`` | ``JointAttention`` |
| Eq. 3, divided attention | ``../layers/attention.py`` | ``DividedAttention`` |
"""
from mmpose_gss.models.sdtc.sdtc_neck import SDTCNeck

__all__ = ['SDTCNeck']
