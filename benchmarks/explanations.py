"""How fast decisions with all their facts are made, explained, and their explanations checked.

    python benchmarks/explanations.py [--quick] [--json]

All of random states of a board. A speed is that of the median turn, the three works of all teachers taking turns;
compiling is in no figure (benchmarks/generation.py states it).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say, taking_turns
from serpentune import teachers
from serpentune.game import random_states

SIDES = (6, 10, 20)
DECISIONS_TARGET = 20_000


def works(name: str, side: int, decisions: int, explanations: int) -> list[tuple[str, int, Callable[[], object]]]:
    """What is counted, how many in one call, and the call."""
    teacher = teachers.get(name)
    many, few = random_states(decisions, side, side, seed=0), random_states(explanations, side, side, seed=0)
    answered = list(zip(few, teacher.decisions(few), strict=True))
    explained = [(state, teacher.explain(state, decision)) for state, decision in answered]
    return [
        ("decisions", decisions, lambda: teacher.decisions(many)),
        ("explanations", explanations, lambda: [teacher.explain(state, decision) for state, decision in answered]),
        (
            "checks",
            explanations,
            lambda: [teachers.check_explanation(state, text, teacher) for state, text in explained],
        ),
    ]


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    decisions, explanations, repeats = (5_000, 200, 3) if quick else (50_000, 2_000, 5)
    for side in SIDES:
        say(f"{side}x{side}: {decisions} decisions and {explanations} explanations a teacher, {repeats} times ...")
        counted = [(name, *work) for name in teachers.names() for work in works(name, side, decisions, explanations)]
        turns = taking_turns([work for *_, work in counted], repeats)
        for (name, what, count, _), taken in zip(counted, turns, strict=True):
            target = DECISIONS_TARGET if what == "decisions" else None
            speed = count / statistics.median(taken)
            yield Figure(f"{name}, {side}x{side}", f"{what} per second", speed, f"{what}/s", target=target)


if __name__ == "__main__":
    run(__doc__ or "", measure, pivot=True)
