"""BFS-SAFE-GREEDY against its rule in plain Python."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from serpentune.game import Ending, Move, State, random_states, states_before
from serpentune.teachers import BFS, BFS_SAFE_GREEDY, play
from tests.teachers.reference import _distance, after, legal_moves, next_cell, safe_moves, tail_steps


def _shortest_paths(state: State, moves: tuple[Move, ...]) -> Iterator[tuple[Move, ...]]:
    """All shortest paths to the apple past a standing body, among those that begin with one of `moves`."""
    first = {move: _distance(state, next_cell(state, state.head, move) or 0) for move in moves}
    known = [length for length in first.values() if length is not None]
    if not known:
        return
    closed = {state.head, *state.body[:-1]}

    def onward(cell: int, left: int) -> Iterator[tuple[Move, ...]]:
        if cell == state.apple:
            yield ()
            return
        for move in (Move.UP, Move.RIGHT, Move.DOWN, Move.LEFT):
            near = next_cell(state, cell, move)
            if near is not None and near not in closed and left > 0 and _distance(state, near) == left - 1:
                for rest in onward(near, left - 1):
                    yield (move, *rest)

    for move, length in first.items():
        if length == min(known):
            for rest in onward(next_cell(state, state.head, move) or 0, length):
                yield (move, *rest)


def _leads_out(state: State, path: tuple[Move, ...]) -> bool:
    """Whether the tail can be reached, or the board is full, after walking this path to the apple."""
    for move in path:
        following = after(state, move)
        assert following is not None
        state = following
    assert state.apple == -1
    return len(state.body) == state.width * state.height or tail_steps(state) is not None


def _wander(state: State) -> tuple[Move, ...]:
    """The safe moves that lead farthest from the apple, and of these the ones with the longest way to the tail."""
    keys = {}
    for move in safe_moves(state):
        following = after(state, move)
        assert following is not None
        x, y = state.xy(following.head)
        to_x, to_y = state.xy(state.apple)
        tail = tail_steps(following) if len(state.body) > 2 and following.apple >= 0 else 0
        keys[move] = (abs(x - to_x) + abs(y - to_y), tail)
    return tuple(move for move, key in keys.items() if key == max(keys.values()))


@pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 5), (6, 4), (7, 6)])
def test_it_follows_its_rule(width: int, height: int) -> None:
    eager = wandering = hopeless = 0
    for state in random_states(500, width, height, seed=9):
        decision = BFS_SAFE_GREEDY.decide(state)
        safe = safe_moves(state)
        if not safe:
            hopeless += 1
            assert decision.path_length is None
            assert decision.equal_moves == legal_moves(state)
            continue
        assert decision.move in safe
        paths = list(_shortest_paths(state, safe))
        good = {path[0] for path in paths if _leads_out(state, path)}
        bad = {path[0] for path in paths if not _leads_out(state, path)}
        if decision.path_length is not None:
            eager += 1
            assert decision.path_length == len(paths[0])
            # Of several paths with one first move it walks one.
            assert good - bad <= set(decision.equal_moves) <= good
            assert decision.move == decision.equal_moves[0]
        else:
            wandering += 1
            assert not good - bad
            if len(paths) == 0 or not any(len(path) == 1 for path in paths):
                assert decision.equal_moves == _wander(state)
    assert min(eager, wandering, hopeless) > 10


@pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 5), (6, 6), (7, 9)])
def test_in_its_own_games_the_tail_can_always_be_reached(width: int, height: int) -> None:
    """And no game ends but by winning or by the step limit."""
    wins = 0
    for record in play(BFS_SAFE_GREEDY, range(12), width, height):
        assert record.ending in (Ending.WIN, Ending.MAX_STEPS_REACHED)
        wins += record.ending == Ending.WIN
        for state in states_before(record, np.arange(len(record.moves))):
            assert len(state.body) == 1 or tail_steps(state) is not None
    assert wins > 0


def test_where_bfs_locks_itself_in_it_does_not() -> None:
    """After the last move of such a game of BFS but a few, there was still a way out."""
    saved = 0
    for record in play(BFS, range(20), 6, 6):
        for state in states_before(record, np.arange(len(record.moves))):
            safe = safe_moves(state)
            if safe and BFS.decide(state).move not in safe:
                assert BFS_SAFE_GREEDY.decide(state).move in safe
                saved += 1
    assert saved > 5


def test_it_wins_most_games_on_small_boards() -> None:
    records = list(play(BFS_SAFE_GREEDY, range(500), 6, 6))
    assert sum(record.ending == Ending.WIN for record in records) > 0.75 * len(records)
