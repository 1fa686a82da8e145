"""MMEngine's Runner with four gaps closed.

* Checkpoints load under ``weights_only=True``, and a stranger's checkpoint runs no code when resumed.
* ``--launcher pytorch`` works without a GPU, over gloo.
* A resumed run goes on with the data order of the interrupted one even if its seed was drawn at random.
* The losses in the log are means over all processes.
"""
from __future__ import annotations

from typing import Dict, Optional

import torch
import torch.distributed as torch_dist
from mmengine.dist import is_distributed
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.runner import Runner as MMEngineRunner
from torch import nn

from mmpose_gss.engine.checkpoint import allow_runner_checkpoints, read_checkpoint
from mmpose_gss.engine.mean_loss_hook import MeanLossHook


class Runner(MMEngineRunner):
    """MMEngine's Runner, see the module's docstring for what differs."""

    def setup_env(self, env_cfg: Dict) -> None:
        """Start a gloo group first when there is no GPU: MMEngine would call ``torch.cuda.set_device``."""
        allow_runner_checkpoints()
        if self.distributed and self._launcher == 'pytorch' and not torch.cuda.is_available() \
                and not is_distributed():
            torch_dist.init_process_group(backend='gloo')
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: Optional[Dict], model: nn.Module) -> nn.Module:
        """Wrap without ``device_ids`` on the CPU; as MMEngine otherwise."""
        if not self.distributed or torch.cuda.is_available() or model_wrapper_cfg is not None \
                or is_model_wrapper(model):
            return super().wrap_model(model_wrapper_cfg, model)
        return MMDistributedDataParallel(
            module=model, device_ids=None, broadcast_buffers=False,
            find_unused_parameters=self.cfg.get('find_unused_parameters', False))

    def register_hooks(self, default_hooks: Optional[Dict] = None,
                       custom_hooks: Optional[list] = None) -> None:
        """The config's hooks, and the mean of the losses over the processes."""
        super().register_hooks(default_hooks, custom_hooks)
        self.register_hook(MeanLossHook())

    def load_checkpoint(self, filename: str, map_location='cpu', strict: bool = False,
                        revise_keys: list = [(r'^module.', '')]) -> Dict:  # noqa: B006 (MMEngine's default)
        """Load weights; the config stored in the file is dropped, as resuming would execute it."""
        checkpoint = super().load_checkpoint(filename, map_location, strict, revise_keys)
        checkpoint.get('meta', {}).pop('config', None)
        return checkpoint

    def resume(self, filename: str, resume_optimizer: bool = True, resume_param_scheduler: bool = True,
               map_location='default') -> None:
        """Resume, and give the sampler the seed of the interrupted run."""
        super().resume(filename, resume_optimizer, resume_param_scheduler, map_location)
        sampler = self.train_dataloader.sampler
        if hasattr(sampler, 'seed') and self.seed is not None:
            sampler.seed = self.seed


def check_resumable(path: str) -> None:
    """Refuse a file that ``--resume`` cannot continue from, before the data set is read.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read or holds weights only.
    """
    content = read_checkpoint(path)
    lacking = [key for key in ('meta', 'optimizer', 'message_hub') if key not in content]
    if lacking:
        raise ValueError(
            f'checkpoint {path} has no {", ".join(lacking)}, so training cannot be resumed from it; '
            'start from its weights with --cfg-options load_from=PATH instead')
