"""Floor 5, models: work on a GPU that is recorded once and started as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

_WARM_UP = 2
"""Calls before the one that is recorded: the first ones choose kernels and reserve memory."""


class Replayed:
    """A function of tensors of fixed shape as a CUDA graph: a thousand kernels for the price of starting one.

    Args:
        function: reads `inputs` and reads and writes tensors that outlive it; the host must not look at what they hold.
        inputs: filled with what each call is given.
        pool: memory that graphs may share, of `torch.cuda.graph_pool_handle`; nothing in it outlives a call.
    """

    def __init__(self, function: Callable[[], None], inputs: Sequence[torch.Tensor] = (), *, pool: Any) -> None:
        self._function = function
        self._inputs = inputs
        self._pool = pool
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *values: torch.Tensor) -> None:
        """Run the function once on `values`, which are copied to its inputs."""
        for held, value in zip(self._inputs, values, strict=True):
            held.copy_(value)
        self._calls += 1
        if self._calls <= _WARM_UP:
            beside = torch.cuda.Stream()
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                self._function()
            torch.cuda.current_stream().wait_stream(beside)
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, pool=self._pool):
                self._function()
        self._graph.replay()
