"""Floor 8, evaluation: a watched game in a terminal, at its pace and at a human's."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from serpentune.common.errors import UserError
from serpentune.evaluation.watch._controls import Controls, pressed
from serpentune.evaluation.watch._game import Moment, WatchedGame
from serpentune.evaluation.watch._keyboard import Keyboard, open_keyboard
from serpentune.evaluation.watch._scene import draw, needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

_SLOWEST_FPS, _FASTEST_FPS = 0.1, 1000


def _check_terminal(game: WatchedGame, console: Console) -> None:
    """Refuse a terminal without room for the game.

    Raises:
        UserError: it has too few columns or lines.
    """
    columns, lines = needed(game)
    if console.width < columns or console.height < lines:
        raise UserError(
            f"A {game.state.width}x{game.state.height} board needs a terminal of {columns} columns and {lines} lines; "
            f"this one has {console.width} and {console.height}. Enlarge it, or choose a smaller board."
        )


def check_fps(fps: float) -> None:
    """Refuse a pace that can't be shown.

    Raises:
        UserError: too few or too many moves a second.
    """
    if not _SLOWEST_FPS <= fps <= _FASTEST_FPS:
        raise UserError(f"{fps:g} moves a second can't be shown: choose from {_SLOWEST_FPS} to {_FASTEST_FPS}.")


def show_game(game: WatchedGame, console: Console, *, fps: float = 10.0, keyboard: Keyboard | None = None) -> None:
    """Show a game in a terminal while it is played, to its end or until the key `q`.

    A move stands there for `1 / fps` seconds before it is played, or until a key decides otherwise (`pressed` says
    which one does what); a player that thinks for longer sets the pace itself.

    Args:
        game: the game, from where it stands.
        console: the terminal.
        fps: moves a second.
        keyboard: where keys come from; None for standard input, as of `open_keyboard`.

    Raises:
        UserError: the pace can't be shown, the terminal is too small, or what the player can't be asked.
    """
    from rich.live import Live

    check_fps(fps)
    _check_terminal(game, console)
    controls, due = Controls(recorded=game.recorded), time.monotonic()
    with (
        nullcontext(keyboard) if keyboard else open_keyboard() as keys,
        Live(console=console, auto_refresh=False) as live,
    ):

        def show(moment: Moment | None, controls: Controls) -> None:
            live.update(draw(game, moment, controls, keys, (console.width, console.height)), refresh=True)

        for moment in game:
            due = max(due, time.monotonic() - 1 / fps) + 1 / fps
            controls = _decided(controls.next_move(), keys, due, partial(show, moment))
            if controls.quit:
                break
            if controls.move is not None:
                game.play_instead(controls.move)
        show(None, controls)


def _decided(controls: Controls, keys: Keyboard, due: float, show: Callable[[Controls], None]) -> Controls:
    """What is asked for by the time at which the shown move is done with."""
    show(controls)
    while not controls.decided:
        key = keys.wait(None if controls.waits else due - time.monotonic())
        if key is None:
            break
        after = pressed(controls, key)
        if after != controls and not after.decided:
            show(after)
        controls = after
    return controls
