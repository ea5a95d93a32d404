from __future__ import annotations

import pytest

from serpentune.datasets._first_version import OldPrompt, parse, parse_answer
from serpentune.datasets.encodings import get_encoding
from serpentune.game import Move, State, States, random_states

FULL = """You are playing Snake on a 10x8 grid. The coordinate system is (0,0) at bottom-left to (9,7) at top-right. \
Movement: UP=y+1, DOWN=y-1, RIGHT=x+1, LEFT=x-1.

Current game state:
- Snake head position: (6, 4)
- Apple position: (4, 7)
- Snake body positions: [[5, 4], [5, 3]]
- Snake length: 3

What is the best move to make? Consider:
1. Path to the apple
2. Avoiding collisions with walls and snake body
3. Maximizing score and survival

Choose from: UP, DOWN, LEFT, RIGHT"""

FULL_SAYS = OldPrompt("full-state", 10, 8, (6, 4), (4, 7), ((5, 4), (5, 3)), 3)

STATE = State(12, 8, (66, 65), 3, Move.RIGHT)
SQUARE = State(8, 8, (60, 59), -1, Move.RIGHT)


@pytest.mark.parametrize(
    ("name", "state", "text"),
    [
        ("simple", STATE, "Head: (6, 5), Apple: (3, 0). Move?\n"),
        ("simple", SQUARE, "Head: (4, 7), Apple: none. Move?\n"),
        (
            "detailed",
            STATE,
            "Game state: Snake head at (6, 5), apple at (3, 0), snake length 2. What is the optimal move and why?\n",
        ),
        (
            "instruction",
            STATE,
            "You are an expert Snake game AI. Analyze the current state and choose the best move.\n\nCurrent state:\n"
            "- Snake head: (6, 5)\n- Apple position: (3, 0)\n- Snake length: 2\n- Grid size: 12x8\n\n"
            "Provide your move decision and detailed reasoning:\n",
        ),
        (
            "instruction",
            SQUARE,
            "You are an expert Snake game AI. Analyze the current state and choose the best move.\n\nCurrent state:\n"
            "- Snake head: (4, 7)\n- Apple position: none\n- Snake length: 2\n- Grid size: 8\n\n"
            "Provide your move decision and detailed reasoning:\n",
        ),
    ],
)
def test_the_formats_of_the_first_version_are_encodings(name: str, state: State, text: str) -> None:
    assert get_encoding(name).encode(States.stack([state])) == [text]


@pytest.mark.parametrize("name", ["simple", "detailed", "instruction"])
@pytest.mark.parametrize(("width", "height"), [(4, 4), (7, 9), (50, 50)])
def test_what_they_say_of_a_state_is_read_back(name: str, width: int, height: int) -> None:
    states = random_states(50, width, height, 2)
    for text, state in zip(get_encoding(name).encode(states), states, strict=True):
        told = parse(text)
        assert told is not None
        assert told.template == name
        assert told.head == state.xy(state.head)
        assert told.apple == state.xy(state.apple)
        assert told.length == (None if name == "simple" else len(state.body))
        assert (told.width, told.height) == ((width, height) if name == "instruction" else (None, None))
        assert told.body is None


@pytest.mark.parametrize("name", ["simple", "detailed", "instruction"])
def test_a_text_without_the_body_is_not_decoded(name: str) -> None:
    encoding = get_encoding(name)
    states = random_states(2, 6, 6, 0)
    assert not encoding.exact
    with pytest.raises(ValueError, match="doesn't say where the body lies"):
        encoding.decode(encoding.encode(states)[0])
    with pytest.raises(ValueError, match="doesn't say where the body lies"):
        encoding.read(encoding.write(states), 6, 6)
    states.body[1, 0] = -1
    with pytest.raises(ValueError, match="no states of a 6x6 board"):
        encoding.write(states)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("What move should the snake make next?", OldPrompt("next-move")),
        (
            "Game state: Move 12, apple at {'x': 6, 'y': 4}, snake length 5. What move should the snake make and why?",
            OldPrompt("move-and-why", apple=(6, 4), length=5, number=12),
        ),
        (
            "Game state: Move 0, snake length 1. What move should the snake make and why?",
            OldPrompt("move-and-why", length=1, number=0),
        ),
        (
            "You are an expert Snake game player. Analyze the current game state and choose the best move.\n\n"
            "Current move: 7, Apple position: {'x': 6, 'y': 14}, Snake length: 5\n\nProvide your move and reasoning:",
            OldPrompt("expert-player", apple=(6, 14), length=5, number=7),
        ),
        (
            "You are an expert Snake game player. Analyze the current game state and choose the best move.\n\n"
            "Current move: 7, Snake length: 5\n\nProvide your move and reasoning:",
            OldPrompt("expert-player", length=5, number=7),
        ),
        (" Head: [5, 6], Apple: (7, 8). Move? ", OldPrompt("simple", head=(5, 6), apple=(7, 8))),
        ("Head: (5, 6), Apple: None. Move?", OldPrompt("simple", head=(5, 6))),
        (FULL, FULL_SAYS),
        (FULL.replace("[[5, 4], [5, 3]]", "[(5, 4), (5, 3)]"), FULL_SAYS),
        (FULL.replace("[[5, 4], [5, 3]]", "[]"), OldPrompt("full-state", 10, 8, (6, 4), (4, 7), (), 3)),
        (FULL.replace("(4, 7)", "None"), OldPrompt("full-state", 10, 8, (6, 4), None, ((5, 4), (5, 3)), 3)),
        (
            FULL.replace("\n\nWhat", "\n- Score: 2\n- Steps: 40\n- Algorithm: BFS\n\n . . H\n . . .\n\nWhat"),
            OldPrompt("full-state", 10, 8, (6, 4), (4, 7), ((5, 4), (5, 3)), 3, 40, 2, "BFS"),
        ),
    ],
)
def test_a_prompt_of_an_older_program_says_what_it_says(prompt: str, said: OldPrompt) -> None:
    assert parse(prompt) == said


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Head: (5, 6), Apple: (7, 8). Move",
        "Head: (5, 6], Apple: (7, 8). Move?",
        "Head: None, Apple: (7, 8). Move?",
        "Head: (5, \u0666), Apple: (7, 8). Move?",
        "Head: (5, 6), Apple: (7, 8). Move? Head: (5, 6), Apple: (7, 8). Move?",
        "Player BFS. Head: (5, 6), Apple: (7, 8). Move?\nMove:",
        FULL.replace("10x8 grid", "grid"),
        FULL.replace("- Snake head position: (6, 4)\n", ""),
        FULL.replace("- Apple position: (4, 7)\n", ""),
        FULL.replace("- Snake body positions: [[5, 4], [5, 3]]\n", ""),
        FULL.replace("[[5, 4], [5, 3]]", "[[5, 4], [5]]"),
        FULL.replace("[[5, 4], [5, 3]]", "[[5, 4] [5, 3]]"),
        FULL.replace("length: 3", "length: three"),
        FULL + "\n- Snake head position: (6, 5)",
    ],
)
def test_another_text_says_nothing(prompt: str) -> None:
    assert parse(prompt) is None


@pytest.mark.parametrize(
    ("completion", "move"),
    [
        ("Moving DOWN from [5, 5]\n\nMetrics:\n- Valid moves: ['UP', 'LEFT']\n\nConclusion: The move is: DOWN", "DOWN"),
        ("Move LEFT. The apple lies to the left, not UP.", "LEFT"),
        ("LEFT. It is the shortest way.", "LEFT"),
        (" RIGHT\n\nExplanation: the apple is right of the head.", "RIGHT"),
        ("UP", "UP"),
        ("Because of the wall the best move is RIGHT.", "RIGHT"),
        ("Conclusion: UP", "UP"),
        ("Moving DOWN from [5, 5]\n\nConclusion: The move is: UP", None),
        ("LEFT. ... Conclusion: The move is: RIGHT", None),
        ("Moving DOWN from [5, 5]. Conclusion: The move is: NO_PATH_FOUND", None),
        ("Conclusion: The move is: NO_PATH_FOUND", None),
        ("LEFT or RIGHT, both are good.", None),
        ("UP, DOWN", None),
        ("LEFT, since RIGHT is a wall.", "LEFT"),
        ("UPWARDS", None),
        ("left", None),
        ("NO_PATH_FOUND", None),
        ("", None),
    ],
)
def test_an_older_answer_names_one_move_or_none(completion: str, move: str | None) -> None:
    assert parse_answer(completion) == (None if move is None else Move[move])


def test_a_long_text_is_read_quickly() -> None:
    assert parse(FULL + "\n- Snake body positions: [" + "(1, 2), " * 50_000) is None
    assert parse("Head: (" + " " * 100_000 + "5, 6), Apple: None. Move?") is not None
    assert parse_answer("Moving " * 50_000 + "UP" + " " * 50_000) is None
