"""Progress where nobody sits at a terminal; bars are looked at where commands are."""

from __future__ import annotations

import pytest

from serpentune.common import progress
from serpentune.common.progress import Pace, phase_bars, progress_bar


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter((0.0, 10.0, 59.0, 61.0, 70.0, 130.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress_bar("Training", 1200, quiet=False) as advance:
        for _ in range(5):
            advance(100, "loss 0.31")
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines() == [
        "Training: 300 of 1,200, 0:03:50 left, loss 0.31",  # 100 in 25.5 seconds
        "Training: 500 of 1,200, 0:03:30 left, loss 0.31",  # 100 in 30 seconds
    ]


def test_the_time_left_counts_neither_the_start_nor_what_was_done_before_it() -> None:
    pace = Pace()
    assert pace.left(1000) == "-:--:--"
    pace.note(90.0, 500)  # resumed at 500, and compiled for a minute and a half
    assert (pace.per_second, pace.left(1000)) == (None, "-:--:--")
    pace.note(92.0, 501)
    assert (pace.per_second, pace.left(1000)) == (0.5, "0:16:38")


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    pace = Pace()
    for second in range(100):
        pace.note(second, second)
    for tenth in range(1, 301):
        pace.note(99 + tenth / 10, 99 + tenth)
    assert pace.per_second == pytest.approx(10)
    assert pace.left(4000) == "0:06:01"
    assert pace.left(None) == "-:--:--"


def test_slow_steps_have_a_pace_too() -> None:
    pace = Pace()
    for step in range(20):
        pace.note(step * 45.0, step)
    assert pace.per_second == pytest.approx(1 / 45)


def test_a_thousand_notes_a_second_are_not_all_kept() -> None:
    pace = Pace()
    for milli in range(60_001):
        pace.note(milli / 1000, 3 * milli)
    assert len(pace._notes) < 400
    assert pace.per_second == pytest.approx(3000, rel=0.01)


def test_a_quiet_command_and_a_quick_one_write_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with phase_bars(quiet=quiet) as progress:
            progress("Reading games", 3, 10)
    assert capsys.readouterr() == ("", "")
