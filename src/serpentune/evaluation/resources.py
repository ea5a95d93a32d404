"""Floor 8, evaluation: time, memory and speed of a model, and the versions that such figures belong to."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import serpentune
from serpentune.common.errors import UserError
from serpentune.common.memory import host_peak_bytes
from serpentune.models import prompt_ids

if TYPE_CHECKING:
    import torch

MEGABYTE = 1_000_000
_PACKAGES = ("torch", "transformers", "peft", "trl", "numba")


class Measurement:
    """What a block of code took; the attributes exist once the block has ended.

    Attributes:
        seconds: wall time, work that the device was still doing at the end included.
        device_peak_bytes: most memory that torch's tensors held on the CUDA device at once during the block. What they
            held before it (the model's weights) is part of it; the CUDA context and memory that torch keeps in reserve
            are not. None without CUDA.
        host_peak_bytes: most memory of this process that was resident in RAM at once **since the process started**,
            with the interpreter, all libraries, and pages of mapped files (a model's weights). It can't fall, so it is
            an upper bound of what the block needed: measure in a fresh process to compare two models. None on Windows.
    """

    seconds: float
    device_peak_bytes: int | None
    host_peak_bytes: int | None

    @property
    def peak_memory_mb(self) -> float | None:
        """The device's peak on CUDA, else the host's, in MB of 1,000,000 bytes; None where neither is known."""
        peak = self.host_peak_bytes if self.device_peak_bytes is None else self.device_peak_bytes
        return None if peak is None else peak / MEGABYTE


@contextmanager
def measure(device: torch.device | str) -> Iterator[Measurement]:
    """Time and peak memory of the block that this context manager encloses.

    On CUDA the device finishes its work before the clock starts and before it stops. The device's peak is reset at the
    start, so blocks must not be nested.

    Args:
        device: where the model is.
    """
    import torch

    device = torch.device(device)
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    used = Measurement()
    began = time.perf_counter()
    yield used
    if on_gpu:
        torch.cuda.synchronize(device)
    used.seconds = time.perf_counter() - began
    used.device_peak_bytes = torch.cuda.max_memory_allocated(device) if on_gpu else None
    used.host_peak_bytes = host_peak_bytes()


def versions() -> dict[str, Any]:
    """What a figure may depend on: Python's and the libraries' versions, processor, usable cores, GPU (or None)."""
    import torch

    return {
        "python": platform.python_version(),
        "serpentune": serpentune.__version__,
        **{name: metadata.version(name) for name in _PACKAGES},
        "processor": _processor(),
        "cores": usable_cores(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def latency(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    *,
    chat: bool = False,
    repeats: int = 30,
    warmup: int = 3,
    max_new_tokens: int = 16,
    batch_repeats: int = 3,
) -> dict[str, Any]:
    """How fast a model answers, from text to text: tokenising, greedy generation to the end token, decoding.

    Args:
        model: a transformers or PEFT model on its device, in evaluation mode.
        tokenizer: its fast tokenizer.
        prompts: all of them make the full batch; one by one, in turn, they are also answered alone.
        chat: ask through the tokenizer's chat template.
        repeats: answers at batch 1 that are timed.
        warmup: untimed answers before those, since the first calls load kernels and reserve memory. One untimed batch
            goes before the timed ones for the same reason.
        max_new_tokens: most tokens of an answer, its end token included.
        batch_repeats: full batches that are timed.

    Returns:
        `ms_per_answer_p50` and `ms_per_answer_p95` at batch 1, over `answers` answers; `tokens_per_second` at
        `batch_size` prompts at once: the tokens that were written, up to and including each end token
        (`tokens_per_answer` on average), over the time of `batches` batches, in which reading the prompts is included.

    Raises:
        UserError: no prompts, or a count below 1 (`warmup`: below 0).
    """
    if not prompts:
        raise UserError("There are no prompts to measure the speed of answers with.")
    counts = {
        "repeats": repeats,
        "max_new_tokens": max_new_tokens,
        "batch_repeats": batch_repeats,
        "warmup": warmup + 1,
    }
    if wrong := [name for name, count in counts.items() if count < 1]:
        raise UserError(f"{wrong[0]} is too small to measure the speed of answers with.")
    from serpentune.models.decoding import decode, greedy

    device = next(model.parameters()).device

    def answer(batch: Sequence[str]) -> tuple[float, int]:
        with measure(device) as used:
            ids = greedy(model, tokenizer, prompt_ids(tokenizer, batch, chat), max_new_tokens, chat)
            decode(tokenizer, ids)
        return used.seconds, sum(map(len, ids))

    for number in range(warmup):
        answer([prompts[number % len(prompts)]])
    alone = [answer([prompts[number % len(prompts)]])[0] * 1000 for number in range(repeats)]
    answer(prompts)
    together = [answer(prompts) for _ in range(batch_repeats)]
    tokens, seconds = sum(count for _, count in together), sum(spent for spent, _ in together)
    p50, p95 = np.percentile(alone, [50, 95]).tolist()
    return {
        "ms_per_answer_p50": p50,
        "ms_per_answer_p95": p95,
        "answers": repeats,
        "tokens_per_second": tokens / seconds,
        "tokens_per_answer": tokens / (batch_repeats * len(prompts)),
        "batch_size": len(prompts),
        "batches": batch_repeats,
        "max_new_tokens": max_new_tokens,
    }


def _processor() -> str:
    """The processor's name, or the kind of machine where the system gives no name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores that this process may use."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))
