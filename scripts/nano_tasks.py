"""What the built-in base model `nano` is pre-trained on: random legal states and questions that the rules answer.

No teacher's move is among them. `Moves:` asks for a random legal walk; the other questions ask what stands on the board
and what the rules make of a move.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.game import DIRECTIONS, MOVE_LETTERS, Move, State, States, random_states

PLAYER = "RANDOM"
LONGEST_WALK = 12
PLAIN_SHARE = 0.4
"""Share of texts that hold a walk and nothing else, as a fine-tuning record does."""

DELTAS = {Move.UP: (0, 1), Move.RIGHT: (1, 0), Move.DOWN: (0, -1), Move.LEFT: (-1, 0)}


@dataclass(frozen=True)
class Piece:
    """A stretch of a training text; loss falls on answers only."""

    text: str
    is_answer: bool


def neighbour(state: State, move: Move) -> int | None:
    """The cell next to the head, None beyond a wall."""
    x, y = state.xy(state.head)
    x, y = x + DELTAS[move][0], y + DELTAS[move][1]
    return y * state.width + x if 0 <= x < state.width and 0 <= y < state.height else None


def is_legal(state: State, move: Move) -> bool:
    """No reversal, no wall, no body; the tail's cell counts as free."""
    cell = neighbour(state, move)
    reversal = state.direction is not None and move == (state.direction + 2) % 4
    return cell is not None and not reversal and cell not in state.body[:-1]


def after(state: State, move: Move) -> State:
    """The state after a legal move; an eaten apple is gone (-1)."""
    cell = neighbour(state, move)
    assert cell is not None
    eats = cell == state.apple
    body = (cell, *(state.body if eats else state.body[:-1]))
    return State(state.width, state.height, body, -1 if eats else state.apple, move)


def walk(state: State, rng: random.Random) -> tuple[list[Move], State]:
    """A random legal walk, to the apple, a dead end or at most `LONGEST_WALK` moves, and the state after it."""
    moves: list[Move] = []
    for _ in range(rng.randint(1, LONGEST_WALK)):
        legal = [move for move in DIRECTIONS if is_legal(state, move)]
        if not legal or state.apple < 0:
            break
        moves.append(rng.choice(legal))
        state = after(state, moves[-1])
    return moves, state


def spell(moves: list[Move]) -> str:
    """Moves as the completion styles write them."""
    return "".join(f" {MOVE_LETTERS[move]}" for move in moves)


def place(state: State, cell: int) -> str:
    """A cell's coordinates."""
    x, y = state.xy(cell)
    return f" {x} {y}"


def facts(state: State, rng: random.Random) -> list[tuple[str, str]]:
    """Questions about the board with their answers, in random order."""
    head_x, head_y = state.xy(state.head)
    apple_x, apple_y = state.xy(state.apple)
    across, up = apple_x - head_x, apple_y - head_y
    around = []
    for move in DIRECTIONS:
        cell = neighbour(state, move)
        if cell is None:
            around.append(" #")
        elif cell == state.apple:
            around.append(" A")
        else:
            around.append(" o" if cell in state.body else " .")
    moves, last = walk(state, rng)
    if rng.random() < 0.5 and (wrong := [move for move in DIRECTIONS if not is_legal(last, move)]):
        moves, outcome = [*moves, rng.choice(wrong)], " illegal"
    else:
        outcome = " eaten" if last.apple < 0 else place(last, last.head)
    questions = [
        ("Legal:", spell([move for move in DIRECTIONS if is_legal(state, move)]) or " none"),
        ("Head:", place(state, state.head)),
        ("Tail:", place(state, state.body[-1])),
        ("Apple:", f" {'up' if up >= 0 else 'down'} {abs(up)} {'right' if across >= 0 else 'left'} {abs(across)}"),
        ("Around:", "".join(around)),
        ("Length:", f" {len(state.body)}"),
        (f"Then{spell(moves)}:", outcome),
    ]
    rng.shuffle(questions)
    return questions


def pieces(state: State, prompt: str, board: str, rng: random.Random) -> list[Piece]:
    """One training text: the board, then questions with answers, or a walk alone.

    `prompt` ends with the cue `Moves:`, `board` before it.
    """
    moves, last = walk(state, rng)
    if moves and rng.random() < PLAIN_SHARE:
        if rng.random() < 0.2:
            style = get_style("move")
            return [Piece(board + style.cue, False), Piece(spell(moves[:1]), True)]
        return [Piece(prompt, False), Piece(spell(moves), True)]
    questions = facts(state, rng)
    if moves and last.apple >= 0 and rng.random() < 0.3:
        drawing = get_encoding("grid").encode(States.stack([last]))[0]
        questions = [*questions[:2], (f"After{spell(moves)}:", "\n" + drawing.split("\n", 1)[1].rstrip("\n"))]
    result = [Piece(board, False)]
    for number, (question, answer) in enumerate(questions):
        result += [Piece(f"{chr(10) if number else ''}{question}", False), Piece(answer, True)]
    return result


def texts(count: int, width: int, height: int, seed: int) -> list[list[Piece]]:
    """`count` training texts on one board size."""
    states = random_states(count, width, height, seed)
    rng = random.Random(seed)
    style = get_style("plan")
    asked = prompts(states, PLAYER, get_encoding("grid"), style)
    return [pieces(state, prompt, prompt[: -len(style.cue)], rng) for state, prompt in zip(states, asked, strict=True)]
