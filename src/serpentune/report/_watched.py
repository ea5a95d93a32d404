"""Floor 10, report: a watched game as a file: a page with what was thought of every move, a GIF, or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_writable, write_text
from serpentune.evaluation.watch import Moment, WatchedGame
from serpentune.game import MOVE_LETTERS, Ending, check_animation, letters, save_animation, states_before
from serpentune.game.animation import FASTEST
from serpentune.report import _format
from serpentune.report._board import last_frame
from serpentune.report._replays import deflate, game_row
from serpentune.report._templates import page

_PAGES = (".html", ".htm")
_FORMS = (*_PAGES, ".gif", ".png")


def check_game_file(path: Path, *, fps: float = 10.0, every: int = 1) -> None:
    """Refuse what `save_game` would refuse of any game, before the game is played.

    Raises:
        UserError: another suffix, a file that can't be written, or as of `game.check_animation`.
    """
    suffix = path.suffix.lower()
    if suffix not in _FORMS:
        raise UserError(
            f"A game can't be written to {path}: name a .html file (a page), a .gif file (the game moving) or a .png "
            "file (its last board)."
        )
    if suffix not in _PAGES:
        check_animation(path, milliseconds=_milliseconds(fps), every=every)
    ensure_writable(path)


def save_game(game: WatchedGame, path: Path, *, fps: float = 10.0, every: int = 1) -> Path:
    """Write a watched game as far as it is played.

    A page (`.html`) opens from disk without a network. It replays the game, shows what stood beside each move (a
    model's probabilities, its plan, the sentences that the board refutes, the teacher's choice) and marks the moves
    that the teacher would not have played.

    Args:
        game: the game.
        path: a `.html` file, a `.gif` file, or a `.png` file for the last board; replaced if it exists.
        fps: moves a second in a GIF (50 at most).
        every: steps from one picture of a GIF to the next.

    Returns:
        `path`.

    Raises:
        UserError: as of `check_game_file` and `game.save_animation`.
    """
    check_game_file(path, fps=fps, every=every)
    if path.suffix.lower() not in _PAGES:
        save_animation(game.record, path, milliseconds=_milliseconds(fps), every=every)
        return path
    title = f"{game.player.name} plays Snake"
    write_text(
        path, page("game.html", title, ("rules.js", "board.js", "shares.js", "game.js", "page.js"), _context(game))
    )
    return path


def _milliseconds(fps: float) -> int:
    return max(FASTEST, round(1000 / fps))


def _context(game: WatchedGame) -> dict[str, Any]:
    record, moments = game.record, game.moments
    own = [moment for moment in moments if moment.by == "player"]
    return {
        "record": record,
        "player": game.player.name,
        "teacher": game.teacher.name,
        "alone": game.teacher.name == game.player.name,
        "apples": record.width * record.height - 1,
        "ending": _format.ending(record.ending.name),
        "own": len(own),
        "agreed": sum(not moment.differs for moment in own),
        "as_good": sum(moment.differs and moment.equally_good for moment in own),
        "by_hand": sum(moment.by == "human" for moment in moments),
        "unknown": game.unknown,
        "still": Markup(last_frame(record)),
        "page_data": {
            "letters": MOVE_LETTERS,
            "player": game.player.name,
            "teacher": game.teacher.name,
            "endings": {ending.name: _format.ending(ending.name) for ending in Ending},
        },
        "game": deflate([game_row(record), [*_opening(game), *map(_row, moments)]]),
    }


def _opening(game: WatchedGame) -> list[dict[str, Any]]:
    """Rows of the moves that were played before the player's first."""
    states = states_before(game.record, range(game.opening))
    return [
        {"move": move, "teacher": int(choice), "by": "opening"}
        for move, choice in zip(game.record.moves, game.teacher.moves(states), strict=False)
    ]


def _row(moment: Moment) -> dict[str, Any]:
    """What the page shows beside a board; what there is nothing to say of is left out."""
    row: dict[str, Any] = {"move": int(moment.move), "teacher": int(moment.teacher.move)}
    if moment.differs and moment.equally_good:
        row["good"] = True
    if moment.by != "player":
        row["by"] = moment.by
    if moment.planned:
        row["planned"] = True
    if len(moment.plan) > 1:
        row["plan"], row["way"] = letters(moment.plan), len(moment.way)
    if moment.probabilities is not None:
        row["shares"] = [round(share, 4) for share in moment.probabilities]
    if moment.answer.unusable:
        row["unusable"] = [moment.answer.unusable, moment.answer.text.strip()]
    if moment.explanation is not None:
        found = moment.explanation
        row["false"] = [[false.sentence, false.reason] for false in found.false]
        row["true"], row["unread"] = list(found.true), list(found.unreadable)
    return row
