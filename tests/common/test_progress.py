"""Progress where nobody sits at a terminal; bars are looked at where commands are."""

from __future__ import annotations

import pytest

from serpentune.common import progress
from serpentune.common.progress import phase_bars, progress_bar


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter((0.0, 10.0, 59.0, 61.0, 61.0, 70.0, 130.0, 130.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress_bar("Training", 1200, quiet=False) as advance:
        for _ in range(5):
            advance(100, "loss 0.31")
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines() == ["Training: 300 of 1,200, loss 0.31", "Training: 500 of 1,200, loss 0.31"]


def test_a_quiet_command_and_a_quick_one_write_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with phase_bars(quiet=quiet) as progress:
            progress("Reading games", 3, 10)
    assert capsys.readouterr() == ("", "")
