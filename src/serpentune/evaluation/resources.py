"""Floor 8, evaluation: what a piece of work took, and the versions that such figures belong to."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import serpentune
from serpentune.common.memory import host_peak_bytes

if TYPE_CHECKING:
    import torch

MEGABYTE = 1_000_000
_PACKAGES = ("torch", "transformers", "peft", "trl", "numba")


class Measurement:
    """What a block of code took; the attributes exist once the block has ended, however it did.

    Attributes:
        seconds: wall time, work that the device was still doing at the end included.
        device_peak_bytes: most memory that torch's tensors held on the CUDA device at once during the block. What they
            held before it (the model's weights) is part of it; the CUDA context and memory that torch keeps in reserve
            are not. None without CUDA.
        host_peak_bytes: most memory of this process that was resident in RAM at once **since the process started**,
            with the interpreter, all libraries, and pages of mapped files (a model's weights). It can't fall, so it is
            an upper bound of what the block needed: measure in a fresh process to compare two models. None on Windows.
        joules: energy that the whole card took during the block, by its own counter (NVML): idle power and what others
            do on it are in it, the host's processor and memory are not. None where there is no such counter, or it
            didn't move: it is refreshed a few times a second, so a block of less is too short for it.
        unmetered: why `joules` is None; empty where it isn't.
    """

    seconds: float
    device_peak_bytes: int | None
    host_peak_bytes: int | None
    joules: float | None
    unmetered: str

    @property
    def peak_memory_mb(self) -> float | None:
        """The device's peak on CUDA, else the host's, in MB of 1,000,000 bytes; None where neither is known."""
        peak = self.host_peak_bytes if self.device_peak_bytes is None else self.device_peak_bytes
        return None if peak is None else peak / MEGABYTE


@contextmanager
def measure(device: torch.device | str) -> Iterator[Measurement]:
    """Time, peak memory and energy of the block that this context manager encloses.

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
    before, used.unmetered = _joules(device)
    began = time.perf_counter()
    try:
        yield used
    finally:
        if on_gpu:
            torch.cuda.synchronize(device)
        used.seconds = time.perf_counter() - began
        used.device_peak_bytes = torch.cuda.max_memory_allocated(device) if on_gpu else None
        used.host_peak_bytes = host_peak_bytes()
        after, _ = _joules(device)
        used.joules = None if before is None or after is None or after <= before else after - before
        if used.joules is None and not used.unmetered:
            used.unmetered = "it took less time than the card's energy counter needs to move"


def _joules(device: torch.device) -> tuple[float | None, str]:
    """What the card has taken since its driver was loaded, or None and why that can't be said."""
    if device.type != "cuda":
        return None, "only NVIDIA's cards count their energy, and the work was on none"
    import torch

    try:
        import pynvml
    except ImportError:
        return None, "nvidia-ml-py isn't installed, with which the card is asked: pip install 'serpentune[energy]'"
    try:
        pynvml.nvmlInit()
        try:
            card = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
            return pynvml.nvmlDeviceGetTotalEnergyConsumption(card) / 1000, ""
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        return None, f"the card doesn't say what energy it takes ({error})"


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
