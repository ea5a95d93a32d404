"""Where the blocks of pages run."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from tests.documents.place import set_up


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, chat_llama: Path) -> Path:
    """What the pages speak of as there already; for copies."""
    folder = tmp_path_factory.mktemp("prepared")
    with contextlib.chdir(folder):
        set_up(chat_llama)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it for one test, in which results say that their models lie there too."""
    copied = Path(shutil.copytree(prepared, tmp_path / "place", symlinks=True))
    for manifest in copied.glob("*/**/manifest.json"):
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(text.replace(str(prepared), str(copied)), encoding="utf-8")
    return copied
