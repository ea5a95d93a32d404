"""Floor 2, teachers: what is true of a state, in plain Python, apart from the teachers' kernels.

Explanations are held against this. So nothing here calls a kernel, and what a teacher's search did is found out by
doing it once more, as its documentation says.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from serpentune.game import DIRECTIONS, Move, State

STEPS = {Move.UP: (0, 1), Move.RIGHT: (1, 0), Move.DOWN: (0, -1), Move.LEFT: (-1, 0)}


How = Literal[
    "trapped",
    "first legal",
    "path",
    "along",
    "jump",
    "safe along",
    "safe",
    "lost along",
    "lost",
    "far",
    "goal",
    "block",
    "other",
]
"""The rule of a teacher that gave its move; of a teacher that isn't ours, none is known."""

CAREFUL: tuple[How, ...] = ("safe along", "safe", "lost along", "lost")
"""The rules of the cycle's teachers where the cycle's order gives no move."""


@dataclass(frozen=True)
class Answer:
    """What a teacher does in a state, and why.

    Attributes:
        move: its move.
        how: which of its rules gave the move.
        path: moves to the apple along its path, or None.
        taken: cells that its search took up.
        equal: the moves that it holds equally good, in the fixed order.
        goal: the cell where it goes before the apple, or None.
    """

    move: Move
    how: How
    path: int | None = None
    taken: int = 0
    equal: tuple[Move, ...] = ()
    goal: int | None = None


@lru_cache(maxsize=64)
def _beside(width: int, height: int) -> tuple[tuple[dict[Move, int], ...], tuple[tuple[int, ...], ...]]:
    """For each cell the cells beside it: by the move that leads there, and all of them in the fixed order."""
    by_move = []
    for cell in range(width * height):
        x, y = cell % width, cell // width
        near = {move: (x + dx, y + dy) for move, (dx, dy) in STEPS.items()}
        by_move.append({m: b * width + a for m, (a, b) in near.items() if 0 <= a < width and 0 <= b < height})
    return tuple(by_move), tuple(tuple(near.values()) for near in by_move)


class Board:
    """A state and what is true of it, each found when it is first asked for.

    Attributes:
        state: the state.
        cells: cells of the board.
        head: the head's cell.
        tail: the tail's cell.
        apple: the apple's cell, or None.
        moves: for each cell, the cell beyond each move that doesn't lead off the board.
        around: for each cell, the cells beside it.

    Args:
        state: a state of the rules.
        rules: for the name of each teacher that may be asked for, what it does on a board.
    """

    def __init__(self, state: State, rules: Mapping[str, Callable[[Board], Answer]]) -> None:
        self.state = state
        self.cells = state.width * state.height
        self.head = state.body[0]
        self.tail = state.body[-1]
        self.apple = state.apple if state.apple >= 0 else None
        self.moves, self.around = _beside(state.width, state.height)
        self._rules = rules
        self._answers: dict[str, Answer] = {}

    def xy(self, cell: int) -> tuple[int, int]:
        """The `(x, y)` of a cell."""
        return self.state.xy(cell)

    @cached_property
    def body(self) -> frozenset[int]:
        """The snake's cells."""
        return frozenset(self.state.body)

    @cached_property
    def closed(self) -> frozenset[int]:
        """The cells that no path passes while the body stands still: all of it but the tail, which moves away."""
        return frozenset((self.head, *self.state.body[:-1]))

    @cached_property
    def legal(self) -> tuple[Move, ...]:
        """The legal moves."""
        back = None if self.state.direction is None else (self.state.direction + 2) % 4
        blocked = frozenset(self.state.body[:-1])
        return tuple(move for move, cell in self.moves[self.head].items() if move != back and cell not in blocked)

    @cached_property
    def safe(self) -> tuple[Move, ...]:
        """The legal moves after which free cells lead from the head to the tail."""
        return tuple(move for move in self.legal if self.steps_to_tail(move) is not None)

    def steps_to_tail(self, move: Move) -> int | None:
        """Steps from head to tail after a legal move; 0 where the snake has one or two cells or fills the board."""
        cell = self.moves[self.head][move]
        eats = cell == self.apple
        body = (cell, *self.state.body) if eats else (cell, *self.state.body[:-1])
        if len(body) <= 2 or (eats and len(body) == self.cells):
            return 0
        return self.way(cell, body[-1], frozenset(body[:-1]))

    def spread(self, source: int, closed: Container[int]) -> dict[int, int]:
        """The steps to every cell that can be reached from `source` without entering `closed`, nearest first."""
        steps = {source: 0}
        for cell in (queue := [source]):
            reach = steps[cell] + 1
            for near in self.around[cell]:
                if near not in steps and near not in closed:
                    steps[near] = reach
                    queue.append(near)
        return steps

    def way(self, source: int, goal: int, closed: Container[int]) -> int | None:
        """The steps of a shortest way, or None."""
        steps = {source: 0}
        for cell in (queue := [source]):
            reach = steps[cell] + 1
            for near in self.around[cell]:
                if near == goal:
                    return reach
                if near not in steps and near not in closed:
                    steps[near] = reach
                    queue.append(near)
        return None

    @cached_property
    def distance(self) -> int | None:
        """Columns plus rows from head to apple."""
        return self.distance_from(self.head)

    def distance_from(self, cell: int) -> int | None:
        """Columns plus rows from a cell to the apple; None without apple."""
        if self.apple is None:
            return None
        (x, y), (to_x, to_y) = self.xy(cell), self.xy(self.apple)
        return abs(x - to_x) + abs(y - to_y)

    @cached_property
    def from_apple(self) -> dict[int, int]:
        """The steps from the apple to the cells that it can be reached from, past a body that stands still."""
        return {} if self.apple is None else self.spread(self.apple, self.closed)

    def begins(self, choice: Iterable[Move]) -> tuple[int | None, tuple[Move, ...]]:
        """The length of a shortest path to the apple that begins with one of `choice`, and all of them that do."""
        cells = self.moves[self.head]
        lengths = {m: self.from_apple[cells[m]] + 1 for m in choice if cells[m] in self.from_apple}
        least = min(lengths.values(), default=None)
        return least, tuple(move for move in DIRECTIONS if lengths.get(move, 0) == least)

    @cached_property
    def shortest(self) -> int | None:
        """Moves of a shortest path to the apple past a body that stands still."""
        return self.begins(self.legal)[0]

    @cached_property
    def regions(self) -> tuple[int, ...]:
        """Sizes of the connected regions of free cells, largest first."""
        left = set(range(self.cells)) - self.body
        sizes = []
        while left:
            region = self.spread(next(iter(left)), self.body)
            left.difference_update(region)
            sizes.append(len(region))
        return tuple(sorted(sizes, reverse=True))

    def answer(self, name: str) -> Answer | None:
        """What the teacher of that name does here, by the rules given; None for a name that they don't hold."""
        if name not in self._answers and name in self._rules:
            self._answers[name] = self._rules[name](self)
        return self._answers.get(name)


def first_legal(board: Board, taken: int = 0, how: How = "first legal") -> Answer:
    """The answer of a teacher that knows nothing better; of every teacher, where the snake is trapped."""
    if not board.legal:
        return Answer(Move.NO_PATH_FOUND, "trapped", None, taken)
    return Answer(board.legal[0], how, None, taken, board.legal)
