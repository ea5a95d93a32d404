"""Floor 8, evaluation: a player's answers to single states that a teacher visited, as a raw file and as figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.evaluation._figures import Figures, share
from serpentune.game import Move, State, States, from_letters, letters
from serpentune.teachers import get, legal_and_safe, names


@dataclass(frozen=True)
class StateAnswer:
    """A player's answer to one held-out state.

    Attributes:
        teacher: who visited the state, and whom the player was asked to play like.
        game: a name of the teacher's game; states of one game resemble each other.
        state: the state.
        moves: `Move` codes that were answered, the next one first; none where the answer can't be used.
        unusable: why there are none, as of `play.Answer`.
        constrained: the player's first choice was no move, as of `play.Answer`.
    """

    teacher: str
    game: str
    state: State
    moves: bytes
    unusable: str = ""
    constrained: bool = False

    def to_json(self) -> str:
        """The answer as one line of `states.jsonl`."""
        state = self.state
        line = {
            "teacher": self.teacher,
            "game": self.game,
            "grid": [state.width, state.height],
            "body": list(state.body),
            "apple": state.apple,
            "direction": None if state.direction is None else letters(bytes([state.direction])),
            "moves": letters(self.moves),
            "unusable": self.unusable,
            "constrained": self.constrained,
        }
        return json.dumps(line, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> StateAnswer:
        """The inverse of `to_json`.

        Raises:
            ValueError: the line is no JSON object of this form, or its state is none of the rules.
        """
        try:
            data = json.loads(line)
            width, height = map(int, data["grid"])
            facing = data["direction"]
            direction = None if facing is None else Move(from_letters(facing)[0])
            state = State(width, height, tuple(map(int, data["body"])), int(data["apple"]), direction)
            answer = cls(
                str(data["teacher"]),
                str(data["game"]),
                state,
                from_letters(data["moves"]),
                str(data["unusable"]),
                bool(data["constrained"]),
            )
            legal_and_safe(States.stack([state]))
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError, UserError) as error:
            raise ValueError(f"not an answer to a state of this format ({error!r})") from error
        return answer


def read_answers(path: Path) -> list[StateAnswer]:
    """The answers in a `states.jsonl`.

    Raises:
        UserError: it can't be read, or a line is no answer; the message names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read ({error}).") from error
    answers = []
    for number, line in enumerate(lines, 1):
        try:
            answers.append(StateAnswer.from_json(line))
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}. Ask for the held-out states again.") from error
    return answers


def state_metrics(answers: Iterable[StateAnswer]) -> dict[str, dict[str, Any]]:
    """How well a player decides in states that teachers visited, by teacher.

    Returns:
        For each teacher's name, intervals and reasons as of `play_metrics`, whole games resampled:

        - `states`, `games`, and `unusable`: answers that couldn't be used, by kind.
        - `decisions`: states in which the teacher has a move; `accuracy`: answers whose first move is the teacher's;
          `accuracy_equal`: those whose first move the teacher holds as good. Unusable answers count as wrong.
        - `legal_rate`: answers whose first choice was a legal move, of the states in which there is one.

    Raises:
        UserError: a teacher broke its contract.
    """
    by_teacher: dict[str, list[StateAnswer]] = {}
    for answer in answers:
        by_teacher.setdefault(answer.teacher, []).append(answer)
    return {name: _of_teacher(name, own) for name, own in by_teacher.items()}


def _of_teacher(name: str, answers: Sequence[StateAnswer]) -> dict[str, Any]:
    labels, game = np.unique([answer.game for answer in answers], return_inverse=True)
    known = name in names()
    right, equal, legal = _judged(name if known else None, answers)
    bit = np.array([1 << answer.moves[0] & 15 if answer.moves else 0 for answer in answers], np.int64)
    free = ~np.array([answer.constrained for answer in answers], np.bool_)

    def games(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(game[chosen], minlength=len(labels))

    figures = Figures()
    unusable = Counter(answer.unusable for answer in answers if not answer.moves)
    figures.values |= {"states": len(answers), "games": len(labels), "unusable": dict(unusable.most_common())}
    nothing = "the teacher has no move in any state" if known else f"no teacher is registered under the name {name}"
    decisions = games(right != 0)
    figures.values["decisions"] = int(decisions.sum())
    figures.add("accuracy", share(games(right & bit != 0), decisions, nothing))
    figures.add("accuracy_equal", share(games(equal & bit != 0), decisions, nothing))
    figures.add("legal_rate", share(games(free & (legal & bit != 0)), games(legal != 0), "no state has a legal move"))
    return figures.document()


def _judged(
    teacher: str | None, answers: Sequence[StateAnswer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Masks of the teacher's move, of those that it holds equally good, and of the legal ones, int64 `(n,)` each."""
    masks = np.zeros((3, len(answers)), np.int64)
    places: dict[tuple[int, int], list[int]] = {}
    for place, answer in enumerate(answers):
        places.setdefault((answer.state.width, answer.state.height), []).append(place)
    for own in places.values():
        states = States.stack([answers[place].state for place in own])
        if teacher is not None:
            moves, equal = get(teacher).choices(states)
            masks[0, own], masks[1, own] = 1 << moves.astype(np.int64) & 15, equal
        masks[2, own] = legal_and_safe(states)[0]
    return masks[0], masks[1], masks[2]
