"""Floor 2, teachers: a game to look at while it is played: the board, the score, and why each move is made."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from serpentune.common.errors import UserError
from serpentune.game import GameRecord, LockstepGames, State, check_board, check_seeds, save_animation, scene
from serpentune.game.animation import FASTEST
from serpentune.game.render import NAMES_WIDTH
from serpentune.teachers._decision import Decision
from serpentune.teachers._play import play
from serpentune.teachers._teacher import Teacher

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SLOWEST_FPS, _FASTEST_FPS = 0.1, 1000
_FACTS_WIDTH, _FACTS_HEIGHT = 3 + NAMES_WIDTH + 2 + 18, 9
"""What the facts beside a board take, its distance and the four moves being equally good included."""

_MOST_LINES = 6
"""Of explanation under the board, where the terminal has room for them; at least one."""


def watch(
    teacher: Teacher,
    seed: int,
    width: int,
    height: int,
    *,
    console: Console | None = None,
    fps: float = 10,
    save: Path | None = None,
    every: int = 1,
) -> GameRecord:
    """Play one game, show it while it goes on, and write it to a picture file.

    The file is written first, so that it is there whenever the watching is broken off.

    Args:
        teacher: who plays.
        seed: where the apples lie, from 0.
        width: cells a row.
        height: cells a column.
        console: the terminal that shows the game; None shows nothing.
        fps: moves a second, in the terminal and in a GIF (there 50 at most).
        save: a `.gif` file for the game or a `.png` file for its last board.
        every: steps from one picture of a GIF to the next.

    Raises:
        UserError: the board is outside the rules, the seed or `fps` is out of range, the terminal is too small for the
            board, or as `game.animation.save_animation`.
        ValueError: a teacher's Python function broke its contract.
    """
    check_board(width, height)
    check_seeds(seed)
    if not _SLOWEST_FPS <= fps <= _FASTEST_FPS:
        raise UserError(f"{fps:g} moves a second can't be shown: choose from {_SLOWEST_FPS} to {_FASTEST_FPS}.")
    if console is not None:
        _check_size(console, width, height)
    if console is None or save is not None:
        (record,) = play(teacher, [seed], width, height)
    if save is not None:
        save_animation(record, save, milliseconds=max(FASTEST, round(1000 / fps)), every=every)
    return record if console is None else _show(teacher, seed, width, height, console, fps)


def _check_size(console: Console, width: int, height: int) -> None:
    columns, lines = 2 * width + 3 + _FACTS_WIDTH, _board_lines(height) + 1
    if console.width < columns or console.height < lines:
        raise UserError(
            f"A {width}x{height} board needs a terminal of {columns} columns and {lines} lines; this one has "
            f"{console.width} and {console.height}. Enlarge it, or choose a smaller board."
        )


def _board_lines(height: int) -> int:
    """Lines of a board and the facts beside it."""
    return max(height + 2, _FACTS_HEIGHT)


def _show(teacher: Teacher, seed: int, width: int, height: int, console: Console, fps: float) -> GameRecord:
    from rich.live import Live

    games = LockstepGames([seed], width, height)
    facts = {"player": teacher.name, "seed": str(seed)}
    lines = min(_MOST_LINES, console.height - _board_lines(height) - 1)
    with Live(console=console, auto_refresh=False) as live:
        due = time.perf_counter()
        while games.running.size:
            state = games.states()[0]
            decision = teacher.decide(state)
            why = textwrap.wrap(_why(teacher, state, decision), console.width)
            below = [*why, *[""] * lines][:lines]  # as many lines for each move, so that nothing jumps
            live.update(_scene(state, facts | _counts(games, state) | _reasons(decision), below), refresh=True)
            games.step([decision.move])
            due += 1 / fps
            time.sleep(max(0, due - time.perf_counter()))
        (record,) = games.records(teacher.name)
        ended = f"The game ends with {record.ending.name}."
        state = games.states()[0]
        live.update(_scene(state, facts | _counts(games, state), [ended]), refresh=True)
    return record


def _why(teacher: Teacher, state: State, decision: Decision) -> str:
    if decision.legal_moves and decision.move not in decision.legal_moves:
        return f"{teacher.name} answers {decision.move.name}, which is not legal here."
    return teacher.explain(state, decision)


def _counts(games: LockstepGames, state: State) -> dict[str, str]:
    apples = state.width * state.height - 1
    return {
        "score": f"{games.scores[0]} of {apples}",
        "steps": str(games.steps[0]),
        "length": str(len(state.body)),
    }


def _reasons(decision: Decision) -> dict[str, str]:
    return {
        "move": decision.move.name,
        "path length": "no path" if decision.path_length is None else str(decision.path_length),
        "nodes expanded": str(decision.nodes_expanded),
        "equally good": " ".join(move.name for move in decision.equal_moves) or "none",
    }


def _scene(state: State, facts: dict[str, str], below: Sequence[str]) -> RenderableType:
    """The board, `facts` beside it, and lines of text below."""
    from rich.console import Group
    from rich.text import Text

    return Group(scene(state, facts), Text("\n".join(below), no_wrap=True, overflow="ellipsis"))
