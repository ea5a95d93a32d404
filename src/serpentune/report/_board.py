"""Floor 10, report: a still picture of a state, drawn as the replays draw it."""

from __future__ import annotations

from serpentune.game import DIRECTIONS, Ending, GameRecord, Move, State, states_before
from serpentune.report._templates import render

_STEPS = {Move.UP: (0, -1), Move.RIGHT: (1, 0), Move.DOWN: (0, 1), Move.LEFT: (-1, 0)}


def board_svg(state: State, *, cell: int = 24, fatal: Move | None = None, move: Move | None = None) -> str:
    """The state as one SVG element that needs no style sheet: board, snake, eyes and apple.

    Args:
        state: the position.
        cell: the side of a cell in pixels.
        fatal: the move that ended the game in this position; it is marked with a cross.
        move: the move that is played next; it is marked ahead of the head, unless it is a sentinel.

    Raises:
        ValueError: `cell` is below 4, or `fatal` is a sentinel.
    """
    if cell < 4:
        raise ValueError(f"a cell of {cell} pixels is too small to be seen; 4 or more are needed")
    if fatal is not None and fatal not in DIRECTIONS:
        raise ValueError(f"{fatal.name} does not move the snake, so it can't be fatal")

    def centre(place: int) -> tuple[float, float]:
        x, y = state.xy(place)
        return x + 0.5, state.height - y - 0.5

    head = centre(state.head)
    facing = state.direction if fatal is None else fatal
    ahead = _STEPS[Move.UP if facing is None else facing]
    side = ahead[1], -ahead[0]
    eyes = [_offset(head, (0.14, ahead), (sign * 0.17, side)) for sign in (-1, 1)]
    cross = None if fatal is None else _offset(head, (0.46, ahead))
    return render(
        "board.svg",
        state=state,
        pixels=(state.width * cell, state.height * cell),
        points=[centre(place) for place in state.body],
        head=head,
        eyes=eyes,
        apple=None if state.apple < 0 else centre(state.apple),
        cross=cross,
        arrow=_arrow(head, move) if move in _STEPS else None,
    )


def _arrow(head: tuple[float, float], move: Move) -> list[tuple[float, float]]:
    """Three points of an angle that points ahead of the head."""
    ahead = _STEPS[move]
    side = ahead[1], -ahead[0]
    return [_offset(head, (far, ahead), (wide, side)) for far, wide in ((0.49, -0.13), (0.65, 0.0), (0.49, 0.13))]


def last_frame(record: GameRecord) -> str:
    """The end of a game as a picture, for readers without JavaScript."""
    state = states_before(record, [len(record.moves)])[0]
    return board_svg(state, fatal=Move(record.moves[-1]) if record.ending in (Ending.WALL, Ending.SELF) else None)


def _offset(place: tuple[float, float], *steps: tuple[float, tuple[int, int]]) -> tuple[float, float]:
    x, y = place
    return (
        round(x + sum(length * direction[0] for length, direction in steps), 3),
        round(y + sum(length * direction[1] for length, direction in steps), 3),
    )
