"""Floor 5, models: work on a GPU that is recorded once and started as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

_WARM_UP = 2
"""Calls before the one that is recorded: the first ones choose kernels and reserve memory."""


class Replayed:
    """Work on tensors of fixed shape as a CUDA graph: a thousand kernels for the price of starting one.

    The function that does it is given at each call and not kept: whoever holds this may be what the function works on.

    Args:
        inputs: what the function is called with; filled with the values of each call.
        pool: memory that graphs may share, of `torch.cuda.graph_pool_handle`, in which nothing outlives a call. None
            records nothing, as on a processor: the function is called.
    """

    def __init__(self, inputs: Sequence[torch.Tensor] = (), *, pool: Any = None) -> None:
        self._inputs = inputs
        self._pool = pool
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, function: Callable[..., None], *values: torch.Tensor) -> None:
        """Do the work once on `values`.

        Args:
            function: always the same; it reads and writes tensors that outlive it, and the host must not look at what
                they hold.
            values: as many as there are inputs, of their shapes.
        """
        for held, value in zip(self._inputs, values, strict=True):
            held.copy_(value)
        if self._pool is None:
            function(*self._inputs)
            return
        self._calls += 1
        if self._calls <= _WARM_UP:
            beside = torch.cuda.Stream()
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                function(*self._inputs)
            torch.cuda.current_stream().wait_stream(beside)
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, pool=self._pool):
                function(*self._inputs)
        self._graph.replay()
