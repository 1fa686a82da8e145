"""Reading a method's official checkpoint so that no entry is lost or left over unnoticed."""
from __future__ import annotations

from typing import Dict, List

import torch
from torch import Tensor

from mmpose_gss.errors import UserError


class OfficialState:
    """The entries of an official checkpoint, each of which has to be taken exactly once.

    Args:
        content (dict): What :func:`mmpose_gss.engine.checkpoint.read_checkpoint` gives.
        method (str): Name of the method, for messages.

    Raises:
        UserError: If there are no tensors.
    """

    def __init__(self, content: Dict, method: str) -> None:
        state = content['state_dict']
        state = state.get('model_state_dict', state)
        self.method = method
        self.left: Dict[str, Tensor] = {
            key[len('module.'):] if key.startswith('module.') else key: value
            for key, value in state.items() if isinstance(value, Tensor)}
        if not self.left:
            raise UserError(f'the checkpoint holds no weights; give one of {method}')

    def has(self, key: str) -> bool:
        """Whether an entry is still there."""
        return key in self.left

    def take(self, key: str) -> Tensor:
        """Take an entry out.

        Raises:
            UserError: If there is none of this name.
        """
        if key not in self.left:
            raise UserError(f'the checkpoint has no entry {key!r}, which every one of {self.method} has; '
                            f'give an official checkpoint of {self.method}')
        return self.left.pop(key)

    def take_all(self, old: str, new: str) -> Dict[str, Tensor]:
        """Take all entries that begin with ``old`` and let them begin with ``new``.

        Raises:
            UserError: If there is none.
        """
        found = [key for key in self.left if key.startswith(old)]
        if not found:
            raise UserError(f'the checkpoint has no entry {old}*, which every one of {self.method} has; '
                            f'give an official checkpoint of {self.method}')
        return {new + key[len(old):]: self.left.pop(key) for key in found}

    def layer(self, old: str, new: str) -> Dict[str, Tensor]:
        """Take ``old.weight`` and ``old.bias``."""
        return {f'{new}.weight': self.take(f'{old}.weight'), f'{new}.bias': self.take(f'{old}.bias')}

    def attention(self, old: str, new: str) -> Dict[str, Tensor]:
        """Take a ``torch.nn.MultiheadAttention`` for a
        :class:`~mmpose_gss.models.layers.cross_attention.CrossAttention`."""
        weight, bias = self.take(f'{old}.in_proj_weight'), self.take(f'{old}.in_proj_bias')
        dims = weight.shape[1]
        return {
            f'{new}.query.weight': weight[:dims], f'{new}.query.bias': bias[:dims],
            f'{new}.key_value.weight': weight[dims:], f'{new}.key_value.bias': bias[dims:],
            **self.layer(f'{old}.out_proj', f'{new}.proj')}

    def drop_copies(self, copy: str, original: str, taken: Dict[str, Tensor]) -> None:
        """Take entries that stand twice because a module is registered twice.

        Args:
            copy (str): How the copies begin.
            original (str): How the same entries begin in ``taken``.
            taken (dict[str, Tensor]): What has been taken.

        Raises:
            UserError: If a copy differs from its original, or has none.
        """
        for key, value in self.take_all(copy, original).items():
            if key not in taken or not torch.equal(value, taken[key]):
                raise UserError(f'the entry {copy}{key[len(original):]} differs from its other copy in the '
                                f'checkpoint; give an official checkpoint of {self.method}')

    def count(self, prefix: str) -> int:
        """How many numbered modules ``prefix.0``, ``prefix.1``, ... there are."""
        numbers = {key[len(prefix) + 1:].split('.')[0] for key in self.left if key.startswith(prefix + '.')}
        return len(numbers)

    def finish(self) -> None:
        """Make sure that nothing is left.

        Raises:
            UserError: If something is, with the names of all of it.
        """
        if self.left:
            names: List[str] = sorted(self.left)
            raise UserError(f'{len(names)} entries are none of {self.method}: {", ".join(names)}; '
                            f'give an official checkpoint of {self.method}')
