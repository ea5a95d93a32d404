"""The ground: how much memory this process has held."""

from __future__ import annotations

import sys
from pathlib import Path


def host_peak_bytes() -> int | None:
    """Most memory of this process that was resident at once since it started; None on Windows.

    Linux gives it as VmHWM; `getrusage` is asked only where the kernel has no such line, because on Linux its figure
    begins with the size of the process that started this one.
    """
    if sys.platform == "win32":
        return None
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def host_memory_bytes() -> int:
    """Memory that this process may use: the machine's, or less where a control group (a container) allows less."""
    import psutil

    limit = Path("/sys/fs/cgroup/memory.max")
    machine: int = psutil.virtual_memory().total
    allowed = limit.read_text(encoding="ascii").strip() if limit.exists() else "max"
    return machine if allowed == "max" else min(machine, int(allowed))
