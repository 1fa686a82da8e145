"""A config's contradictions, told before the first batch."""
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmpose_gss.engine.wiring import check_wiring
from mmpose_gss.registry import HOOKS


@HOOKS.register_module()
class CheckWiringHook(Hook):
    """Runs :func:`~mmpose_gss.engine.wiring.check_wiring` once the loops of a run are built.

    That is before weights are loaded and before the first batch, in training, validation and testing alike.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Check the model against the data sets of the loops that will run.

        Raises:
            UserError: If they do not fit; one sentence.
        """
        loops = dict(train_dataloader=runner._train_loop, val_dataloader=runner._val_loop,
                     test_dataloader=runner._test_loop)
        check_wiring(runner.model, {name: loop.dataloader.dataset for name, loop in loops.items()
                                    if isinstance(loop, BaseLoop)})
