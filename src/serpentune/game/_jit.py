"""Floor 1, game: the one place that touches Numba's decorator, so that kernels stay typed for mypy."""

from __future__ import annotations

import functools
import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_LOG = logging.getLogger(__name__)

_TAKEN: list[float] = []
"""Seconds that each kernel took which this process had to compile."""


def kernel(signature: Any = None, *, allocates: bool = True) -> Callable[[F], F]:
    """Compile a function without the interpreter lock, cached on disk; with a `signature`, eagerly.

    A kernel that makes and returns no array says `allocates=False`. Then Numba counts no references to the arrays that
    it is given; the caller holds them. In kernels of a few dozen instructions those counts, atomic ones, are most of
    the work: teachers play up to five times as fast without.

    The first run on a machine compiles (seconds); later runs load the cache. A kernel may call kernels of its own
    package and of `serpentune.game`: the cache holds for exactly the present sources of both. Numba itself looks at the
    kernel's own file alone, and after an upgrade would go on playing by the old rules.
    """

    def decorate(function: F) -> F:
        njit: Any = numba.njit  # its types leave out `_nrt`, the switch of the reference counts
        config: Any = numba.config  # its settings are set at run time, out of mypy's sight
        configured = config.CACHE_DIR
        config.CACHE_DIR = str(_cache_folder(Path(function.__code__.co_filename).parent, configured))
        try:
            # Numba settles where a function is cached at the moment when it is decorated.
            began = time.perf_counter()
            try:
                dispatcher: Any = njit(signature, cache=True, nogil=True, _nrt=allocates)(function)
                compiled = bool(dispatcher.stats.cache_misses)
            except RuntimeError as error:
                if "cannot cache" not in str(error):
                    raise
                dispatcher = njit(signature, nogil=True, _nrt=allocates)(function)
                compiled = True
                _say_once(
                    "No folder for compiled kernels can be written to, so every start compiles anew. Name one in "
                    "NUMBA_CACHE_DIR."
                )
            if compiled:
                _say_once("Compiling the kernels for this machine, once; it may take a minute.")
                _TAKEN.append(time.perf_counter() - began)
            return cast("F", dispatcher)
        finally:
            config.CACHE_DIR = configured

    return decorate


@functools.cache
def _say_once(text: str) -> None:
    _LOG.warning(text)


def compilation() -> tuple[int, float]:
    """How many kernels this process has compiled since it was last asked, and in how many seconds.

    Those that came from the cache are not among them.
    """
    taken = len(_TAKEN), sum(_TAKEN)
    _TAKEN.clear()
    return taken


@functools.cache
def _cache_folder(package: Path, configured: str) -> Path:
    """Where the kernels of `package` are cached: below the user's NUMBA_CACHE_DIR (`configured`), else beside them.

    Where that can't be written, Numba falls back to the user's own cache folder.
    """
    base = Path(configured) if configured else package / "__pycache__"
    return base / f"kernels-{sources_digest(package)}"


@functools.cache
def sources_digest(package: Path) -> str:
    """Sixteen hexadecimal digits that change with any source file of the rules or of the folder `package`."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, package):
        for file in sorted(folder.glob("*.py")):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
