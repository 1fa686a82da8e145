"""Data sets of 3D bodies, as clips for lifting."""
from mmpose_gss.datasets.body3d.h36m_clip_dataset import H36MClipDataset
from mmpose_gss.datasets.body3d.h36m_motionbert_dataset import H36MMotionBERTDataset
from mmpose_gss.datasets.body3d.lifting_clip_dataset import LiftingClipDataset
from mmpose_gss.datasets.body3d.mpi_inf_3dhp_clip_dataset import Mpi3dhpClipDataset

__all__ = ['H36MClipDataset', 'H36MMotionBERTDataset', 'LiftingClipDataset', 'Mpi3dhpClipDataset']
