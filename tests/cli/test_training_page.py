"""The code of the page about training runs as printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.calls import ROOT


def test_the_observer_of_the_page_ends_training_early(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "training-observers.md").read_text(encoding="utf-8")
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "GoodEnough" in code)
    shutil.copytree(dataset, tmp_path / "output" / "dataset")
    exec(code, {})
    said = re.fullmatch(r"(\d+) of 40 steps, validation loss (\d\.\d\d)\n", capsys.readouterr().out)
    assert said is not None
    assert int(said[1]) < 40 and float(said[2]) <= 2.5
