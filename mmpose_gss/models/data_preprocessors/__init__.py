"""Data preprocessors."""
from mmpose_gss.models.data_preprocessors.clip_data_preprocessor import ClipDataPreprocessor

__all__ = ['ClipDataPreprocessor']
