"""Which commit is running."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serpentune.common import source

SOURCE = Path(source.__file__)

if shutil.which("git") is None:
    pytest.skip("no git", allow_module_level=True)


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.com"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit_of(folder: Path) -> str:
    """What a package in `folder` says of itself, in a process of its own."""
    code = "from package.common.source import source_commit; print(source_commit())"
    return subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_checkout_names_its_commit_and_an_installed_package_none(tmp_path: Path) -> None:
    common = tmp_path / "package" / "common"
    common.mkdir(parents=True)
    (common.parent / "__init__.py").touch()
    shutil.copy(SOURCE, common)
    assert commit_of(tmp_path) == "None"
    git(tmp_path, "init")
    assert commit_of(tmp_path) == "None"  # inside another project's repository, which doesn't hold it
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "first")
    commit = git(tmp_path, "rev-parse", "HEAD").strip()
    assert commit_of(tmp_path) == commit
    (common / "source.py").write_text(SOURCE.read_text(encoding="utf-8") + "# changed\n")
    assert commit_of(tmp_path) == f"{commit}-dirty"
