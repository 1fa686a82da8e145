"""MMEngine's Runner with gaps closed.

* Checkpoints load under ``weights_only=True``, and an untrusted checkpoint runs no code when resumed.
* ``--launcher pytorch`` works without a GPU, over gloo.
* A resumed run goes on with the data order of the interrupted one even if its seed was drawn at random.
* Chance depends on seed and epoch, so resumed training equals the undisturbed one (see EpochSeedHook).
* Checkpoints are written whole and the one before is kept until then; a damaged last one is passed over.
* The losses in the log are means over all processes.
"""
from __future__ import annotations

import os
from typing import Callable, Dict, Optional, Union

import torch
import torch.distributed as torch_dist
from mmengine.dist import is_distributed
from mmengine.hooks import CheckpointHook
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.runner import Runner as MMEngineRunner
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from torch import nn

from mmpose_gss.engine.checkpoint import (
    allow_runner_checkpoints,
    check_fits,
    read_checkpoint,
    strip_module,
)
from mmpose_gss.engine.epoch_seed_hook import EpochSeedHook
from mmpose_gss.engine.mean_loss_hook import MeanLossHook
from mmpose_gss.engine.safe_saving import RemovesLater, latest_whole
from mmpose_gss.errors import UserError


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
        """Register the config's hooks, and the mean of the losses over the processes."""
        super().register_hooks(default_hooks, custom_hooks)
        self.register_hook(MeanLossHook())
        self.register_hook(EpochSeedHook())

    def call_hook(self, fn_name: str, **kwargs) -> None:
        """Call the hooks; the checkpoint hook removes files only when the next one is whole."""
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'before_train':
            for hook in self._hooks:
                if isinstance(hook, CheckpointHook) and not isinstance(hook.file_backend, RemovesLater):
                    hook.file_backend = RemovesLater(hook.file_backend)

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """Save as MMEngine does, whole or not at all; then remove what the hooks want removed."""
        super().save_checkpoint(out_dir, filename, *args, **kwargs)
        for hook in self._hooks:
            if isinstance(getattr(hook, 'file_backend', None), RemovesLater):
                hook.file_backend.flush(os.path.join(out_dir, filename))

    def read_ahead_latest(self) -> Optional[str]:
        """Find the last whole checkpoint of the work folder to resume from, before any data set is read.

        Returns:
            str | None: Its path; None if there is none, so that training begins anew.

        Raises:
            UserError: If there are checkpoints, but none can be read or continued from.
        """
        path, content = latest_whole(self.work_dir)
        if path is not None:
            self._take_ahead(path, content, resume=True, partial=False)
            self._load_from = path
        return path

    def read_ahead(self, filename: str, resume: bool = False, partial: bool = False) -> None:
        """Read the checkpoint that will be loaded and refuse an unusable one before any data set is read.

        Args:
            filename (str): The checkpoint; :meth:`load_checkpoint` takes it from memory, once. What is no
                local file (an address) is left to MMEngine.
            resume (bool): Whether training is to be continued from it.
            partial (bool): Whether it may have parameters of a part of the model only.

        Raises:
            FileNotFoundError: If there is no such file.
            UserError: If it cannot be read, belongs to another model, or cannot be continued from.
        """
        if '://' in str(filename):
            return
        self._take_ahead(filename, read_checkpoint(filename, mapped=False), resume, partial)

    def _take_ahead(self, filename: str, content: Dict, resume: bool, partial: bool) -> None:
        if resume:
            check_resumable(content, filename)
        if not partial:
            check_fits(self._bare_model(), strip_module(content['state_dict']), filename,
                       f'config {self.cfg.filename}')
        self._ahead = {str(filename): content}

    def _bare_model(self) -> nn.Module:
        return self.model.module if is_model_wrapper(self.model) else self.model

    def load_checkpoint(self, filename: str, map_location: Union[str, Callable] = 'cpu', strict: bool = False,
                        revise_keys: list = [(r'^module.', '')]) -> Dict:  # noqa: B006 (MMEngine's default)
        """Load weights; the config stored in the file is dropped, as resuming would execute it.

        Args:
            filename (str): A file, or an address that MMEngine knows how to load.
            map_location (str | Callable): For addresses; files are read to the CPU.
            strict (bool): Whether names must be exactly the model's.
            revise_keys (list): Pairs of a pattern in names and its replacement.

        Returns:
            dict: The content.

        Raises:
            FileNotFoundError: If there is no such file.
            UserError: If it is no checkpoint.
        """
        if '://' in str(filename):
            checkpoint = super().load_checkpoint(filename, map_location, strict, revise_keys)
        else:
            ahead, self._ahead = getattr(self, '_ahead', {}), {}
            checkpoint = ahead.get(str(filename)) or read_checkpoint(filename, mapped=False)
            self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
            _load_checkpoint_to_model(self._bare_model(), checkpoint, strict, revise_keys=revise_keys)
            self._has_loaded = True
            self.logger.info(f'Load checkpoint from {filename}')
        checkpoint.get('meta', {}).pop('config', None)
        return checkpoint

    def resume(self, filename: str, resume_optimizer: bool = True, resume_param_scheduler: bool = True,
               map_location: Union[str, Callable] = 'default') -> None:
        """Resume, and give the sampler the seed of the interrupted run."""
        super().resume(filename, resume_optimizer, resume_param_scheduler, map_location)
        sampler = self.train_dataloader.sampler
        if hasattr(sampler, 'seed') and self.seed is not None:
            sampler.seed = self.seed


def check_resumable(content: Dict, path: str) -> None:
    """Refuse a checkpoint that ``--resume`` cannot continue from.

    Args:
        content (dict): Of :func:`~mmpose_gss.engine.checkpoint.read_checkpoint`.
        path (str): The file it comes from, for the message.

    Raises:
        UserError: If it holds weights only.
    """
    lacking = [key for key in ('meta', 'optimizer', 'message_hub') if key not in content]
    if lacking:
        raise UserError(
            f'checkpoint {path} has no {", ".join(lacking)}, so training cannot be resumed from it; '
            'start from its weights with --cfg-options load_from=PATH instead')
