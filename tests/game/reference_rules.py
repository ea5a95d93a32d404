"""A second implementation of the rules in plain Python, to test the kernels against.

Written from the text of the rules (the docstrings of `Limits`, `GameRecord` and `apple_cell`), not from the kernels:
lists, tuples and whole-body searches, as plain as possible. A position is `(x, y)`, `(0, 0)` at the bottom left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from serpentune.game import Ending, Limits, Move

Position = tuple[int, int]

DELTAS = {Move.UP: (0, 1), Move.RIGHT: (1, 0), Move.DOWN: (0, -1), Move.LEFT: (-1, 0)}
OPPOSITES = {Move.UP: Move.DOWN, Move.DOWN: Move.UP, Move.LEFT: Move.RIGHT, Move.RIGHT: Move.LEFT}
SENTINELS = {Move.INVALID_REVERSAL: "reversals", Move.EMPTY: "empties", Move.SOMETHING_IS_WRONG: "wrongs"}


def splitmix64(value: int) -> int:
    """The first output of the SplitMix64 generator with the state `value` (Steele, Lea, Flood 2014)."""
    word = (value + 0x9E3779B97F4A7C15) % 2**64
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def apple_order(seed: int, index: int, width: int, height: int) -> list[Position]:
    """All positions in the order in which apple number `index` of game `seed` prefers them."""
    salt = splitmix64(splitmix64(seed % 2**64) ^ index)
    cells = sorted(range(width * height), key=lambda cell: splitmix64(salt ^ cell))
    return [(cell % width, cell // width) for cell in cells]


class ReferenceGame:
    """One running game; the fields are what the rules speak of."""

    def __init__(self, width: int, height: int, seed: int, limits: Limits | None = None) -> None:
        self.width = width
        self.height = height
        self.seed = seed
        self.limits = limits or Limits()
        self.body: list[Position] = [(width // 2, height // 2)]
        self.direction: Move | None = None
        self.score = 0
        self.steps = 0
        self.steps_since_apple = 0
        self.in_a_row = {"reversals": 0, "empties": 0, "wrongs": 0}
        self.ending = Ending.RUNNING
        self.apples: list[Position] = []
        self.moves: list[Move] = []
        self.apple: Position | None = None
        self._place_apple()

    def _place_apple(self) -> None:
        order = apple_order(self.seed, self.score, self.width, self.height)
        self.apple = next(position for position in order if position not in self.body)
        self.apples.append(self.apple)

    def cell(self, position: Position) -> int:
        """The number of a position."""
        return position[1] * self.width + position[0]

    def cells(self, positions: Iterable[Position]) -> tuple[int, ...]:
        """The numbers of positions."""
        return tuple(self.cell(position) for position in positions)

    def fate(self, move: Move) -> str:
        """What one of the four directions would do: `reversal`, `wall`, `self`, `eat` or `walk`."""
        if self.direction is not None and move == OPPOSITES[self.direction]:
            return "reversal"
        dx, dy = DELTAS[move]
        x, y = self.body[0][0] + dx, self.body[0][1] + dy
        if not (0 <= x < self.width and 0 <= y < self.height):
            return "wall"
        if (x, y) in self.body[:-1]:
            return "self"
        return "eat" if (x, y) == self.apple else "walk"

    def legal(self) -> list[bool]:
        """Which of UP, RIGHT, DOWN, LEFT move the snake and leave it alive."""
        return [self.fate(move) in ("eat", "walk") for move in DELTAS]

    def play(self, move: Move) -> None:
        """Play one entry of a move list."""
        if self.ending != Ending.RUNNING:
            return
        self.moves.append(move)
        if move == Move.NO_PATH_FOUND:
            self.ending = Ending.NO_PATH_FOUND
            return
        self.steps += 1
        self.steps_since_apple += 1
        fate = self.fate(move) if move in DELTAS else SENTINELS[move]
        if fate in ("reversal", "reversals"):
            self._stand_still("reversals")
        elif fate in ("empties", "wrongs"):
            self._stand_still(fate)
        else:
            self.in_a_row = dict.fromkeys(self.in_a_row, 0)
            if fate == "wall":
                self.ending = Ending.WALL
            elif fate == "self":
                self.ending = Ending.SELF
            else:
                self._move(move, eats=fate == "eat")
        if self.ending == Ending.RUNNING:
            self._apply_step_limits()

    def _stand_still(self, why: str) -> None:
        self.in_a_row[why] += 1
        limits = {
            "reversals": self.limits.max_consecutive_invalid_reversals,
            "empties": self.limits.max_consecutive_empty_moves,
            "wrongs": self.limits.max_consecutive_something_is_wrong,
        }
        endings = {
            "reversals": Ending.MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED,
            "empties": Ending.MAX_CONSECUTIVE_EMPTY_MOVES_REACHED,
            "wrongs": Ending.MAX_CONSECUTIVE_SOMETHING_IS_WRONG_REACHED,
        }
        if limits[why] != 0 and self.in_a_row[why] == limits[why]:
            self.ending = endings[why]

    def _move(self, move: Move, *, eats: bool) -> None:
        dx, dy = DELTAS[move]
        self.body.insert(0, (self.body[0][0] + dx, self.body[0][1] + dy))
        self.direction = move
        if not eats:
            self.body.pop()
            return
        self.score += 1
        self.steps_since_apple = 0
        if len(self.body) == self.width * self.height:
            self.apple = None
            self.ending = Ending.WIN
        else:
            self._place_apple()

    def _apply_step_limits(self) -> None:
        per_apple = self.limits.max_steps_per_apple
        if per_apple is None:
            per_apple = 2 * self.width * self.height
        too_long = self.limits.max_steps != 0 and self.steps == self.limits.max_steps
        too_hungry = per_apple != 0 and self.steps_since_apple == per_apple
        if too_long or too_hungry:
            self.ending = Ending.MAX_STEPS_REACHED


def hamiltonian_cycle(width: int, height: int) -> dict[Position, Move]:
    """The move at every position that walks through all of a board with an even side, for ever.

    Along the bottom row to the right, then back in columns (or rows, where only the width is odd).
    """
    if width % 2 != 0:
        turned = hamiltonian_cycle(height, width)
        mirror = {Move.UP: Move.RIGHT, Move.RIGHT: Move.UP, Move.DOWN: Move.LEFT, Move.LEFT: Move.DOWN}
        return {(y, x): mirror[move] for (x, y), move in turned.items()}
    path: list[Position] = [(x, 0) for x in range(width)]
    for x in reversed(range(width)):
        column: Sequence[int] = range(1, height)
        path += [(x, y) for y in (column if (width - 1 - x) % 2 == 0 else reversed(column))]
    moves = {}
    for here, there in zip(path, path[1:] + path[:1], strict=True):
        delta = (there[0] - here[0], there[1] - here[1])
        moves[here] = next(move for move, step in DELTAS.items() if step == delta)
    return moves
