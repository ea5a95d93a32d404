"""Floor 6, training: the loss of every batch since the last entry of the history, and the first that is no number.

Reading a loss waits for the device, and a run that waits in every step is slow. So the losses stay on the device and
are read where the run waits anyway: at an entry of the history, an evaluation or a checkpoint. Each batch keeps its
own, so that the batch in which a run went wrong is still known then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serpentune.common.files import read_json, write_json

if TYPE_CHECKING:
    import torch

_FILE = "losses.json"


class NotANumber(Exception):
    """A loss or a gradient is NaN or infinite.

    Attributes:
        what: `loss` or `gradient`.
        value: the first one that is no finite number.
        step: its optimiser step, from 1.
        batches: which of the step's batches had such losses, from 0, in the order of the data over all processes;
            empty for a gradient, which is of the whole step.
        before: mean loss per token of the step before, where that is known.
    """

    def __init__(self, what: str, value: float, step: int, batches: Sequence[int], before: float | None) -> None:
        super().__init__(f"{what} {value} at step {step}")
        self.what, self.value, self.step, self.batches, self.before = what, value, step, tuple(batches), before


@dataclass(frozen=True)
class _Step:
    """Negative log-likelihood of a step's completion tokens over all processes, and how many tokens these are."""

    total: float
    tokens: float

    @property
    def mean(self) -> float:
        return self.total / self.tokens if self.tokens else math.nan


class StepLosses:
    """Losses of the optimiser steps since the last entry of the history.

    Args:
        steps: most steps between two calls of `read`.
        batches: most batches of a step in one process.
        device: where the losses arise.
    """

    def __init__(self, steps: int, batches: int, device: torch.device) -> None:
        import torch

        self._batches = torch.zeros(steps, batches, 2, device=device)  # (S, B, total and tokens)
        self._norms = torch.zeros(steps, device=device)
        self._step = self._batch = 0
        self._unlogged: list[_Step] = []
        self._before: float | None = None

    def add(self, total: torch.Tensor, tokens: torch.Tensor) -> None:
        """Keep a batch's summed negative log-likelihood and its number of tokens, both scalars on the device."""
        import torch

        self._batches[self._step, self._batch] = torch.stack((total.detach(), tokens))
        self._batch += 1

    def end_step(self, gradient_norm: torch.Tensor) -> None:
        """The batches since the last call were an optimiser step with this length of the gradient."""
        self._norms[self._step] = gradient_norm
        self._step, self._batch = self._step + 1, 0

    @property
    def full(self) -> bool:
        """Whether there is no room for a further step before `read`."""
        return self._step == len(self._batches)

    def read(self, last: int, gather: Callable[[torch.Tensor], torch.Tensor], *, check_gradients: bool) -> None:
        """Wait for the device, and check the losses since the last call.

        Args:
            last: number of the last optimiser step, from 1.
            gather: puts the tensors of all processes one after another on the first axis; every process calls this.
            check_gradients: whether a gradient that is no number is a fault. With fp16 it is not: the loss scale is
                found that way, and the step is left out.

        Raises:
            NotANumber: a loss, or a gradient.
        """
        steps = self._step
        losses = gather(self._batches[None, :steps]).double().cpu()  # (P, S, B, 2)
        norms = self._norms[:steps].tolist()
        self._batches.zero_()
        self._step = 0
        for step in range(steps):
            # The data go round the processes batch by batch: (B, P) is their order.
            totals = losses[:, step, :, 0].T.flatten().tolist()
            bad = [batch for batch, total in enumerate(totals) if not math.isfinite(total)]
            number = last - steps + step + 1
            if bad:
                raise NotANumber("loss", totals[bad[0]], number, bad, self._before)
            if check_gradients and not math.isfinite(norms[step]):
                raise NotANumber("gradient", norms[step], number, (), self._before)
            sound = _Step(math.fsum(totals), losses[:, step, :, 1].sum().item())
            self._unlogged.append(sound)
            self._before = sound.mean

    def take_mean(self) -> float:
        """Mean negative log-likelihood per token of the steps since the last call, as far as they were read."""
        total = _Step(math.fsum(step.total for step in self._unlogged), sum(step.tokens for step in self._unlogged))
        self._unlogged.clear()
        return total.mean

    def save(self, checkpoint: Path) -> None:
        """Keep in a checkpoint what the next entry of the history needs."""
        write_json(checkpoint / _FILE, [[step.total, step.tokens] for step in self._unlogged])

    def restore(self, checkpoint: Path) -> None:
        """Go on from a checkpoint, so that the next entry of the history is that of a run without a break."""
        self._unlogged = [_Step(*step) for step in read_json(checkpoint / _FILE)]
