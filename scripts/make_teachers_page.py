"""Writes docs/teachers.md: every teacher, what it promises, and the league tables, all from the code and its games.

python scripts/make_teachers_page.py             # minutes: the games of benchmarks/teachers.py
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.teachers import GAMES
from serpentune import teachers
from serpentune.pipeline import LeagueRow, play_league

PAGE = Path(__file__).resolve().parent.parent / "docs" / "teachers.md"

_HEAD = """# Teachers

<!-- Made by scripts/make_teachers_page.py; edit that, not this. -->

A teacher is a function of the visible state: no hidden plan, no clock, no randomness; ties go UP, RIGHT, DOWN, LEFT. It
answers every legal state, also one that it would never reach itself, on every board from 4x4 to 50x50.
[Write your own](../CONTRIBUTING.md#your-own-teacher-without-a-change-here).

| teacher | what it does | what it promises |
|---|---|---|
"""

_LEAGUE = """
## League

All teachers of a board play the same game seeds, from 0 on, and so meet the same apples as far as their boards allow. A
snake starts with one cell; moving into the cell that the tail is leaving is allowed; a game is stopped after twice as
many moves without an apple as the board has cells. Wins have their 95% Wilson interval; steps are those of won games;
moves a second are those of playing without writing, compiling not counted.

Measured on {machine}, {date}:

<!-- not run: python scripts: writes this page; tests/test_docs.py holds the page against it -->
<!-- not run: python benchmarks: tests/test_benchmarks.py runs it with less -->
```bash
python scripts/make_teachers_page.py     # this page
python benchmarks/teachers.py            # the same games, against the targets
serpentune teachers --games 5000 --grid-size 10 --seed 0     # one table
```

The best published solver wins 10x10 in 1,033.5 steps on average (5,000 games; `cell-variant` of the project
[twanvl/snake](https://github.com/twanvl/snake)), under a stricter rule: there the tail's cell is deadly.
"""


def page(league: Mapping[str, Sequence[LeagueRow]], machine: str, date: str) -> str:
    """The page as Markdown; `league` holds the rows of each board."""
    known = [teachers.get(name) for name in teachers.names()]
    rows = "".join(f"| {teacher.name} | {teacher.summary} | {teacher.guarantee} |\n" for teacher in known)
    tables = "".join(_table(board, board_rows) for board, board_rows in league.items())
    return _HEAD + rows + _LEAGUE.format(machine=machine, date=date) + tables


def _table(board: str, rows: Iterable[LeagueRow]) -> str:
    rows = list(rows)
    lines = [
        f"\n### {board.replace('x', '×')}, {rows[0].games:,} games each\n",
        "| teacher | won (95% interval) | score | steps to win | moves a second |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        won = f"{100 * row.wins / row.games:.2f}% ({100 * row.win_rate_low:.2f} to {100 * row.win_rate_high:.2f}%)"
        steps = "none" if row.steps_to_win_mean is None else f"{row.steps_to_win_mean:,.1f}"
        speed = f"{row.moves_per_second / 1e6:.2f} M"
        lines.append(f"| {row.teacher} | {won} | {row.score_mean:.2f} | {steps} | {speed} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Play the games and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--machine", default=f"{os.cpu_count()} processor cores", help="how the page names the machine")
    machine = parser.parse_args().machine
    league = {}
    for board, games in GAMES.items():
        width, height = map(int, board.split("x"))
        print(f"{board}: {games} games of every teacher ...", file=sys.stderr, flush=True)
        league[board] = play_league(None, games, width, height)
    PAGE.write_text(page(league, machine, datetime.date.today().isoformat()), encoding="utf-8")


if __name__ == "__main__":
    main()
