"""From the official downloads to the files the data sets read; command lines: tools/dataset_converters."""
from mmpose_gss.datasets.converters.h36m import convert_h36m
from mmpose_gss.datasets.converters.mpi_inf_3dhp import convert_mpi_inf_3dhp
from mmpose_gss.datasets.converters.posetrack17 import convert_posetrack17
from mmpose_gss.datasets.converters.posetrack18 import convert_posetrack18, convert_posetrack21
from mmpose_gss.datasets.converters.sub_jhmdb import convert_sub_jhmdb

__all__ = [
    'convert_h36m', 'convert_mpi_inf_3dhp', 'convert_posetrack17', 'convert_posetrack18',
    'convert_posetrack21', 'convert_sub_jhmdb'
]
