"""Floor 1, game: the one place that touches Numba's decorator, so that kernels stay typed for mypy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(signature: Any = None) -> Callable[[F], F]:
    """Compile a function without the interpreter lock, cached on disk; with a `signature`, eagerly.

    The first run on a machine compiles (seconds); later runs load the cache.
    """
    decorate = numba.njit(signature, cache=True, nogil=True) if signature else numba.njit(cache=True, nogil=True)
    return cast("Callable[[F], F]", decorate)
