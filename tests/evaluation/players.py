"""Players whose answers are known beforehand."""

from __future__ import annotations

from collections.abc import Callable

from serpentune.evaluation import FunctionPlayer
from serpentune.game import Move, State, States, letters
from serpentune.teachers import get


class Scripted(FunctionPlayer):
    """Answers each state by a function, and remembers what it was asked."""

    def __init__(self, answer: Callable[[State], str], name: str = "scripted", places: int = 256) -> None:
        super().__init__(name, self._all, places)
        self.asked: list[State] = []
        self._answer = answer

    def _all(self, states: States) -> list[str]:
        self.asked += states
        return [self._answer(state) for state in states]


def after(state: State, move: Move) -> State:
    """The state after a legal move that eats nothing, written apart from the rules."""
    dx, dy = ((0, 1), (1, 0), (0, -1), (-1, 0))[move]
    x, y = state.xy(state.head)
    head = (y + dy) * state.width + x + dx
    return State(state.width, state.height, (head, *state.body[:-1]), state.apple, move)


def plan(teacher: str, *, most: int = 10_000) -> Callable[[State], str]:
    """A teacher's moves to the apple, or as far as it gets, as text."""

    def answer(state: State) -> str:
        moves: list[Move] = []
        while len(moves) < most:
            move = get(teacher).decide(state).move
            if move == Move.NO_PATH_FOUND:
                break
            moves.append(move)
            state = after(state, move)
            if state.head == state.apple:
                break
        return " " + " ".join(letters(bytes(moves)))

    return answer
