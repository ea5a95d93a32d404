"""Floor 2, teachers: what a teacher is, and how it is asked for a move."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.game import DIRECTIONS, Move, State, States, _rules
from serpentune.game._jit import kernel
from serpentune.teachers._decision import Decision
from serpentune.teachers._explanations import Reasons, explanation
from serpentune.teachers._facts import NONE, board_facts, check_states
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    EQUAL_MOVES,
    FACTS,
    GOAL,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    WANTED,
    WORK_PER_CELL,
    Choose,
)
from serpentune.teachers._noise import NOISY, PLAYER
from serpentune.teachers._plans import compiled_plans, python_plans


class Promise(Enum):
    """What a teacher may promise for its games from the start, on every board, the default limits given."""

    NEVER_DIES = "never dies"
    """It never runs into a wall or itself and never gives up; a game may end by the step limit."""

    FILLS_THE_BOARD = "fills the board"
    """It wins every game."""


_MOVES = tuple(tuple(move for move in DIRECTIONS if mask & (1 << move)) for mask in range(16))
"""The moves of each mask, in the fixed order."""


class BrokenTeacher(UserError, ValueError):
    """A teacher's Python function broke its contract: it raised, or answered with what is no answer."""


@dataclass(frozen=True)
class Teacher:
    """A heuristic that answers every state with one move.

    The contract, which every registered teacher is tested against:

    * The answer is a **function of the visible state** (board size, body, apple, direction): no hidden plan, no clock,
      no randomness. What is equally good is ordered UP, RIGHT, DOWN, LEFT.
    * It answers **any legal state**, also one that it would never reach, so that it can label a student's game. On a
      full board there is no apple (-1).
    * It returns UP, RIGHT, DOWN or LEFT, and that move is **legal whenever a legal move exists**: no wall, no body, no
      reversal. The cell that the tail is leaving is free. It returns `Move.NO_PATH_FOUND` when, and only when, no
      legal move exists; that gives the game up.
    * `path_length` is the number of moves to the apple along the path that it would take if the body moved only as its
      own steps make it move, or none where it has no path.
    * `equal_moves` holds the returned move and those that the teacher has reason to hold just as good: all legal moves
      where it knows nothing better than to move legally.

    Attributes:
        name: what users type, in capitals.
        summary: one line for tables.
        guarantee: what it promises and why, and what it doesn't.
        kernel: a Numba function compiled with the signature `CHOOSE_TYPE`; fast. Either this one
        function: or a Python function from state to move; slow, and its decisions carry no facts of a search.
        promises: the part of the guarantee that the tests hold against its games, for every teacher alike.
        reasons: from its name, a state in which it can move and its decision there, the sentences of an explanation
            that are its own, three at most; None for those that fit any teacher.
        symmetric: its answer to the image of a state is the image of its answer, for every symmetry of the board, in
            every state that isn't its own image under one of them (where it is, there may be no legal move that is its
            own image too). None of ours is: ties go in the fixed order UP, RIGHT, DOWN, LEFT, and cycles and streets
            are laid in one way. A mirrored answer of theirs may be a label that they don't give (docs/symmetries.md).

    Raises:
        ValueError: the name is empty, not in capitals, ends as that of a player with random moves does (`NOISY`), or
            stands for whoever played (`PLAYER`); not exactly one of `kernel` and `function` is given.
        TypeError: `kernel` is not compiled with `CHOOSE_TYPE`.
    """

    name: str
    summary: str
    guarantee: str
    kernel: Choose | None = None
    function: Callable[[State], Move] | None = None
    promises: frozenset[Promise] = frozenset()
    reasons: Reasons | None = None
    symmetric: bool = False

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip().upper():
            raise ValueError(f"a teacher's name is in capitals, not {self.name!r}")
        if self.name.endswith(NOISY):
            raise ValueError(f"a name that ends in {NOISY} is for games with random moves, not {self.name!r}")
        if self.name == PLAYER.upper():
            raise ValueError(f"the name {self.name} stands for whichever teacher played a game")
        if (self.kernel is None) == (self.function is None):
            raise ValueError(f"teacher {self.name} needs either a kernel or a Python function")
        if self.kernel is not None and CHOOSE_TYPE.args not in getattr(self.kernel, "signatures", ()):
            raise TypeError(f"the kernel of teacher {self.name} must be compiled with @numba.njit(CHOOSE_TYPE)")

    def decide(self, state: State) -> Decision:
        """The move in one state, with its facts.

        Raises:
            UserError: the board is outside the rules.
            ValueError: no state of the rules (a cell outside the board, a body without a cell), or a Python function
                answered with something else than a direction or `NO_PATH_FOUND`.
        """
        return self.decisions(States.stack([state]))[0]

    def decisions(self, states: States) -> list[Decision]:
        """The moves in many states of one board size, with their facts.

        Raises:
            UserError: as `decide`.
            ValueError: as `decide`.
        """
        if self.kernel is None:
            answers = self.moves(states)
            moves = answers.tolist()
            asked = [(NO_PATH, 0, mask, 0, _rules.NO_CELL) for mask in _only(answers).tolist()]
        else:
            codes, facts = self._ask(self.kernel, states, wanted=True)
            moves, asked = codes.tolist(), facts.tolist()
        board = board_facts(states)
        regions = -np.sort(-board.regions, axis=1)
        found = np.count_nonzero(regions, axis=1).tolist()
        return [
            Decision(
                Move(move),
                _unless(NO_PATH, own[PATH_LENGTH]),
                own[NODES_EXPANDED],
                _MOVES[own[EQUAL_MOVES]],
                _MOVES[legal],
                _MOVES[safe],
                _unless(NONE, distance),
                _unless(NONE, shortest),
                tuple(regions[row, : found[row]].tolist()),
                _unless(_rules.NO_CELL, own[GOAL]),
            )
            for row, (move, own, legal, safe, distance, shortest) in enumerate(
                zip(
                    moves,
                    asked,
                    board.legal.tolist(),
                    board.safe.tolist(),
                    board.distance.tolist(),
                    board.shortest.tolist(),
                    strict=True,
                )
            )
        ]

    def explain(self, state: State, decision: Decision | None = None, *, short: bool = False) -> str:
        """Why it moves as it does: two to five sentences, all of whose claims `check_explanation` can check.

        Args:
            state: the state.
            decision: what `decide` answers to it, for whoever has that already.
            short: whether to leave out what only counting along a search, a path or a region can tell. What the text
                itself derives stays, and so do sentences of a teacher from outside.

        Raises:
            UserError: as `decide`.
            ValueError: as `decide`; or the answer is not legal in this state, against the contract; or `reasons` makes
                more than three sentences.
        """
        return explanation(self.name, self.reasons, state, decision or self.decide(state), short=short)

    def moves(self, states: States) -> NDArray[np.int8]:
        """The `Move` code for each state, int8 `(n,)`.

        Raises:
            UserError: as `decide`.
            ValueError: as `decide`.
        """
        if self.kernel is not None:
            return self._ask(self.kernel, states, wanted=False)[0]
        check_states(states)
        return np.array([self._answer(state) for state in states], np.int8)

    def choices(self, states: States) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        """The moves in many states of one board size, and those that the teacher holds equally good.

        What `decisions` gives as `move` and `equal_moves`, as arrays and without the other facts.

        Returns:
            The `Move` codes, int8 `(n,)`; and masks, int64 `(n,)`: bit `1 << direction` for each equally good move, the
            chosen one among them, and 0 where the snake is trapped.

        Raises:
            UserError: as `decide`.
            ValueError: as `decide`.
        """
        if self.kernel is not None:
            moves, facts = self._ask(self.kernel, states, wanted=True)
            return moves, facts[:, EQUAL_MOVES]
        moves = self.moves(states)
        return moves, _only(moves)

    def plans(self, states: States) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The teacher's moves from each of many states of one board size until the apple is eaten, on this thread.

        Returns:
            `Move` codes, uint8, one plan after another; and where each begins, int64 `(n + 1,)`. A plan is empty where
            the apple isn't reached: there is none, the teacher dies or gives up before, or circles, as the step limit
            of the rules has it (`Limits.max_steps_per_apple`).

        Raises:
            UserError: as `decide`.
            ValueError: as `decide`.
        """
        check_states(states)
        if self.kernel is not None:
            return compiled_plans(self.kernel, states)
        return python_plans(self._answer, states)

    def _ask(self, choose: Choose, states: States, *, wanted: bool) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        check_states(states)
        moves = np.empty(len(states), np.int8)
        facts = np.empty((len(states), FACTS), np.int64)
        _decide(
            choose,
            np.ascontiguousarray(states.body, np.int16),
            np.ascontiguousarray(states.length, np.int64),
            np.ascontiguousarray(states.apple, np.int64),
            np.ascontiguousarray(states.direction, np.int64),
            states.width,
            states.height,
            wanted,
            moves,
            facts,
        )
        return moves, facts

    def _answer(self, state: State) -> int:
        assert self.function is not None
        try:
            answer = self.function(state)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            raise BrokenTeacher(
                f"teacher {self.name} failed on a state ({type(error).__name__}: {error}; {place.filename}, line "
                f"{place.lineno}). Mend it."
            ) from error
        if answer not in DIRECTIONS and answer != Move.NO_PATH_FOUND:
            raise BrokenTeacher(
                f"teacher {self.name} answered {answer!r}; it may answer a direction or NO_PATH_FOUND. Mend it."
            )
        return int(answer)


def _only(moves: NDArray[np.int8]) -> NDArray[np.int64]:
    """Masks with nothing but the given moves in them; 0 for `NO_PATH_FOUND`."""
    return 1 << moves.astype(np.int64) & 15


def _unless(missing: int, value: int) -> int | None:
    return None if value == missing else value


_INT_ROWS = types.int64[:, ::1]


@kernel(
    types.void(
        types.FunctionType(CHOOSE_TYPE),
        types.int16[:, ::1],
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64,
        types.int64,
        types.boolean,
        types.int8[::1],
        _INT_ROWS,
    )
)
def _decide(
    choose: Choose,
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
    width: int,
    height: int,
    wanted: bool,
    moves: NDArray[np.int8],
    facts: NDArray[np.int64],
) -> None:
    cells = width * height
    occupied = np.zeros(cells, np.uint8)
    counters = np.zeros(_rules.COUNTERS, np.int64)
    work = np.zeros(WORK_PER_CELL * cells, np.int32)
    for row in range(moves.shape[0]):
        for place in range(length[row]):
            occupied[body[row, place]] = 1
        counters[_rules.LENGTH] = length[row]
        counters[_rules.APPLE] = apple[row]
        counters[_rules.DIRECTION] = direction[row]
        facts[row, WANTED] = wanted
        facts[row, GOAL] = _rules.NO_CELL
        moves[row] = choose(body[row], occupied, counters, width, height, work, facts[row])
        for place in range(length[row]):
            occupied[body[row, place]] = 0
