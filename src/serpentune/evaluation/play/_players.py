"""Floor 8, evaluation: who can play, and the players that are no language models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from serpentune.common.progress import Advance
from serpentune.datasets.symmetries import state_hashes
from serpentune.evaluation.play._answers import Answer, read_answer
from serpentune.evaluation.play._policies import forward
from serpentune.game import States
from serpentune.teachers import Teacher, get

PLACES = 256
"""Games that run side by side where a player has no wish."""


class Player(Protocol):
    """Anything that answers states with moves, many at a time and each in its own time.

    An answer must be a function of its state: the play engine doesn't ask twice about a state that didn't change.

    Attributes:
        name: what it is called in results.
        places: most questions that may be open at once.
    """

    name: str
    places: int

    def ask(self, places: Sequence[int], states: States) -> None:
        """Take up a question at each of `places`, where none is open.

        Args:
            places: numbers below `self.places`.
            states: as many states, of one board size.
        """
        ...

    def answers(self) -> list[tuple[int, Answer]]:
        """Wait until some open questions are answered: their places, which are free again, and the answers."""
        ...


class FunctionPlayer:
    """A `Player` that answers all open questions at once.

    Attributes:
        name: what it is called in results.
        places: most questions that may be open at once.
    """

    def __init__(self, name: str, function: Callable[[States], Sequence[Answer | str]], places: int = PLACES) -> None:
        """Answer `n` states by a function that gives `n` answers, or texts that begin with moves."""
        self.name = name
        self.places = places
        self._function = function
        self._open: list[tuple[Sequence[int], States]] = []

    def ask(self, places: Sequence[int], states: States) -> None:
        """As of `Player.ask`."""
        self._open.append((places, states))

    def answers(self) -> list[tuple[int, Answer]]:
        """As of `Player.answers`."""
        found = [
            (place, answer if isinstance(answer, Answer) else read_answer(answer))
            for places, states in self._open
            for place, answer in zip(places, self._function(states), strict=True)
        ]
        self._open = []
        return found


class TeacherPlayer(FunctionPlayer):
    """A teacher as a player; where it gives up, the game ends so.

    Attributes:
        teacher: who plays.
    """

    def __init__(self, teacher: Teacher | str, name: str | None = None) -> None:
        """Play like a teacher or the one of that name.

        Raises:
            UserError: there is no such teacher.
        """
        self.teacher = chosen = get(teacher) if isinstance(teacher, str) else teacher
        super().__init__(
            name or chosen.name, lambda states: [Answer(bytes([move])) for move in chosen.moves(states).tolist()]
        )


class RandomPlayer(FunctionPlayer):
    """Plays UP, RIGHT, DOWN or LEFT, each as often as the others, but never turns back: what skill is measured from."""

    def __init__(self, name: str = "random", seed: int = 0) -> None:
        """Draw each move from `seed` and the state."""
        super().__init__(name, lambda states: _random(states, seed))


def _random(states: States, seed: int) -> list[Answer]:
    answers = []
    for drawn, direction in zip(state_hashes(states).tolist(), states.direction.tolist(), strict=True):
        move = np.random.default_rng([seed, drawn]).choice(forward(direction))
        answers.append(Answer(bytes([int(move)])))
    return answers


def answers_to(player: Player, states: States, *, progress: Advance | None = None) -> list[Answer]:
    """A player's answers to `n` states of one board size, in their order, apart from any game.

    `progress` is moved by each answer when it is there.
    """
    found: dict[int, Answer] = {}
    row_at: dict[int, int] = {}
    free, first = list(range(player.places)), 0
    while len(found) < len(states):
        count = min(len(free), len(states) - first)
        if count:
            taken, free = free[:count], free[count:]
            player.ask(taken, states.take(np.arange(first, first + count)))
            row_at |= dict(zip(taken, range(first, first + count), strict=True))
            first += count
        for place, answer in player.answers():
            found[row_at[place]] = answer
            free.append(place)
            if progress is not None:
                progress()
    return [found[row] for row in range(len(states))]
