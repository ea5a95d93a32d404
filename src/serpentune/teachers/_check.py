"""Floor 2, teachers: reads an explanation, ours or a language model's, and says which claims hold on the board."""

from __future__ import annotations

from dataclasses import dataclass

from serpentune.game import State
from serpentune.teachers._teacher import Teacher
from serpentune.teachers._truth import RULES, Answer, Board, read, split


@dataclass(frozen=True)
class FalseClaim:
    """A sentence that the board contradicts, or that can't be said of the teacher it speaks of.

    Attributes:
        sentence: the sentence.
        reason: what the text says and what the board says, in words.
    """

    sentence: str
    reason: str


@dataclass(frozen=True)
class ExplanationCheck:
    """What became of the sentences of an explanation, each list in their order.

    Attributes:
        true: every value in them is what the board says.
        false: the others that make a known claim.
        unreadable: sentences that make no known claim, or speak of a teacher that isn't known; never counted as true.
    """

    true: tuple[str, ...]
    false: tuple[FalseClaim, ...]
    unreadable: tuple[str, ...]

    @property
    def share_true(self) -> float | None:
        """The share of the claims that could be checked and hold; None where there was none to check."""
        checked = len(self.true) + len(self.false)
        return len(self.true) / checked if checked else None


def check_explanation(state: State, text: str, teacher: Teacher | None = None) -> ExplanationCheck:
    """Hold an explanation against the board, sentence by sentence.

    The truth is found in plain Python, apart from the teachers' kernels; only the move of a teacher that isn't ours is
    asked of the teacher itself. Any text can be checked. A sentence is read only if it is, letter by letter, what
    `Teacher.explain` would write of the same values.

    Args:
        state: a state of the rules.
        text: the explanation.
        teacher: whose move it explains; a sentence about another one is false then. None: whoever it speaks of, if it
            is one of ours.
    """
    rules = dict(RULES)
    if teacher is not None and teacher.name not in rules:
        rules[teacher.name] = lambda board: Answer(teacher.decide(board.state).move, "other")
    board = Board(state, rules)
    true: list[str] = []
    false: list[FalseClaim] = []
    unreadable: list[str] = []
    for sentence in split(text):
        claim = read(sentence, teacher.name if teacher else None)
        if claim is None:
            unreadable.append(sentence)
            continue
        known, said = claim
        name = said.get("teacher")
        if teacher is not None and name not in (None, teacher.name):
            false.append(FalseClaim(sentence, f"the text speaks of {name}, the move is of {teacher.name}"))
        elif name is not None and name not in rules:
            unreadable.append(sentence)
        elif (reason := known.mistakes(board, said)) is not None:
            false.append(FalseClaim(sentence, reason))
        else:
            true.append(sentence)
    return ExplanationCheck(tuple(true), tuple(false), tuple(unreadable))
