"""Registries of the plugin: children of MMEngine's, under the scope ``mmpose_gss``.

``locations`` lets a config name a module as ``mmpose_gss.X`` without importing anything first: MMEngine
imports ``mmpose_gss.registry`` when it meets the scope, and the location when a module is looked up.
"""
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

MODELS = Registry(
    'model', parent=MMENGINE_MODELS, scope='mmpose_gss', locations=['mmpose_gss.models'])
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, scope='mmpose_gss', locations=['mmpose_gss.engine'])
OPTIM_WRAPPERS = Registry(
    'optim_wrapper', parent=MMENGINE_OPTIM_WRAPPERS, scope='mmpose_gss', locations=['mmpose_gss.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor', parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, scope='mmpose_gss',
    locations=['mmpose_gss.engine'])
DATASETS = Registry(
    'dataset', parent=MMENGINE_DATASETS, scope='mmpose_gss', locations=['mmpose_gss.datasets'])
TRANSFORMS = Registry(
    'transform', parent=MMENGINE_TRANSFORMS, scope='mmpose_gss',
    locations=['mmpose_gss.datasets.transforms'])
METRICS = Registry(
    'metric', parent=MMENGINE_METRICS, scope='mmpose_gss',
    locations=[
        'mmpose_gss.evaluation.jhmdb', 'mmpose_gss.evaluation.lifting',
        'mmpose_gss.evaluation.posetrack.metric'
    ])
