"""Install the pinned torch into this interpreter's environment, in the build that this machine can use.

`TORCH=cpu` or `TORCH=cuda` in the environment chooses the build; without either, a machine with an NVIDIA GPU gets CUDA
and any other gets the CPU build, because on Linux a plain `pip install torch` is a CUDA build of several GB.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent.parent / "constraints.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
HELP = "TORCH=cpu or TORCH=cuda chooses the build; a torch of this version put into .venv by hand is kept."


def main() -> int:
    choice = os.environ.get("TORCH", "auto")
    if choice not in ("auto", "cpu", "cuda"):
        return _fail(f"TORCH={choice} is not known; use TORCH=cpu, TORCH=cuda, or leave it unset.")
    version = _pinned_version()
    if _is_installed(version, choice):
        return 0
    if platform.system() != "Linux":
        # Elsewhere the package index has one build only, without CUDA on macOS.
        return _install(f"torch=={version}")
    if choice == "cuda" or (choice == "auto" and _has_nvidia_gpu()):
        # `===` compares the whole text, so a CPU wheel at hand ("+cpu") is not taken for the CUDA build.
        return _install(f"torch==={version}")
    cpu = f"torch=={version}+cpu"
    # A wheel at hand, through find-links in pip's configuration, spares the download.
    if _run(_pip("--no-index", "--no-deps", cpu), show=False):
        return 0
    print(f"Getting the CPU build of torch from {CPU_INDEX} (about 200 MB; TORCH=cuda chooses the CUDA build)")
    if _run(_pip("--index-url", CPU_INDEX, "--no-deps", "--timeout", "15", "--retries", "1", cpu), show=True):
        return 0
    if choice == "cpu":
        return _fail(f"{cpu} is neither at hand nor to be had from {CPU_INDEX}. {HELP}")
    print(
        "WARNING: no CPU build of torch is to be had; taking the package index's, which is a CUDA build of several GB."
    )
    return _install(f"torch=={version}")


def _install(requirement: str) -> int:
    if _run(_pip("--constraint", str(CONSTRAINTS), requirement), show=True):
        return 0
    return _fail(f"pip could not install {requirement}; its reason stands above. {HELP}")


def _pinned_version() -> str:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("torch==") for line in lines if line.startswith("torch=="))


def _is_installed(version: str, choice: str) -> bool:
    try:
        public, _, build = importlib.metadata.version("torch").partition("+")
    except importlib.metadata.PackageNotFoundError:
        return False
    if platform.system() != "Linux" or choice == "auto":
        return public == version
    return public == version and (build == "cpu") == (choice == "cpu")


def _has_nvidia_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None and _run(["nvidia-smi", "-L"], show=False)


def _pip(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *arguments]


def _run(command: list[str], *, show: bool) -> bool:
    return subprocess.run(command, check=False, capture_output=not show).returncode == 0


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
