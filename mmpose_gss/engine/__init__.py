"""The Runner and its parts: gaps of MMEngine on current torch, closed by subclasses."""
from mmpose_gss.engine.check_wiring_hook import CheckWiringHook
from mmpose_gss.engine.checkpoint import allow_runner_checkpoints, load_checkpoint, read_checkpoint
from mmpose_gss.engine.optim import CPUAmpOptimWrapper, TrainableOptimWrapperConstructor
from mmpose_gss.engine.runner import Runner
from mmpose_gss.engine.safe_loading import install_safe_loading
from mmpose_gss.engine.safe_saving import install_whole_saving
from mmpose_gss.engine.wiring import check_wiring

install_safe_loading()
install_whole_saving()

__all__ = [
    'CPUAmpOptimWrapper', 'CheckWiringHook', 'Runner', 'TrainableOptimWrapperConstructor',
    'allow_runner_checkpoints', 'check_wiring', 'load_checkpoint', 'read_checkpoint',
]
