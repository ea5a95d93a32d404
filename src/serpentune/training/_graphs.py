"""Floor 6, training: a batch's forward and backward pass as one CUDA graph, so that no step waits for Python.

A step of a small model is thousands of kernels, and starting them one by one takes the host longer than it takes the
card to run them, whatever the batch. Recorded once for each of the few shapes of a batch, all are started at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch

from serpentune.common.errors import UserError

Batch = dict[str, Any]
Pass = Callable[[Batch], tuple[torch.Tensor, ...]]

_ALIGNED = 64
"""Numbers of which the place of every gradient is a multiple: 256 bytes of float32, as allocated alone."""


class Gradients:
    """The gradients of a model, in one piece of memory that stays where it is.

    Args:
        parameters: the model's, of which those that learn are of one format on one device; the others are left out.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        self._parameters = [parameter for parameter in parameters if parameter.requires_grad]
        room = [-(-parameter.numel() // _ALIGNED) * _ALIGNED for parameter in self._parameters]
        first = self._parameters[0]
        self._all = torch.zeros(sum(room), dtype=first.dtype, device=first.device)
        self._each = [
            piece[: parameter.numel()].view_as(parameter)
            for parameter, piece in zip(self._parameters, self._all.split(room), strict=True)
        ]

    def attach(self) -> None:
        """Give every parameter its gradient, 0 after the optimiser has dropped them, else what it is by now."""
        if self._parameters[0].grad is self._each[0]:
            return
        self._all.zero_()
        for parameter, gradient in zip(self._parameters, self._each, strict=True):
            parameter.grad = gradient

    def average(self) -> None:
        """Take the mean over all processes."""
        torch.distributed.all_reduce(self._all)
        self._all /= torch.distributed.get_world_size()


class _Recorded(NamedTuple):
    graph: torch.cuda.CUDAGraph
    batch: Batch
    results: tuple[torch.Tensor, ...]


class Graphs:
    """A function of a batch that is run as it is the first time that a shape is met, and recorded the second time.

    The first run compiles and sets up whatever can't be recorded. All must happen in one stream that isn't the device's
    default one.

    Args:
        function: works on the device only; adds to gradients that were there before, and returns tensors, which are
            overwritten by the next call.
    """

    def __init__(self, function: Pass) -> None:
        self._function = function
        self._recorded: dict[tuple[Any, ...], _Recorded | None] = {}
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """The function's results for a batch, of tensors and of numbers that say how they are to be read.

        Raises:
            UserError: the function can't be recorded, since it asks the device for a number midway, say.
            torch.OutOfMemoryError: as the function, or its recording, which keeps what passes leave for each other.
        """
        shape = tuple((key, value.shape if isinstance(value, torch.Tensor) else value) for key, value in batch.items())
        if shape not in self._recorded:
            self._recorded[shape] = None
            return self._function(batch)
        recorded = self._recorded[shape]
        if recorded is None:
            recorded = self._recorded[shape] = self._record(batch)
        for key, value in batch.items():
            if isinstance(value, torch.Tensor):
                recorded.batch[key].copy_(value, non_blocking=True)
        recorded.graph.replay()
        return recorded.results

    def _record(self, batch: Batch) -> _Recorded:
        held = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in batch.items()}
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream()
        try:
            # Other threads, of collectives or of pinned memory, ask the device what a recording would forbid them.
            with torch.cuda.graph(graph, self._pool, stream, capture_error_mode="thread_local"):
                results = self._function(held)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise UserError(
                f"This model's steps can't be recorded as a CUDA graph. --no-torch-compile (torch_compile: false) runs "
                f"them one kernel after another. {error}"
            ) from error
        return _Recorded(graph, held, results)
