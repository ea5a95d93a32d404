"""Floor 8, evaluation: what keys do to a watched game, as a pure function."""

from __future__ import annotations

from dataclasses import dataclass, replace

from serpentune.game import Move

ARROWS = {"up": Move.UP, "right": Move.RIGHT, "down": Move.DOWN, "left": Move.LEFT}


@dataclass(frozen=True)
class Controls:
    """What a human has asked for.

    Attributes:
        paused: the shown move waits.
        by_hand: a human moves: the shown move waits for another one.
        quit: the watching is over.
        step: the shown move is played now, whoever waits.
        move: this move is played now instead of the shown one.
        recorded: the moves are those of a game that is over: no human can move.
    """

    paused: bool = False
    by_hand: bool = False
    quit: bool = False
    step: bool = False
    move: Move | None = None
    recorded: bool = False

    @property
    def decided(self) -> bool:
        """Whether the shown move is done with."""
        return self.quit or self.step or self.move is not None

    @property
    def waits(self) -> bool:
        """Whether only a key decides, however much time goes by."""
        return self.paused or self.by_hand

    def next_move(self) -> Controls:
        """What is still asked for once the shown move is played."""
        return replace(self, step=False, move=None)


def pressed(controls: Controls, key: str) -> Controls:
    """What is asked for after a key: a character, or `up`, `right`, `down`, `left`. Other keys change nothing.

    Space pauses and goes on, `.` and `s` play the shown move and pause, an arrow plays another one and takes over, `m`
    hands back, `q` quits. In a recorded game arrows change nothing.
    """
    if key in ARROWS and controls.recorded:
        return controls
    if key in ARROWS:
        return replace(controls, by_hand=True, move=ARROWS[key])
    match key.lower():
        case " ":
            return replace(controls, paused=not controls.paused)
        case "." | "s":
            return replace(controls, paused=True, step=True)
        case "m":
            return replace(controls, by_hand=False)
        case "q":
            return replace(controls, quit=True)
    return controls
