"""Floor 4, datasets: records that say the same twice, and records that contradict each other."""

from __future__ import annotations

from typing import Literal

import numpy as np

from serpentune.datasets._groups import Keys, Marks, Places, first_places, sharing, together


def repeated(keys: Keys, kept: Marks) -> Marks:
    """Which records have the key of an earlier one.

    Args:
        keys: uint64 `(n,)`.
        kept: bool `(n,)`, records that aren't left out already; the others count for nothing.
    """
    later: Marks = first_places(keys, kept) != np.arange(len(keys), dtype=np.int32)
    return later


def contradicting(questions: Keys, answers: Keys, kept: Marks, policy: Literal["all", "minority"]) -> Marks:
    """Which records to leave out so that no question has two answers.

    Args:
        questions: uint64 `(n,)`, equal for equal questions.
        answers: uint64 `(n,)`, equal for equal answers.
        kept: bool `(n,)`, records that aren't left out already; the others count for nothing.
        policy: `all` leaves out every record of a question with two answers; `minority` those without the most
            frequent answer, and all where several are most frequent.
    """
    first = first_places(questions, kept)
    several = sharing(first, answers != answers[first])
    if policy == "minority":
        several &= ~_most_said(first, first_places(together(questions, answers), kept))
    return several


def _most_said(asked: Places, said: Places) -> Marks:
    """Which records give the one answer to their question that is more frequent than any other.

    Args:
        asked: int32 `(n,)`, from `first_places` of the questions.
        said: int32 `(n,)`, from `first_places` of the questions with their answers.
    """
    votes = np.bincount(said, minlength=len(said))
    answers = np.flatnonzero(votes)
    most = np.zeros(len(asked), np.int64)
    np.maximum.at(most, asked[answers], votes[answers])
    winners = answers[votes[answers] == most[asked[answers]]]
    alone = np.bincount(asked[winners], minlength=len(asked)) == 1
    wins: Marks = (votes[said] == most[asked]) & alone[asked]
    return wins
