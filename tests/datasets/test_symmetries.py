from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.datasets.symmetries import (
    MOVE_TABLE,
    SYMMETRIES,
    agreements,
    all_along,
    board_symmetries,
    cell_table,
    inverse,
    state_hashes,
    transformed,
    transformed_moves,
)
from serpentune.game import DIRECTIONS, GameRecord, Move, State, States, random_states, states_before, verify
from serpentune.teachers import Teacher, play
from tests.teachers.reference import after, image, image_of_move, legal_moves, next_cell, symmetries

BOARDS = [(4, 4), (5, 5), (7, 7), (10, 10), (7, 9), (9, 7), (4, 50)]

boards = pytest.mark.parametrize(("width", "height"), BOARDS)


def all_images(states: States) -> list[States]:
    return [transformed(states, symmetry) for symmetry in board_symmetries(states.width, states.height)]


def seen(states: States) -> list[bytes]:
    """Each state as bytes, equal where a player sees the same."""
    columns = (states.body, states.apple[:, None], states.direction[:, None])
    rows = np.concatenate([column.astype(np.int16) for column in columns], axis=1)
    return [row.tobytes() for row in rows]


def same(one: States, other: States) -> bool:
    return (one.width, one.height) == (other.width, other.height) and seen(one) == seen(other)


def without_body(width: int, height: int) -> States:
    """The starts of all games on a board, with every direction that a snake of one cell may have."""
    center = (height // 2) * width + width // 2
    return States.stack(
        [
            State(width, height, (center,), apple, direction)
            for apple in range(width * height)
            if apple != center
            for direction in (None, *DIRECTIONS)
        ]
    )


def test_names_say_what_the_symmetries_do() -> None:
    assert symmetries(5, 5) == SYMMETRIES
    for width, height in BOARDS:
        assert [SYMMETRIES[place] for place in board_symmetries(width, height)] == [*symmetries(width, height)]
        states = random_states(40, width, height, seed=1)
        for place, name in enumerate(symmetries(width, height)):
            assert list(transformed(states, place)) == [image(state, name) for state in states]
    for (place, name), move in product(enumerate(SYMMETRIES), DIRECTIONS):
        assert MOVE_TABLE[place, move] == image_of_move(move, name)


@boards
def test_they_are_a_group(width: int, height: int) -> None:
    table = cell_table(width, height)
    places = board_symmetries(width, height)
    assert len({row.tobytes() for row in table}) == len(table) == len(places)
    for first, second in product(places, repeat=2):
        cells = table[second][table[first]]
        (both,) = (place for place in places if (table[place] == cells).all())
        np.testing.assert_array_equal(MOVE_TABLE[second][MOVE_TABLE[first]], MOVE_TABLE[both])
        assert (both == 0) == (second == inverse(first))
    assert inverse(np.array(places)).tolist() == [inverse(place) for place in places]


@boards
def test_every_state_may_have_a_symmetry_of_its_own(width: int, height: int) -> None:
    states = random_states(500, width, height, seed=2)
    chosen = np.random.default_rng(0).integers(0, len(board_symmetries(width, height)), len(states))
    images = transformed(states, chosen)
    for symmetry, whole in enumerate(all_images(states)):
        own = np.flatnonzero(chosen == symmetry)
        assert len(own) > 0
        assert same(images.take(own), whole.take(own))
    assert same(transformed(images, inverse(chosen)), states)
    assert same(transformed(states, 0), states)


@boards
def test_a_move_and_a_symmetry_may_change_places(width: int, height: int) -> None:
    states = list(random_states(60, width, height, seed=3))
    for place, name in enumerate(symmetries(width, height)):
        for state, turned in zip(states, transformed(States.stack(states), place), strict=True):
            legal = np.array(legal_moves(state), np.uint8)
            assert sorted(transformed_moves(legal, place).tolist()) == [*legal_moves(turned)]
            for move in DIRECTIONS:
                played, turned_and_played = after(state, move), after(turned, Move(MOVE_TABLE[place, move]))
                assert turned_and_played == (image(played, name) if played else None)


@pytest.mark.parametrize("symmetry", range(8))
def test_the_image_of_a_game_is_a_game(symmetry: int) -> None:
    """On a board with odd sides, where the start is its own image."""
    game = next(iter(play(teachers.CELL, [5], 7, 7)))
    codes = np.frombuffer(game.moves, np.uint8)
    mirrored = GameRecord(
        player=game.player,
        width=7,
        height=7,
        moves=transformed_moves(codes, symmetry).tobytes(),
        apples=tuple(cell_table(7, 7)[symmetry][list(game.apples)].tolist()),
        ending=game.ending,
        score=game.score,
        steps=game.steps,
    )
    assert verify(mirrored) is None
    places = np.arange(len(codes) + 1)
    assert same(states_before(mirrored, places), transformed(states_before(game, places), symmetry))


def test_sentinels_are_their_own_images() -> None:
    codes = np.arange(8, dtype=np.uint8)
    for symmetry in range(8):
        assert transformed_moves(codes, symmetry)[4:].tolist() == [4, 5, 6, 7]
    each = transformed_moves(np.zeros(8, np.uint8), np.arange(8))
    assert each.dtype == np.uint8
    assert each.tolist() == [Move.UP, Move.UP, Move.DOWN, Move.DOWN, Move.RIGHT, Move.LEFT, Move.RIGHT, Move.LEFT]


def test_what_is_not_there_stays_away() -> None:
    full = State(4, 4, (0, 4, 8, 12, 13, 14, 15, 11, 7, 3, 2, 6, 10, 9, 5, 1), -1, Move.DOWN)
    for states in (States.stack([full]), States.stack([State(4, 4, (10,), -1, None)])):
        for turned in all_images(states):
            assert turned.apple.tolist() == [-1]
            assert (turned.direction >= 0).tolist() == (states.direction >= 0).tolist()


def test_none_is_answered_with_none() -> None:
    none = States.empty(0, 6, 6)
    assert len(transformed(none, 3)) == len(state_hashes(none)) == len(state_hashes(none, symmetric=True)) == 0
    assert agreements(teachers.BFS, none, np.empty(0, np.uint8)).shape == (0, 8)
    assert all_along(np.empty((0, 8), np.bool_), np.empty(0, np.int64), np.empty(0, np.int64)).shape == (0, 8)


def test_states_of_no_board_are_refused() -> None:
    for state in (
        State(6, 6, (36,), 0, None),
        State(6, 6, (-1,), 0, None),
        State(6, 6, (0,), 36, None),
        State(6, 6, (), 3, None),
    ):
        states = States.stack([State(6, 6, (0,), 3, None), state])
        for refusing in (lambda states=states: transformed(states, 1), lambda states=states: state_hashes(states)):
            with pytest.raises(ValueError, match="state 1 is no state of a 6x6 board"):
                refusing()
    with pytest.raises(ValueError, match="state 0 is no state"):
        transformed(States.stack([State(6, 6, (0, 1, 36), 3, Move.LEFT)]), 1)
    with pytest.raises(ValueError, match="state 0 is no state"):
        state_hashes(States.stack([State(6, 6, (0, 1, 3), 8, Move.LEFT)]))
    with pytest.raises(ValueError, match="symmetries 0 to 3 only"):
        transformed(random_states(3, 7, 9, seed=0), np.array([0, 4, 1]))
    with pytest.raises(ValueError, match="symmetries 0 to 7 only"):
        transformed(random_states(3, 9, 9, seed=0), -1)
    with pytest.raises(UserError, match="not possible"):
        board_symmetries(3, 3)
    cut = random_states(3, 6, 6, seed=0)
    with pytest.raises(ValueError, match="no states of a 6x7 board"):
        state_hashes(States(6, 7, cut.body, cut.length, cut.apple, cut.direction))


@boards
def test_images_share_the_symmetric_hash_and_no_other(width: int, height: int) -> None:
    for states in (random_states(2000, width, height, seed=4), without_body(width, height)):
        images = all_images(states)
        plain = np.stack([state_hashes(turned) for turned in images])
        symmetric = np.stack([state_hashes(turned, symmetric=True) for turned in images])
        assert (symmetric == symmetric[0]).all()
        assert (plain == symmetric[0]).any(axis=0).all(), "it is the plain hash of one of the images"
        orbits = [min(own) for own in zip(*(seen(turned) for turned in images), strict=True)]
        assert len(np.unique(symmetric[0])) == len(set(orbits))
        every = [key for turned in images for key in seen(turned)]
        assert len(np.unique(plain)) == len(set(every))


def test_states_differ_in_their_hashes_as_players_see_them() -> None:
    states = random_states(250_000, 10, 10, seed=6)
    distinct = len(set(seen(states)))
    assert distinct > 200_000
    assert len(np.unique(state_hashes(states))) == distinct


def test_the_hash_knows_the_board_the_apple_and_the_direction() -> None:
    kinds = [
        State(7, 9, (3, 4), 20, Move.LEFT),
        State(9, 7, (3, 4), 20, Move.LEFT),
        State(7, 9, (3, 4), 21, Move.LEFT),
        State(7, 9, (3, 4), -1, Move.LEFT),
        State(7, 9, (3, 4), 0, Move.LEFT),
        State(7, 9, (3,), 20, None),
        *(State(7, 9, (3,), 20, direction) for direction in DIRECTIONS),
        State(7, 9, (3, 4, 5), 20, Move.LEFT),
        State(7, 9, (4, 3), 20, Move.RIGHT),
    ]
    hashes = [int(state_hashes(States.stack([state]))[0]) for state in kinds]
    assert len(set(hashes)) == len(kinds)
    # On a board that isn't square the transpose is a state of another board.
    wide, high = State(7, 9, (3, 4), 20, Move.LEFT), State(9, 7, (27, 36), 56, Move.DOWN)
    assert state_hashes(States.stack([wide]), symmetric=True) != state_hashes(States.stack([high]), symmetric=True)


def test_bodies_of_every_length_count_to_their_last_cell() -> None:
    """The directions of 64 cells share a word, so the lengths around its bounds are those to try."""
    rows = [range(10 * y, 10 * y + 10) if y % 2 == 0 else range(10 * y + 9, 10 * y - 1, -1) for y in range(10)]
    path = [cell for row in rows for cell in row]
    hashes = set()
    for length in range(2, 100):
        body = tuple(path[:length])
        snake = State(10, 10, body, 99, None)
        ends = [next_cell(snake, body[-2], move) for move in DIRECTIONS]
        bodies = {(*body[:-1], end) for end in ends if end is not None}
        states = States.stack([State(10, 10, own, 99, Move.LEFT) for own in bodies])
        own = state_hashes(states)
        assert len(np.unique(own)) == len(bodies)
        hashes.update(own.tolist())
        for turned in all_images(states):
            assert sorted(state_hashes(turned, symmetric=True)) == sorted(state_hashes(states, symmetric=True))
    assert len(hashes) > 250


def _last_legal(state: State) -> Move:
    return legal_moves(state)[-1] if legal_moves(state) else Move.NO_PATH_FOUND


LAST_LEGAL = Teacher(name="LAST-LEGAL", summary="The last legal move.", guarantee="None.", function=_last_legal)


@pytest.mark.parametrize("teacher", [teachers.BFS, teachers.CELL, LAST_LEGAL], ids=lambda teacher: teacher.name)
@pytest.mark.parametrize(("width", "height"), [(6, 6), (5, 8)])
def test_a_teacher_agrees_where_it_answers_the_image_with_the_image(teacher: Teacher, width: int, height: int) -> None:
    states = random_states(150, width, height, seed=8)
    moves = teacher.moves(states).astype(np.uint8)
    moves[::10] = (moves[::10] + 1) % 4  # answers of somebody else
    agree = agreements(teacher, states, moves)
    assert agree.shape == (150, 8)
    for state, move, row in zip(states, moves.tolist(), agree.tolist(), strict=True):
        for name, given in zip(SYMMETRIES, row, strict=True):
            if name not in symmetries(width, height):
                assert not given
                continue
            expected = image_of_move(Move(move), name) if move < 4 else move
            assert given == (teacher.decide(image(state, name)).move == expected)
    assert 0 < agree[:, 0].sum() < 150
    assert 0 < agree[:, 1].sum() < 150


@pytest.mark.parametrize("side", [4, 6, 8])
def test_cell_agrees_with_itself_about_turns_and_not_about_mirrors(side: int) -> None:
    """What docs/symmetries.md says of it."""
    turns = [place for place, name in enumerate(SYMMETRIES) if name.startswith("rotation")]
    agreed = []
    for game in play(teachers.CELL, range(20), side, side):
        codes = np.frombuffer(game.moves, np.uint8)
        agree = agreements(teachers.CELL, states_before(game, np.arange(len(codes))), codes)
        assert agree[:, turns].all()
        agreed.append(agree.mean(axis=0))
    assert (np.mean(agreed, axis=0)[[1, 2, 4, 7]] < 0.6).all()


def test_agreements_come_in_pieces_on_threads_as_they_do_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    states = random_states(700, 6, 6, seed=9)
    moves = teachers.DFS.moves(states).astype(np.uint8)
    whole = agreements(teachers.DFS, states, moves)
    assert whole[:, 0].all()
    monkeypatch.setattr("serpentune.datasets.symmetries._CELLS_AT_ONCE", 36 * 64)
    for threads in (1, 3):
        np.testing.assert_array_equal(agreements(teachers.DFS, states, moves, threads=threads), whole)


def test_a_plan_agrees_where_all_its_moves_do() -> None:
    rng = np.random.default_rng(1)
    agree = rng.random((60, 8)) < 0.9
    starts: NDArray[np.int64] = np.repeat(np.arange(61), 61)
    lengths: NDArray[np.int64] = np.tile(np.arange(61), 61)
    inside = starts + lengths <= 60
    starts, lengths = starts[inside], lengths[inside]
    expected = [agree[start : start + length].all(axis=0) for start, length in zip(starts, lengths, strict=True)]
    np.testing.assert_array_equal(all_along(agree, starts, lengths), expected)
    with pytest.raises(IndexError):
        all_along(agree, np.array([59]), np.array([2]))
