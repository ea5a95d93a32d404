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
HELP = "Choose the build yourself with TORCH=cpu or TORCH=cuda, or install torch into .venv by hand and run make again."


def main() -> int:
    choice = os.environ.get("TORCH", "auto")
    if choice not in ("auto", "cpu", "cuda"):
        return _fail(f"TORCH={choice} is not known; use TORCH=cpu, TORCH=cuda, or leave it unset.")
    version = _pinned_version()
    if _is_installed(version, choice):
        return 0
    if platform.system() != "Linux":
        # Elsewhere the package index has one build only, without CUDA on macOS.
        return _first_that_works([_pip(f"torch=={version}")])
    if choice == "cuda" or (choice == "auto" and _has_nvidia_gpu()):
        # `===` compares the whole text, so a CPU wheel at hand ("+cpu") is not taken for the CUDA build.
        return _first_that_works([_pip(f"torch==={version}")])
    cpu = f"torch=={version}+cpu"
    attempts = [
        _pip("--no-index", "--no-deps", cpu),  # a wheel at hand, through find-links in pip's configuration
        _pip("--index-url", CPU_INDEX, "--no-deps", "--timeout", "15", "--retries", "1", cpu),
    ]
    if choice == "auto":
        attempts.append(_pip(f"torch=={version}"))
    return _first_that_works(attempts)


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
    return bool(shutil.which("nvidia-smi")) and subprocess.run(["nvidia-smi", "-L"], capture_output=True).returncode == 0


def _pip(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]


def _first_that_works(attempts: list[list[str]]) -> int:
    for attempt in attempts[:-1]:
        if subprocess.run(attempt, capture_output=True).returncode == 0:
            return 0
    last = attempts[-1]
    if len(attempts) > 1 and "--index-url" not in last:
        print("No CPU build of torch is at hand: taking the package index's, on Linux a CUDA build of several GB.")
    if subprocess.run(last).returncode == 0:
        return 0
    return _fail(f"torch could not be installed; the last attempt was: {' '.join(last)}\n{HELP}")


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
