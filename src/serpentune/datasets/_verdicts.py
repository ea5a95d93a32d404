"""Floor 4, datasets: which of the drawn records stay, by what is known of all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets._games import Gathered
from serpentune.datasets._groups import together
from serpentune.datasets._render import Facts
from serpentune.datasets.quality import contradicting, repeated
from serpentune.datasets.recipe import Recipe
from serpentune.datasets.records import SPLITS
from serpentune.datasets.sampling import quotas
from serpentune.datasets.splits import TEST, in_ranges, leaks

_CONTRADICTED: dict[str, tuple[Literal["all", "minority"], str]] = {
    "drop": ("all", "boards with two answers left out"),
    "vote": ("minority", "all but the most frequent answer left out"),
}
"""Which records of a board with two answers a policy leaves out, and in words."""


@dataclass(frozen=True)
class Kept:
    """The verdict on `n` drawn records.

    Attributes:
        kept: bool `(n,)`.
        splits: int8 `(n,)`, places in `SPLITS`.
        by_teacher: records that stay, by teacher and split.
        mirrored: those among them that were turned or mirrored, by teacher.
        counted: by check, how many it left out (`count`), and what it does (`action`).
    """

    kept: NDArray[np.bool_]
    splits: NDArray[np.int8]
    by_teacher: dict[str, dict[str, int]]
    mirrored: dict[str, int]
    counted: dict[str, dict[str, Any]]

    def words(self) -> str:
        """What was left out, for a message."""
        return _words(self.counted)


def judge(recipe: Recipe, gathered: Gathered, count: int, drawn: Iterable[tuple[str, Facts]]) -> Kept:
    """Apply the checks of a recipe to all records.

    First goes what is wrong by itself, then what contradicts another, what is in two splits, what repeats another, and
    last what is too much for the balance. A repetition in another split is a leak, and `leaks` says which one goes.

    Args:
        recipe: says which checks.
        gathered: the games.
        count: records that are drawn in all.
        drawn: teachers and what their records are compared by, in the order in which they were drawn.

    Raises:
        UserError: the balance is to be kept, and the checks leave nothing of a teacher in a style.
    """
    names = list(gathered.pieces)
    facts, teachers = _collected(names, count, drawn)
    questions, answers, splits = facts.questions, facts.answers, facts.splits
    kept = np.ones(count, np.bool_)
    counted: dict[str, dict[str, Any]] = {}

    def leave_out(check: str, wrong: NDArray[np.bool_], action: str) -> None:
        wrong = kept & wrong
        counted[check] = {"count": int(wrong.sum()), "action": action}
        kept[wrong] = False

    checks, split = recipe.checks, recipe.split
    # Two players may have one teacher to answer for them, whom the prompts of both name.
    asked_of = np.unique([recipe.who_answers(name) for name in names], return_inverse=True)[1][teachers]
    if facts.unanswered is not None:
        leave_out("unanswered", facts.unanswered, "states to which their teacher has no answer left out")
    if facts.unexplained.any():
        leave_out("explanations", facts.unexplained, "records without a true explanation left out")
    if checks.max_tokens is not None:
        leave_out("max_tokens", facts.too_long, f"more than {checks.max_tokens} tokens of {checks.tokenizer}: left out")
    if checks.contradictions == "tagged":
        prompts = together(questions, asked_of.astype(np.uint64))
        leave_out("contradictions", contradicting(prompts, answers, kept, "all"), "prompts with two answers left out")
    elif checks.contradictions != "off":
        shown = facts.states if facts.shown is None else facts.shown
        boards = together(shown, facts.asked.astype(np.uint64))
        which, action = _CONTRADICTED[checks.contradictions]
        leave_out("contradictions", contradicting(boards, answers, kept, which), action)
    if split.hold_out.lengths:
        held = in_ranges(facts.lengths, split.hold_out.lengths) & (splits != TEST)
        leave_out("held_out_lengths", held, "left out of training and validation")
    if split.leaks != "off":
        shared = np.zeros(count, np.bool_)
        # Of an encoding that leaves the body out, different states can make one prompt.
        for keys in (facts.images if split.symmetric_leaks else facts.states, facts.shown):
            if keys is not None:
                shared |= leaks(keys, splits, kept & ~shared, split.leaks)
        where = "training" if split.leaks == "train" else "validation and test"
        leave_out("leaks", shared, f"states of two splits left out of {where}")
    if checks.duplicates != "off":
        who = (asked_of.astype(np.int32) << 8 | facts.asked).astype(np.uint64)
        again = repeated(together(together(questions, who), answers), kept)
        if checks.duplicates == "symmetric" and facts.images is not None:
            again |= repeated(together(facts.images, who), kept & ~again)
        leave_out("duplicates", again, f"later ones left out ({checks.duplicates})")
    if "teacher" in recipe.balance:
        kinds = teachers.astype(np.int64) * len(recipe.styles) + facts.styles
        drawn = np.bincount(kinds)
        there = np.bincount(kinds[kept], minlength=len(drawn))
        surplus = _surplus(recipe.seed, kinds, kept)
        if (np.bincount(kinds[kept & ~surplus], minlength=len(drawn))[drawn > 0] == 0).any():
            raise UserError(_too_few(recipe, names, drawn, there, counted))
        leave_out("balance", surplus, "left out to keep the shares")
    by_teacher = {
        name: {of: int((kept & (teachers == number) & (splits == place)).sum()) for place, of in enumerate(SPLITS)}
        for number, name in enumerate(names)
    }
    changed = {name: int((kept & facts.mirrored & (teachers == number)).sum()) for number, name in enumerate(names)}
    return Kept(kept, splits, by_teacher, changed, counted)


def _collected(names: Sequence[str], count: int, drawn: Iterable[tuple[str, Facts]]) -> tuple[Facts, NDArray[np.int16]]:
    """The facts of all records in one piece of memory, and places of their teachers in `names`."""
    teachers = np.empty(count, np.int16)
    columns: dict[str, Any] = {"images": None, "shown": None, "unanswered": None}
    stop = 0
    for name, facts in drawn:
        start, stop = stop, stop + len(facts)
        teachers[start:stop] = names.index(name)
        for column, values in facts.columns().items():
            if columns.get(column) is None:
                columns[column] = np.empty(count, values.dtype)
            columns[column][start:stop] = values
    if stop != count:
        raise RuntimeError(f"{stop} records were drawn of {count}")
    return Facts(**columns), teachers


def _surplus(seed: int, kinds: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Records, drawn at random, without which kinds keep the proportions in which they were drawn."""
    drawn = np.bincount(kinds).tolist()
    there = np.bincount(kinds[kept], minlength=len(drawn)).tolist()
    wanted = quotas(
        {("", str(number)): float(count) for number, count in enumerate(drawn)},
        {("", str(number)): count for number, count in enumerate(there)},
        balance=True,
    )
    result = np.zeros(len(kept), np.bool_)
    for number, count in enumerate(there):
        surplus = count - wanted["", str(number)]
        if surplus:
            places = np.flatnonzero(kept & (kinds == number))
            chosen = np.random.default_rng([seed, 6, number]).choice(len(places), size=surplus, replace=False)
            result[places[chosen]] = True
    return result


def _too_few(
    recipe: Recipe,
    names: Sequence[str],
    drawn: NDArray[np.int64],
    there: NDArray[np.int64],
    counted: Mapping[str, Mapping[str, Any]],
) -> str:
    """That not every kind can keep a record, with the poorest, which bounds all; `drawn` and `there` are by kind."""
    kinds = np.flatnonzero(drawn).tolist()
    poorest = min(kinds, key=lambda kind: there[kind] / drawn[kind])
    teacher, style = divmod(poorest, len(recipe.styles))
    return (
        f"The checks leave {there[poorest]} of {drawn[poorest]} records of {names[teacher]} in the style "
        f"{list(recipe.styles)[style]}, too few to keep all shares: {_words(counted)}. Ask for more samples or games, "
        "or leave `teacher` out of `balance`."
    )


def _words(counted: Mapping[str, Mapping[str, Any]]) -> str:
    """What was left out, for a message."""
    return ", ".join(f"{name} left out {of['count']}" for name, of in counted.items() if of["count"])
