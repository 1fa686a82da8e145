"""Drawn video clips of articulated people, annotated like PoseTrack18, and their motion in 3D.

Needs numpy and OpenCV only. One idea per file: ``skeleton`` (bones and forward kinematics), ``motion``
(joint angles over time), ``camera``, ``appearance`` (clothes, skin, faces as textures), ``body`` (a posed
person as shaded primitives), ``raster`` (z-buffer), ``scene`` (backdrop, ground, occluders), ``difficulty``
(presets), ``clip`` (one annotated clip), ``writer`` (PoseTrack18's files), ``motion3d`` (3D sequences).
"""
