from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.datasets import GridEncoding, get_style, prompts, read_moves
from serpentune.datasets.completions import (
    STYLES,
    board_texts,
    explanations,
    parse_prompt,
    write_completions,
    write_prompts,
)
from serpentune.datasets.texts import Texts
from serpentune.game import Move, random_states, states_before
from serpentune.teachers import Teacher

MOVE, PLAN = get_style("move"), get_style("plan")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60).map(bytes))
def test_a_plan_is_read_as_it_was_written(moves: bytes) -> None:
    assert read_moves(PLAN.completion(moves)) == moves
    assert read_moves(MOVE.completion(moves)) == moves[:1]


def test_a_completion_is_a_letter_a_move() -> None:
    assert PLAN.completion(bytes([Move.UP, Move.RIGHT, Move.DOWN, Move.LEFT])) == " U R D L"
    assert MOVE.completion(bytes([Move.LEFT, Move.LEFT])) == " L"


@pytest.mark.parametrize("moves", [b"", bytes([Move.EMPTY]), bytes([Move.UP, Move.INVALID_REVERSAL])])
def test_what_does_not_move_the_snake_is_no_completion(moves: bytes) -> None:
    with pytest.raises(ValueError, match="moves that move the snake"):
        PLAN.completion(moves)


@pytest.mark.parametrize(
    ("answer", "moves"),
    [
        (" U R D L", "URDL"),
        ("up, right,down\nLEFT", "URDL"),
        ("  u\tr\n\n d", "URD"),
        ("U R then D", "UR"),
        ("The move is U", ""),
        ("UR", ""),
        ("U. R", ""),
        ("", ""),
        (" \n ", ""),
        ("E N W I", ""),
        ("\u2191 \u2192", ""),
        ("\ud83d\ude00\x00\ufffd", ""),
        ("U \u0000 R", "U"),
        ("\uff35", ""),
    ],
)
def test_answers_are_read_up_to_the_first_word_that_is_no_move(answer: str, moves: str) -> None:
    assert "".join("URDL"[move] for move in read_moves(answer)) == moves


@given(st.text())
def test_any_text_is_read_as_directions_only(text: str) -> None:
    assert set(read_moves(text)) <= {0, 1, 2, 3}


def test_an_endless_answer_is_read_quickly() -> None:
    began = time.perf_counter()
    assert len(read_moves("U R " * 200_000)) == 400_000
    assert read_moves("blah " * 1_000_000) == b""
    assert time.perf_counter() - began < 10


def test_a_prompt_names_the_player_shows_the_board_and_says_what_to_write() -> None:
    states = random_states(5, 6, 6, seed=0)
    boards = GridEncoding().encode(states)
    assert prompts(states, "BFS", GridEncoding(), PLAN) == [f"Player BFS. {board}Moves:" for board in boards]
    assert prompts(states, "DFS", GridEncoding(), MOVE)[0] == f"Player DFS. {boards[0]}Move:"


def test_a_misspelt_style_is_matched() -> None:
    with pytest.raises(UserError, match="Did you mean plan"):
        get_style("plans")


@pytest.mark.parametrize("player", ["BFS", "A. B: 1.5", "J\u00c4GER"])
def test_a_prompt_is_taken_apart_into_what_it_was_made_of(player: str) -> None:
    states = random_states(5, 7, 4, seed=2)
    boards = GridEncoding().encode(states)
    for style in STYLES.values():
        for prompt, board in zip(prompts(states, player, GridEncoding(), style), boards, strict=True):
            assert parse_prompt(prompt) == (player, board, style)


@pytest.mark.parametrize(
    "prompt", ["", "Player BFS. Move:", "Board 4x4", "Player BFS. Board\nMoves", "Player . Board\nMove:"]
)
def test_another_text_is_no_prompt(prompt: str) -> None:
    assert parse_prompt(prompt) is None


def test_a_column_of_prompts_is_taken_apart_at_once() -> None:
    states = random_states(6, 5, 5, seed=4)
    forms = [("BFS", PLAN), ("J\u00c4GER", MOVE)]
    written = [write_prompts(states, *form[:1], GridEncoding(), form[1]).tolist() for form in forms]
    column = [
        *written[0],
        *written[1],
        written[1][0].replace("J\u00c4GER", "JAGER"),
        written[0][0],
        written[0][0] + " ",
        written[0][0].replace("\nMoves:", "Moves:"),
        "Player BFS. Moves:",
        "",
    ]
    which = np.array([0] * 6 + [1] * 6 + [1, 1, 0, 0, 0, 0])
    texts, ok = board_texts(Texts.of(column), forms, which)
    assert ok.tolist() == [True] * 12 + [False] * 6
    assert texts.tolist() == GridEncoding().encode(states) * 2 + [""] * 6
    read, exact = GridEncoding().read(texts, 5, 5)
    assert exact.tolist() == ok.tolist()
    assert list(read.take(range(12))) == list(states) * 2


def test_no_prompts_are_taken_apart_into_no_texts() -> None:
    texts, ok = board_texts(Texts.of([]), [], np.empty(0, np.int64))
    assert len(texts) == len(ok) == 0


@pytest.mark.parametrize(
    ("starts", "lengths", "error"),
    [
        ([0, 1], [1, 0], ValueError),
        ([0, 2], [2, 1], ValueError),
        ([0, 0], [2, 3], ValueError),
        ([0, 3], [1, 2], IndexError),
        ([-1, 0], [1, 1], IndexError),
    ],
)
def test_completions_without_moves_are_refused(starts: list[int], lengths: list[int], error: type[Exception]) -> None:
    moves = np.array([Move.UP, Move.LEFT, Move.INVALID_REVERSAL, Move.UP], np.uint8)
    with pytest.raises(error):
        write_completions(moves, np.array(starts), np.array(lengths))


@pytest.mark.parametrize("name", teachers.names())
def test_an_explanation_of_a_whole_game_is_read_as_its_moves(name: str) -> None:
    teacher = teachers.get(name)
    (game,) = teachers.play(teacher, [3], 6, 6)
    states = states_before(game, list(range(len(game.moves))))
    told = explanations(states, np.frombuffer(game.moves, np.uint8), name)
    for state, move, text in zip(states, game.moves, told, strict=True):
        assert text == f"{MOVE.completion(bytes([move]))}\n{teacher.explain(state)}"
        assert read_moves(text) == bytes([move])


def test_giving_up_is_not_explained() -> None:
    """Its letter is no answer that a student may give."""
    states = random_states(200, 6, 6, seed=8)
    played = teachers.BFS.moves(states).astype(np.uint8)
    assert Move.NO_PATH_FOUND in played
    for move, text in zip(played.tolist(), explanations(states, played, "BFS"), strict=True):
        assert (text is None) == (move == Move.NO_PATH_FOUND)


@pytest.mark.parametrize("player", ["HUNYUAN-T1-LATEST", "bfs", "BFS-512", ""])
def test_moves_of_other_players_are_not_explained(player: str) -> None:
    states = random_states(3, 6, 6, seed=8)
    assert explanations(states, teachers.BFS.moves(states).astype(np.uint8), player) == [None] * 3


def test_a_teacher_whose_name_reads_as_a_move_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_left = Teacher("LEFT", "Goes left.", "Nothing.", function=lambda state: Move.LEFT)
    monkeypatch.setitem(teachers._registry._TEACHERS, goes_left.name, goes_left)
    with pytest.raises(UserError, match="Rename the teacher"):
        explanations(random_states(3, 6, 6, seed=8), np.zeros(3, np.uint8), "LEFT")


def test_moves_alone_are_no_explanation() -> None:
    with pytest.raises(ValueError, match="explanations"):
        get_style("explain").completion(bytes([Move.UP]))
