"""Floor 4, datasets: records that say the same twice, and records that contradict each other."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Marks = NDArray[np.bool_]


def repeated(keys: Keys, kept: Marks) -> Marks:
    """Which records have the key of an earlier one.

    Args:
        keys: uint64 `(n,)`.
        kept: bool `(n,)`, records that aren't left out already; the others count for nothing.
    """
    places = np.flatnonzero(kept)
    _, first = np.unique(keys[places], return_index=True)
    result = kept.copy()
    result[places[first]] = False
    return result


def contradicting(questions: Keys, answers: Keys, kept: Marks, policy: Literal["all", "minority"]) -> Marks:
    """Which records to leave out so that no question has two answers.

    Args:
        questions: uint64 `(n,)`, equal for equal questions.
        answers: uint64 `(n,)`, equal for equal answers.
        kept: bool `(n,)`, records that aren't left out already; the others count for nothing.
        policy: `all` leaves out every record of a question with two answers; `minority` those without the most
            frequent answer, and all where several are most frequent.
    """
    places = np.flatnonzero(kept)
    order = places[np.lexsort((answers[places], questions[places]))]
    asked, said = questions[order], answers[order]
    result = np.zeros(len(kept), np.bool_)
    if not len(order):
        return result
    new_question = np.concatenate([[True], asked[1:] != asked[:-1]])
    new_answer = new_question | np.concatenate([[True], said[1:] != said[:-1]])
    question = np.cumsum(new_question) - 1
    answer = np.cumsum(new_answer) - 1
    question_of = question[new_answer]
    several = np.bincount(question_of)[question] > 1
    if policy == "all":
        result[order] = several
        return result
    votes = np.bincount(answer)
    most = np.zeros(question[-1] + 1, np.int64)
    np.maximum.at(most, question_of, votes)
    wins = votes == most[question_of]
    tied = np.bincount(question_of, weights=wins) > 1
    result[order] = several & ~(wins[answer] & ~tied[question])
    return result
