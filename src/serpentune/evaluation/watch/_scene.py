"""Floor 8, evaluation: a watched game as a terminal shows it: the board, what is thought of it, and why."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from serpentune.common.visible import visible
from serpentune.evaluation.play import Answer, TeacherPlayer
from serpentune.evaluation.watch._controls import Controls
from serpentune.evaluation.watch._game import Moment, WatchedGame
from serpentune.evaluation.watch._keyboard import Keyboard
from serpentune.game import DIRECTIONS, Ending, State, scene
from serpentune.game.render import NAMES_WIDTH

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

VALUES_WIDTH = 18
"""Columns of the longest value, a bar with its percentage, or the four moves."""

_GAP = 3 + 2
"""Columns between the board and the facts, and between their names and values."""

_MOST_LINES = 10
"""Of explanation under the board, where the terminal has room for them; at least one."""

_BAR = 10
_SAME, _OTHER, _TRUE, _FALSE, _HUMAN = "green", "bold yellow", "green", "red", "bold cyan"


def needed(game: WatchedGame) -> tuple[int, int]:
    """Columns and lines that a terminal must have: for the board with its facts, a line of reasons, and the keys."""
    state = game.state
    return 2 * state.width + 3 + _GAP + NAMES_WIDTH + VALUES_WIDTH, _board_lines(game) + 2


def _board_lines(game: WatchedGame) -> int:
    return max(game.state.height + 2, len(_no_facts(game)))


def draw(
    game: WatchedGame, moment: Moment | None, controls: Controls, keyboard: Keyboard, size: tuple[int, int]
) -> RenderableType:
    """A moment, or with None the position in which the game has ended or was left.

    Args:
        game: the game.
        moment: what is about to be played.
        controls: what a human has asked for.
        keyboard: where keys come from.
        size: columns and lines of the terminal.
    """
    from rich.console import Group
    from rich.text import Text

    columns, lines = size
    room = max(0, min(_MOST_LINES, lines - _board_lines(game) - 1))
    if moment is None:
        ending = game.record.ending
        left = f"Left after {game.record.steps} steps."
        said = left if ending == Ending.RUNNING else f"The game ends with {ending.name}."
        return Group(scene(game.state, _counts(game, game.state)), Text(said))
    facts = _no_facts(game) | _counts(game, moment.state) | _choice(game, moment)
    below = _below(game, moment, columns)[:room]
    empty = [Text("")] * (room - len(below))  # as many lines for each move, so that nothing jumps
    keys = _keys(game, controls, keyboard)
    return Group(scene(moment.state, facts, path=moment.way if len(moment.plan) > 1 else b""), keys, *below, *empty)


def _no_facts(game: WatchedGame) -> dict[str, RenderableType]:
    """The names of all facts in their order, without values yet."""
    names = ["player", "seed", "score", "steps", "length", "", "move"]
    if isinstance(game.player, TeacherPlayer):
        names += ["path length", "nodes expanded", "equally good"]
    if not _plays_itself(game):
        names.append(game.teacher.name)
    if game.tells_probabilities:
        names += [move.name for move in DIRECTIONS]
    return dict.fromkeys(names, "")


def _plays_itself(game: WatchedGame) -> bool:
    return isinstance(game.player, TeacherPlayer) and game.player.teacher is game.teacher


def _counts(game: WatchedGame, state: State) -> dict[str, RenderableType]:
    from rich.text import Text

    apples = state.width * state.height - 1
    return {
        "player": Text(visible(game.player.name), no_wrap=True, overflow="ellipsis"),
        "seed": str(game.seed),
        "score": f"{len(state.body) - 1} of {apples}",
        "steps": str(game.record.steps),
        "length": str(len(state.body)),
    }


def _choice(game: WatchedGame, moment: Moment) -> dict[str, RenderableType]:
    """What the player and the teacher would do."""
    from rich.text import Text

    facts: dict[str, RenderableType] = {"move": moment.move.name + (", as planned" if moment.planned else "")}
    if isinstance(game.player, TeacherPlayer):
        decision = moment.teacher if _plays_itself(game) else game.player.teacher.decide(moment.state)
        facts |= {
            "path length": "no path" if decision.path_length is None else str(decision.path_length),
            "nodes expanded": str(decision.nodes_expanded),
            "equally good": " ".join(move.name for move in decision.equal_moves) or "none",
        }
    if not _plays_itself(game):
        same = "the same" if not moment.differs else moment.teacher.move.name
        also = ", both good" if moment.differs and moment.equally_good else ""
        facts[game.teacher.name] = Text(same + also, style=_OTHER if moment.differs and not also else _SAME)
    if moment.probabilities is not None:
        facts |= {
            move.name: _bar(share, move == moment.move)
            for move, share in zip(DIRECTIONS, moment.probabilities, strict=True)
        }
    return facts


def _bar(share: float, chosen: bool) -> RenderableType:
    from rich.bar import Bar
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(width=_BAR)
    row.add_column(width=6, justify="right")
    row.add_row(
        Bar(1, 0, share, width=_BAR, color="bright_green" if chosen else "green"),
        Text(f"{100 * share:.1f}%", style="bold" if chosen else ""),
    )
    return row


def _below(game: WatchedGame, moment: Moment, columns: int) -> list[Text]:
    """What is said under the board: how an answer failed, or its reasons, sentence by sentence."""
    from rich.text import Text

    said: list[tuple[str, str, str]] = []
    name = game.player.name
    if moment.answer.unusable:
        said.append(("", "bold yellow", unusable(name, moment.answer)))
    elif moment.move in DIRECTIONS and moment.move not in moment.teacher.legal_moves:
        said.append(("", "bold yellow", f"{name} answers {moment.move.name}, which is not legal here."))
    if moment.planned and moment.probabilities is not None and moment.move in DIRECTIONS:
        now = DIRECTIONS[max(range(len(DIRECTIONS)), key=moment.probabilities.__getitem__)]
        if now != moment.move:
            said.append(
                ("", "dim", f"{name} planned {moment.move.name} before; asked anew it would begin with {now.name}.")
            )
    if game.unknown:
        said.append(("", "dim", game.unknown))
    if moment.explanation is not None and isinstance(game.player, TeacherPlayer):
        said.append(("", "", " ".join(moment.explanation.true)))
    elif moment.explanation is not None:
        found = moment.explanation
        said += [("✗ ", _FALSE, f"{false.sentence} ({false.reason})") for false in found.false]
        said += [("✓ ", _TRUE, sentence) for sentence in found.true]
        said += [("? ", "dim", sentence) for sentence in found.unreadable]
    return [
        Text.assemble((mark if not row else " " * len(mark), style), (line, style if mark != "✓ " else ""))
        for mark, style, text in said
        for row, line in enumerate(textwrap.wrap(visible(text), max(20, columns - len(mark))))
    ]


def unusable(name: str, answer: Answer) -> str:
    """An answer that can't be used, in a sentence."""
    written = f": {answer.text.strip()!r}" if answer.text.strip() else ""
    return f"{name} gives no move, its answer is {answer.unusable}{written}"


def _keys(game: WatchedGame, controls: Controls, keyboard: Keyboard) -> Text:
    from rich.text import Text

    if keyboard.reason:
        return Text(f"No keys can be read: {keyboard.reason}.", style="dim", no_wrap=True, overflow="ellipsis")
    if controls.recorded:
        paused = controls.paused
        state = "recorded, paused" if paused else "recorded"
        keys = [("space", "go on" if paused else "pause"), (".", "step")]
    elif controls.by_hand:
        state, keys = (
            "you move",
            [("arrows", "move"), (".", f"let {visible(game.player.name)} move"), ("m", "hand back")],
        )
    elif controls.paused:
        state, keys = "paused", [("space", "go on"), (".", "step"), ("arrows", "take over")]
    else:
        state, keys = "", [("space", "pause"), (".", "step"), ("arrows", "take over")]
    text = Text(no_wrap=True, overflow="ellipsis")
    if state:
        text.append(f"{state}  ", style=_HUMAN)
    for key, what in [*keys, ("q", "quit")]:
        text.append(key, style="bold").append(f" {what}   ", style="dim")
    return text
