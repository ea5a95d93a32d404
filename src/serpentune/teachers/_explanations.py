"""Floor 2, teachers: the sentences that explain a move, each teacher in its own terms.

Every sentence is written through the table of claims (`_truth`), so that it can be read back and checked. What
it says comes from the decision, the state and the kernels' table of the cycle; the check finds it out without them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from serpentune.game import DIRECTIONS, Move, State, _rules
from serpentune.teachers._cycle import in_order, jump, lay_cycle, step_along, steps_between, takes_shortcuts
from serpentune.teachers._decision import Decision
from serpentune.teachers._kernel import CLOCK, NUMBERS, ROUND, WORK_PER_CELL, Work, begin
from serpentune.teachers._truth import Sentence, Value, split
from serpentune.teachers._truth import claims as say
from serpentune.teachers._truth import claims_cycle as of_cycle
from serpentune.teachers._truth import claims_search as of_search

Reasons: TypeAlias = Callable[[str, State, Decision], list[str]]
"""A teacher's own sentences, three at most, from its name, a state that isn't a trap and its decision there."""

_MOST_REASONS = 3
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def explanation(name: str, reasons: Reasons | None, state: State, decision: Decision, *, short: bool = False) -> str:
    """Two to five sentences: the move, the teacher's reasons, what it means for the tail and for the free cells.

    Args:
        name: the teacher's name.
        reasons: its own sentences, three at most; None for what can be said of any teacher.
        state: the state.
        decision: its answer to that state.
        short: whether to leave out what only counting can tell, along a search, a path or a region.

    Raises:
        ValueError: the answer breaks the contract of `Teacher`: no legal move, or giving up where there is one;
            or its reasons are more than three sentences, as `check_explanation` splits them.
    """
    sentences = _sentences(name, reasons, state, decision)
    if short:
        sentences = [said.short if isinstance(said, Sentence) else said for said in sentences]
    return " ".join(filter(None, sentences))


def _sentences(name: str, reasons: Reasons | None, state: State, decision: Decision) -> list[str]:
    if decision.move not in (decision.legal_moves or (Move.NO_PATH_FOUND,)):
        raise ValueError(f"teacher {name} answered {decision.move.name}, which is not legal in this state")
    if decision.move == Move.NO_PATH_FOUND:
        sentences = [say.gives_up(state.width, teacher=name, head=state.head), *_apple(state, decision)]
        if decision.free_regions:
            sentences.append(_regions(state, decision))
        return sentences
    own = (reasons or _any_teacher)(name, state, decision)
    count = sum(len(split(reason)) for reason in own)
    if count > _MOST_REASONS:
        raise ValueError(f"teacher {name} gives its reasons in {count} sentences, not in {_MOST_REASONS} at most")
    sentences = [_move(name, state, decision), *own, _choice(state, decision)]
    if len(decision.free_regions) > 1 and count < _MOST_REASONS:
        sentences.append(_regions(state, decision))
    return sentences


def after(state: State, move: Move) -> int:
    """The cell where a legal move leads."""
    x, y = state.xy(state.head)
    return (y + _STEPS[move][1]) * state.width + x + _STEPS[move][0]


def _move(name: str, state: State, decision: Decision) -> str:
    beyond = after(state, decision.move)
    sentence = say.eats if beyond == state.apple else say.plays
    return sentence(state.width, teacher=name, move=(decision.move,), head=state.head, next_cell=beyond)


def _apple(state: State, decision: Decision) -> list[str]:
    if decision.distance is not None:
        return [say.apart(state.width, head=state.head, apple=state.apple, distance=decision.distance)]
    if not decision.free_regions:
        return [say.full(state.width, cells=state.width * state.height)]
    return [say.no_apple(state.width)]


def _choice(state: State, decision: Decision) -> str:
    legal, safe, tail = decision.legal_moves, decision.safe_moves, state.body[-1]
    if len(state.body) <= 2:
        return (say.legal if len(legal) > 1 else say.only_legal)(state.width, legal=legal)
    if len(legal) == 1:
        return (say.one_safe if safe else say.one_unsafe)(state.width, legal=legal, tail=tail)
    if safe == legal:
        return say.all_safe(state.width, legal=legal, tail=tail)
    if safe:
        return say.some_safe(state.width, legal=legal, safe=safe, tail=tail)
    return say.none_safe(state.width, legal=legal, tail=tail)


def _regions(state: State, decision: Decision) -> str:
    sizes = decision.free_regions
    if len(sizes) > 1:
        return say.cut(state.width, free=sum(sizes), regions=len(sizes), largest=sizes[0])
    if sizes[0] > 1:
        return say.connected(state.width, free=sizes[0])
    (cell,) = set(range(state.width * state.height)).difference(state.body)
    return say.lone_cell(state.width, cell=cell)


def _any_teacher(name: str, state: State, decision: Decision) -> list[str]:
    sentences = _apple(state, decision)
    if decision.shortest_path is not None:
        sentences.append(say.shortest(state.width, shortest=decision.shortest_path))
    elif decision.distance is not None:
        sentences.append(say.walled_off(state.width))
    return sentences


def _first_legal(name: str, state: State) -> str:
    return say.first_legal(state.width, teacher=name, order=DIRECTIONS)


def _tie(name: str, state: State, decision: Decision) -> str:
    """What other moves begin a path as short, for teachers that take the first in the fixed order."""
    if len(decision.equal_moves) > 1:
        return say.tie_in_order(state.width, teacher=name, equal=decision.equal_moves, order=DIRECTIONS)
    return say.no_tie(state.width, teacher=name, move=decision.equal_moves)


def _found_first(name: str, state: State, decision: Decision) -> str:
    """What other moves begin a path as short, for teachers that take the one found first."""
    if len(decision.equal_moves) > 1:
        return say.tie_found_first(state.width, teacher=name, equal=decision.equal_moves)
    return say.no_tie(state.width, teacher=name, move=decision.equal_moves)


def breadth_first(name: str, state: State, decision: Decision) -> list[str]:
    """BFS: its queue, the length of a shortest path, ties."""
    if decision.distance is None:
        return [*_apple(state, decision), _first_legal(name, state)]
    said: dict[str, Value] = {"teacher": name, "apple": state.apple, "taken": decision.nodes_expanded}
    path = decision.path_length
    if path is None:
        return [of_search.queue_runs_out(state.width, **said), _first_legal(name, state)]
    extra = path - decision.distance
    return [
        of_search.shortest_by_queue(state.width, **said, level=path, path=path),
        of_search.detour(state.width, distance=decision.distance, extra=extra)
        if extra
        else of_search.straight(state.width, distance=decision.distance),
        _tie(name, state, decision),
    ]


def depth_first(name: str, state: State, decision: Decision) -> list[str]:
    """DFS: the path found first, against a shortest one."""
    if decision.distance is None:
        return [*_apple(state, decision), _first_legal(name, state)]
    said: dict[str, Value] = {"teacher": name, "apple": state.apple, "taken": decision.nodes_expanded}
    path, shortest = decision.path_length, decision.shortest_path
    if path is None or shortest is None:
        return [of_search.search_in_vain(state.width, **said), _first_legal(name, state)]
    return [
        of_search.deep(state.width, **said, path=path),
        of_search.longer(state.width, teacher=name, shortest=shortest, extra=path - shortest)
        if path > shortest
        else of_search.none_shorter(state.width, path=path),
    ]


def estimating(name: str, state: State, decision: Decision) -> list[str]:
    """ASTAR: its estimate, and how much longer the path is."""
    if decision.distance is None:
        return [*_apple(state, decision), _first_legal(name, state)]
    said: dict[str, Value] = {"teacher": name, "apple": state.apple, "taken": decision.nodes_expanded}
    path = decision.path_length
    if path is None:
        return [of_search.search_in_vain(state.width, **said), _first_legal(name, state)]
    extra = path - decision.distance
    return [
        of_search.estimated(state.width, **said, estimate=decision.distance, path=path),
        of_search.above_estimate(state.width, teacher=name, extra=extra)
        if extra
        else of_search.as_estimated(state.width, path=path),
        _found_first(name, state, decision),
    ]


def safe_greedy(name: str, state: State, decision: Decision) -> list[str]:
    """BFS-SAFE-GREEDY: whether the tail can be reached, now and behind the path."""
    if not decision.safe_moves:
        return [say.lost(state.width, teacher=name, order=DIRECTIONS)]
    path = decision.path_length
    if path is not None:
        said: dict[str, Value] = {"teacher": name, "apple": state.apple, "taken": decision.nodes_expanded}
        return [
            of_search.safe_by_queue(state.width, **said, level=path),
            of_search.safe_after_path(state.width, teacher=name, path=path),
            _tie(name, state, decision),
        ]
    equal = decision.equal_moves
    tie = [of_search.equally_good(state.width, teacher=name, equal=equal, order=DIRECTIONS)] if len(equal) > 1 else []
    if decision.distance is None:
        far = of_search.wanders_without_apple(state.width, teacher=name, equal=equal)
        return [*_apple(state, decision), far, *tie]
    return [
        of_search.no_safe_path(state.width, teacher=name, apple=state.apple),
        of_search.wanders(state.width, teacher=name, equal=equal),
        *tie,
    ]


@dataclass(frozen=True)
class _Cycle:
    """The kernels' table of the cycle of one board size."""

    work: Work
    numbers: list[int]
    round: int

    def steps(self, start: int, stop: int) -> int:
        return steps_between(self.work, len(self.numbers), start, stop)

    def along(self, state: State) -> Move:
        return Move(step_along(self.work, len(self.numbers), state.head, state.apple))

    def jumps(self, state: State) -> bool:
        """Whether the body lies in order and a step ahead is possible."""
        back = 4 if state.direction is None else (state.direction + 2) % 4
        cells = len(self.numbers)
        return self.in_order(state) and (
            jump(self.work, cells, state.head, back, state.body[-1], state.apple, len(state.body)) >= 0
        )

    def in_order(self, state: State) -> bool:
        ring = np.zeros(len(self.numbers), np.int16)
        ring[: len(state.body)] = state.body
        counters = np.zeros(_rules.COUNTERS, np.int64)
        counters[_rules.LENGTH] = len(state.body)
        return in_order(ring, counters, self.work)


@lru_cache(maxsize=64)
def _cycle(width: int, height: int) -> _Cycle:
    cells = width * height
    work = np.zeros(WORK_PER_CELL * cells, np.int32)
    begin(work, width, height)
    lay_cycle(work, width, height)
    return _Cycle(work, work[NUMBERS * cells : (NUMBERS + 1) * cells].tolist(), int(work[CLOCK * cells + ROUND]))


def hamiltonian(name: str, state: State, decision: Decision) -> list[str]:
    """HAMILTONIAN: its place on the cycle, the next cell, how far ahead the apple lies."""
    cycle = _cycle(state.width, state.height)
    move = cycle.along(state)
    beyond = after(state, move)
    sentences = [
        of_cycle.on_cycle(
            state.width,
            round=cycle.round,
            number=cycle.numbers[state.head],
            next_cell=beyond,
            next_number=cycle.numbers[beyond],
        )
    ]
    if move not in decision.legal_moves:
        return [*sentences, of_cycle.along_illegal(state.width, along=(move,)), _first_legal(name, state)]
    if decision.distance is None:
        return [*sentences, *_apple(state, decision)]
    path = decision.path_length
    ahead = cycle.steps(state.head, state.apple)
    return [
        *sentences,
        of_cycle.apple_on_cycle(state.width, apple=state.apple, number=cycle.numbers[state.apple], ahead=ahead),
        of_cycle.way_blocked(state.width, teacher=name)
        if path is None
        else of_cycle.way_free(state.width, teacher=name, path=path),
    ]


def shortcut(name: str, state: State, decision: Decision) -> list[str]:
    """HAMILTONIAN-SHORTCUT: the jump, and what it doesn't pass; out of order, the rule of care that gave the move."""
    cycle = _cycle(state.width, state.height)
    if not cycle.jumps(state):
        if cycle.in_order(state):
            return [of_cycle.no_step_ahead(state.width, teacher=name), *_careful(name, state, decision)]
        return [of_cycle.out_of_order(state.width), *_careful(name, state, decision)]
    skipped = cycle.steps(state.head, after(state, decision.move)) - 1
    number = cycle.numbers[after(state, decision.move)]
    sentences = [
        _order(cycle, state),
        of_cycle.jumps(state.width, teacher=name, number=number, skipped=skipped)
        if skipped
        else of_cycle.steps_on(state.width, teacher=name, number=number),
    ]
    cells, length = state.width * state.height, len(state.body)
    if not takes_shortcuts(length, cells):
        sentences.append(of_cycle.long_snake(state.width, teacher=name, length=length, cells=cells))
    elif decision.path_length is not None:
        sentences.append(of_cycle.jumps_to_apple(state.width, teacher=name, path=decision.path_length))
    return sentences


def _order(cycle: _Cycle, state: State) -> str:
    said: dict[str, Value] = {
        "round": cycle.round,
        "number": cycle.numbers[state.head],
        "tail_number": cycle.numbers[state.body[-1]],
        "gap": cycle.steps(state.head, state.body[-1]),
    }
    if state.apple < 0:
        return of_cycle.order(state.width, **said)
    number, ahead = cycle.numbers[state.apple], cycle.steps(state.head, state.apple)
    return of_cycle.order_with_apple(state.width, **said, apple=state.apple, apple_number=number, ahead=ahead)


def _careful(name: str, state: State, decision: Decision) -> list[str]:
    along = _cycle(state.width, state.height).along(state)
    if along in decision.safe_moves:
        return [of_cycle.careful_along(state.width, teacher=name)]
    if decision.safe_moves:
        return [of_cycle.careful(state.width, teacher=name, along=(along,), order=DIRECTIONS)]
    if along in decision.legal_moves:
        return [of_cycle.lost_along(state.width, teacher=name)]
    return [
        of_cycle.along_illegal(state.width, along=(along,)),
        say.lost(state.width, teacher=name, order=DIRECTIONS),
    ]


def breadth_first_in_order(name: str, state: State, decision: Decision) -> list[str]:
    """BFS-HAMILTONIAN: its queue in the cycle's order; without such a path, the words of HAMILTONIAN-SHORTCUT."""
    path = decision.path_length
    if path is None or not decision.nodes_expanded:
        return shortcut(name, state, decision)
    said: dict[str, Value] = {"teacher": name, "apple": state.apple, "taken": decision.nodes_expanded}
    return [
        _order(_cycle(state.width, state.height), state),
        of_search.ordered_by_queue(state.width, **said, level=path, path=path),
        _tie(name, state, decision) if len(decision.equal_moves) > 1 else _cycle_itself(name, state, path),
    ]


def estimating_in_order(name: str, state: State, decision: Decision) -> list[str]:
    """ASTAR-HAMILTONIAN: its estimate in the cycle's order; without such a path, the words of HAMILTONIAN-SHORTCUT."""
    path = decision.path_length
    if path is None or not decision.nodes_expanded or decision.distance is None:
        return shortcut(name, state, decision)
    said: dict[str, Value] = {"teacher": name, "apple": state.apple, "taken": decision.nodes_expanded}
    return [
        _order(_cycle(state.width, state.height), state),
        of_search.ordered_by_estimate(state.width, **said, estimate=decision.distance, path=path),
        _found_first(name, state, decision) if len(decision.equal_moves) > 1 else _cycle_itself(name, state, path),
    ]


def _cycle_itself(name: str, state: State, path: int) -> str:
    ahead = _cycle(state.width, state.height).steps(state.head, state.apple)
    if ahead == path:
        return of_cycle.cycle_as_short(state.width, teacher=name)
    return of_cycle.cycle_itself(state.width, teacher=name, ahead=ahead, saved=ahead - path)


def cell(name: str, state: State, decision: Decision) -> list[str]:
    """CELL: its streets, and the way to the apple or to what eating it would cut off."""
    width, height = state.width, state.height
    if width % 2 == 1 or height % 2 == 1:
        blocks = of_cycle.no_blocks(width, teacher=name, columns=width, rows=height, model="HAMILTONIAN-SHORTCUT")
        # Of three sentences the first only says where the snake lies; the others hold the rule and why it applies.
        return [blocks, *shortcut(name, state, decision)[-2:]]
    if decision.distance is None:
        return [*_apple(state, decision), _first_legal(name, state)]
    if not decision.nodes_expanded:
        return [of_cycle.no_street(width, teacher=name, head=state.head), *_careful(name, state, decision)]
    x, y = state.xy(state.head)
    stay, leave = _STREETS[y % 2][x % 2]
    street = of_cycle.stays if decision.move == stay else of_cycle.leaves
    sentences = [street(width, teacher=name, head=state.head, stay=(stay,), leave=(leave,))]
    if decision.goal is not None:
        return [*sentences, of_cycle.detour_to(width, teacher=name, apple=state.apple, goal=decision.goal)]
    if decision.path_length is None:
        return [*sentences, of_cycle.no_street_to_apple(width, teacher=name, apple=state.apple)]
    way = of_cycle.nothing_cut_off(width, teacher=name, apple=state.apple, path=decision.path_length)
    return [*sentences, way]


_STREETS = (
    ((Move.RIGHT, Move.DOWN), (Move.UP, Move.RIGHT)),
    ((Move.DOWN, Move.LEFT), (Move.LEFT, Move.UP)),
)
"""`_STREETS[y % 2][x % 2]`: the move that stays in the block, and the one that leaves it."""
