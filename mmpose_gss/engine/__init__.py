"""The Runner and its parts: gaps of MMEngine on current torch, closed by subclasses."""
from mmpose_gss.engine.checkpoint import allow_runner_checkpoints, load_checkpoint, read_checkpoint
from mmpose_gss.engine.optim import CPUAmpOptimWrapper, TrainableOptimWrapperConstructor
from mmpose_gss.engine.runner import Runner
from mmpose_gss.engine.safe_loading import install_safe_loading

install_safe_loading()

__all__ = [
    'CPUAmpOptimWrapper', 'Runner', 'TrainableOptimWrapperConstructor', 'allow_runner_checkpoints',
    'load_checkpoint', 'read_checkpoint',
]
