"""Floor 12, cli: `serpentune watch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output


def watch(
    out: Output,
    teacher: Annotated[
        str,
        typer.Argument(metavar="TEACHER", help="Who plays, as `serpentune teachers` lists them.", show_default=False),
    ],
    grid_size: Annotated[
        str, option("--grid-size", metavar="N", help="Cells a side, or WIDTHxHEIGHT such as 10x8.")
    ] = "10",
    seed: Annotated[int, option("--seed", metavar="N", help="Seed of the game: where the apples lie.")] = 0,
    fps: Annotated[float, option("--fps", metavar="N", help="Moves a second; 50 at most in a GIF.")] = 10.0,
    save: Annotated[
        Path | None,
        option("--save", metavar="FILE", help="Write the game (.gif) or its last board (.png).", default="no file"),
    ] = None,
    every: Annotated[int, option("--every", metavar="N", help="Steps from one picture of a GIF to the next.")] = 1,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Watch a teacher play one game.

    In a terminal the game is shown move by move; elsewhere, and with --quiet, its last board.
    """
    from serpentune import teachers
    from serpentune.common.errors import UserError
    from serpentune.game import ansi, parse_board, states_before

    if save is not None and save.exists() and not overwrite:
        raise UserError(f"{save} exists. Choose another file, or pass --overwrite to replace it.")
    width, height = parse_board(grid_size)
    console = out.terminal()
    record = teachers.watch(
        teachers.get(teacher), seed, width, height, console=console, fps=fps, save=save, every=every
    )
    if out.json:
        out.document(
            {
                "teacher": record.player,
                "grid": [width, height],
                "seed": seed,
                "score": record.score,
                "steps": record.steps,
                "ending": record.ending.name,
                "file": save,
            }
        )
        return
    if console is None:
        out.line(ansi(states_before(record, [len(record.moves)])[0]))
        out.line(
            f"{record.player}, seed {seed}: {record.score} of {width * height - 1} apples in {record.steps} steps. "
            f"The game ends with {record.ending.name}."
        )
    if save is not None:
        out.line(str(save))
