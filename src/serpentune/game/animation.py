"""Floor 1, game: a recorded game as a GIF or PNG file; needs the extra `images`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.files import replacing_file
from serpentune.game.record import GameRecord, states_before
from serpentune.game.render import PALETTE, palette_image
from serpentune.game.state import State

if TYPE_CHECKING:
    from PIL import Image

FASTEST = 20
"""Milliseconds below which browsers show a GIF at a pace of their own."""

SLOWEST = 655_350
"""The most milliseconds that a GIF can hold, 65,535 hundredths of a second."""

_LAST_STAYS = 2000
_MOST_PIXELS = 1 << 28
_STATES_AT_ONCE = 1024


def save_animation(
    record: GameRecord, path: Path, *, cell_size: int = 24, milliseconds: int = 120, every: int = 1
) -> None:
    """Write a game to `path`: `.gif`, the board before every move and the last one, in a loop; `.png`, the last board.

    The same record gives the same bytes, with one version of Pillow.

    Args:
        record: a game that `verify` accepts.
        path: the file; one that exists is replaced.
        cell_size: the side of a cell in pixels.
        milliseconds: how long each picture of a GIF is shown, `FASTEST` to `SLOWEST`; the last one stays two seconds.
        every: steps from one picture of a GIF to the next; the last board is always shown.

    Raises:
        UserError: another suffix, Pillow isn't installed, `path` can't be written, `milliseconds` or `every` are out of
            range, or the GIF would be made of too many pixels to be held in memory.
        ValueError: `cell_size` is below `render.MIN_CELL_SIZE`.
    """
    if _suffix(path) == ".png":
        save_picture(record, path, cell_size=cell_size)
        return
    check_animation(path, milliseconds=milliseconds, every=every)
    last = len(record.moves)
    steps = [*range(0, last, every), last]
    pixels = record.width * record.height * cell_size**2
    if len(steps) * pixels > _MOST_PIXELS:
        others = _MOST_PIXELS // pixels - 1
        fewer = f"Show one every {-(-last // others)} steps (--every {-(-last // others)})." if others > 0 else ""
        raise UserError(
            f"{path} would hold {len(steps)} pictures of {pixels} pixels, too many for the memory. "
            f"{fewer or 'Choose smaller cells.'}"
        )
    images = _images(record, steps, cell_size)
    first = next(images)
    durations = [milliseconds] * (len(steps) - 1) + [max(milliseconds, _LAST_STAYS)]
    with replacing_file(path) as part:
        first.save(part, "GIF", save_all=True, append_images=images, duration=durations, loop=0)


def check_animation(path: Path, *, milliseconds: int = 120, every: int = 1) -> None:
    """Refuse what `save_animation` would refuse of any game, before the game is played.

    Raises:
        UserError: another suffix, Pillow isn't installed, or `milliseconds` or `every` are out of range.
    """
    _suffix(path)
    _pillow()
    if not FASTEST <= milliseconds <= SLOWEST:
        raise UserError(f"A picture of a GIF is shown for {FASTEST} to {SLOWEST} ms, not for {milliseconds}.")
    if every < 1:
        raise UserError(f"Every {every} steps is not possible: 1 shows all steps, 2 every second one.")


def save_picture(record: GameRecord, path: Path, *, step: int | None = None, cell_size: int = 24) -> None:
    """Write one board of a game to `path`, a `.png` file; the same record gives the same bytes.

    Args:
        record: a game that `verify` accepts.
        path: the file; one that exists is replaced.
        step: the board before that entry of `record.moves`, from 0; None for the last board.
        cell_size: the side of a cell in pixels.

    Raises:
        UserError: another suffix, Pillow isn't installed, the game has no such step, or `path` can't be written.
        ValueError: `cell_size` is below `render.MIN_CELL_SIZE`.
    """
    if _suffix(path) != ".png":
        raise UserError(f"{path} can't hold one board: name a .png file.")
    last = len(record.moves)
    chosen = last if step is None else step
    if not 0 <= chosen <= last:
        raise UserError(f"The game has no step {chosen}: choose one from 0 to {last}.")
    (image,) = _images(record, [chosen], cell_size)
    with replacing_file(path) as part:
        image.save(part, "PNG")


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (".gif", ".png"):
        raise UserError(f"{path} is no picture that can be written: name a .gif file (the game) or .png (a board).")
    return suffix


def _images(record: GameRecord, steps: Sequence[int], cell_size: int) -> Iterator[Image.Image]:
    pillow = _pillow()
    for state in _states(record, steps):
        image = pillow.fromarray(palette_image(state, cell_size=cell_size))
        image.putpalette(PALETTE.tobytes())
        yield image


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise UserError("Pictures need Pillow, the extra 'images': pip install 'serpentune[images]'.") from error
    return Image


def _states(record: GameRecord, steps: Sequence[int]) -> Iterator[State]:
    for start in range(0, len(steps), _STATES_AT_ONCE):
        yield from states_before(record, steps[start : start + _STATES_AT_ONCE])
