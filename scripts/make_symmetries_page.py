"""Writes docs/symmetries.md: what is done about mirrored records, and how often each teacher would give them itself.

python scripts/make_symmetries_page.py             # under a minute; the same figures on every machine
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serpentune import teachers
from serpentune.datasets.symmetries import SYMMETRIES, agreements, all_along
from serpentune.game import Ending, GameBatch, GameRecord
from serpentune.teachers import Teacher

PAGE = Path(__file__).resolve().parent.parent / "docs" / "symmetries.md"

SIDE = 10
STATES = 100_000
"""Of each teacher: games are added, whole ones, until there are as many."""

_KINDS = {
    "reflections": ("reflection-x", "reflection-y"),
    "rotations": ("rotation-90", "rotation-180", "rotation-270"),
    "transposes": ("transpose", "anti-transpose"),
}

_TEXT = """# Symmetries

<!-- Made by scripts/make_symmetries_page.py; edit that, not this. -->

A square board has eight symmetries; any other board has four, since a quarter turn or a transpose makes another board
of it. The rules of Snake know none of them: turn a state, turn the move, and the game goes on as the turned game would.
So every record of a data set could be written eight times, which is usual where a label is a good move. Here it is
wrong:

**A label says what the teacher named in the prompt does.** Teachers break ties in the fixed order UP, RIGHT, DOWN,
LEFT, and lay their cycles and streets in one way. In the mirrored state they often do something else. The mirrored
answer would then be a label that the teacher doesn't give, against its own label for that very state, and a student
can't learn both. Mirrored records are therefore left out unless the recipe asks for them under `symmetries`:

| policy | what is mirrored |
|---|---|
| `none` | Nothing; the default. |
| `symmetric` | As `checked`, but only records of teachers that say they are symmetric: `Teacher.symmetric`. |
| `checked` | Each record where the teacher itself gives the mirrored answer, at every move of it. |
| `any` | Every record. Labels may contradict each other. |

In a set with a [`label`](datasets.md#one-teachers-answers-to-anybodys-states) the teacher is asked about the
image itself. Every image has a right answer then, and `checked` and `any` are the same.

Some states are their own image: a snake that is about to begin, with the apple on its diagonal; or a straight one in
the middle column of an odd board that has the apple behind it and a wall ahead. There is no legal move that is its own
image too, so a symmetric teacher is excused there, and its records are checked like any other's.

Two states are the same where the player sees the same: board size, body in order, apple, direction. They are images of
each other where a symmetry of their board takes one to the other.

## How often a teacher gives the mirrored answer

On {side}×{side}, in states of the teacher's own games (seeds from 0 on, at least {states:,} states of each): the share
of images in which the teacher itself answers with the image of its move. `checked` adds to each record of one move
seven times the share of *all seven*, on average; to each plan, from one apple to the next, seven times that of *whole
plans*.

<!-- not run: all: writes this page; tests/test_docs.py holds the page against it -->
```bash
python scripts/make_symmetries_page.py
```

| teacher | games | states | {kinds} | all seven | whole plans |
|---|---|---|---|---|---|---|---|
{rows}
"""

_SAID = """
The streets of CELL run round every block against the clock. They look the same after a turn and run the other way in a
mirror, so on boards with even sides CELL agrees with itself about each turn in its own games. That doesn't make it
symmetric: where another player has left the snake off the streets, it often answers otherwise.
"""


@dataclass(frozen=True)
class Row:
    """How often a teacher gives the mirrored answer.

    Attributes:
        teacher: its name.
        games: how many were played.
        states: how many states they have.
        moves: by symmetry, the share of states in which it answers the image of its move.
        plans: by symmetry, the share of plans that it would play as their image, move by move.
    """

    teacher: str
    games: int
    states: int
    moves: Mapping[str, float]
    plans: Mapping[str, float]


def measure(teacher: Teacher, states: int) -> Row:
    """Let a teacher play until there are that many states, and ask it about all their images."""
    records: list[GameRecord] = []
    played = 0
    for record in teachers.play(teacher, count(), SIDE, SIDE):
        records.append(record)
        played += len(record.moves)
        if played >= states:
            break
    games = GameBatch.from_records(records)
    pieces = list(games.states())
    bounds = np.cumsum([0, *(len(piece) for piece in pieces)])
    agree = np.concatenate(
        [
            agreements(teacher, piece, games.moves[start : start + len(piece)])
            for piece, start in zip(pieces, bounds[:-1], strict=True)
        ]
    )
    if not agree[:, 0].all():
        raise AssertionError(f"{teacher.name} doesn't answer the states of its games with their moves")
    fresh = np.diff(np.concatenate([piece.apple for piece in pieces]), prepend=-1) != 0
    fresh[games.move_offsets[:-1]] = True
    starts = np.flatnonzero(fresh)
    stops = np.append(starts[1:], played)
    lost = games.move_offsets[1:][games.endings != Ending.WIN]
    eats = ~np.isin(stops, lost)
    plans = all_along(agree, starts[eats], (stops - starts)[eats])
    return Row(teacher.name, len(records), played, _shares(agree), _shares(plans))


def _shares(agree: NDArray[np.bool_]) -> dict[str, float]:
    return dict(zip(SYMMETRIES, agree.mean(axis=0).tolist(), strict=True))


def page(rows: Sequence[Row]) -> str:
    """The page as Markdown."""
    lines = []
    for row in rows:
        shares = [_mean(row.moves, kind) for kind in (*_KINDS.values(), SYMMETRIES[1:])]
        cells = " | ".join(f"{100 * share:.2f}%" for share in (*shares, _mean(row.plans, SYMMETRIES[1:])))
        lines.append(f"| {row.teacher} | {row.games:,} | {row.states:,} | {cells} |")
    text = _TEXT.format(side=SIDE, states=STATES, kinds=" | ".join(_KINDS), rows="\n".join(lines))
    return text + _SAID


def _mean(shares: Mapping[str, float], symmetries: Sequence[str]) -> float:
    return sum(shares[symmetry] for symmetry in symmetries) / len(symmetries)


def main() -> None:
    """Play the games, ask the teachers and write the page."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    rows = []
    for name in teachers.names():
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows.append(measure(teachers.get(name), STATES))
    PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
