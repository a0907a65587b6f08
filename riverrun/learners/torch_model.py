"""What a torch model consists of; a factory for ``learner: torch`` returns one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from riverrun.core.predictions import Features, Label


@dataclass(frozen=True, slots=True)
class TorchModel:
    """A module with all that learning one more batch takes.

    `optimizer` is one, or several for different parameters: ``SparseAdam`` for sparse tables, say, and
    ``Adam`` for the rest. `encode` turns rows into the inputs of `module`; rows may lack features. `module`
    answers one number per row for regression, one logit for binary (of ``classes[1]``), one logit per class
    for multiclass. `loss` takes those answers and the targets (float, or the classes' indexes) and returns
    one loss per row; None stands for the usual one of the task. `classes` is empty for regression.

    Everything that prediction reads has to be in the module's ``state_dict``, as tensors. Buffers may
    change during a forward pass in training mode, as those of BatchNorm do, and in no other.
    """

    module: nn.Module
    optimizer: torch.optim.Optimizer | tuple[torch.optim.Optimizer, ...]
    encode: Callable[[Sequence[Features]], tuple[Tensor, ...]]
    classes: tuple[Label, ...] = ()
    loss: Callable[[Tensor, Tensor], Tensor] | None = None
    batch_size: int = 1

    @property
    def optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """All of them, in order."""
        return self.optimizer if isinstance(self.optimizer, tuple) else (self.optimizer,)
