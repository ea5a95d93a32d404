"""Floor 12, cli: `serpentune generate` and `serpentune logs check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number


def generate(
    out: Output,
    algorithms: Annotated[
        list[str],
        option("--algorithms", metavar="NAME...", help="Who plays: teachers, as `serpentune teachers` lists them."),
    ],
    games: Annotated[int, option("--games", metavar="N", help="Games that each of them plays.")] = 500,
    grid_size: Annotated[
        str, option("--grid-size", metavar="N", help="Cells a side, or WIDTHxHEIGHT such as 10x8.")
    ] = "10",
    seed: Annotated[
        int,
        option("--seed", metavar="N", help="Seed of the first game; the others follow, the same ones for everyone."),
    ] = 0,
    noise: Annotated[
        float,
        option("--noise", metavar="P", help="Probability with which a move is random, one that doesn't kill at once."),
    ] = 0,
    output_dir: Annotated[
        Path, option("--output-dir", metavar="DIR", help="Where the run folders go, one for each teacher.")
    ] = Path("logs/extensions"),
    format: Annotated[  # noqa: A002 - it is what users type
        Literal["parquet", "json"],
        option("--format", metavar="FORMAT", help="parquet: all games in one file; json: a game_N.json each."),
    ] = "parquet",
    overwrite: Annotated[
        bool, option("--overwrite", help="Replace run folders of the same name that hold files.")
    ] = False,
    resume: Annotated[
        bool, option("--resume", help="Go on with the newest unfinished run of the same options, as after a power cut.")
    ] = False,
    engine: Annotated[
        Literal["local", "ray"],
        option("--engine", metavar="ENGINE", help="local: the cores of this machine; ray: a Ray cluster."),
    ] = "local",
    address: Annotated[
        str | None,
        option("--address", metavar="HOST:PORT", help="The Ray cluster.", default="one on this machine alone"),
    ] = None,
) -> None:
    """Let teachers play games and write them down.

    Each teacher gets a run folder, heuristics-NAME_DATE_TIME. All teachers meet the same apples.
    """
    from serpentune.common.files import read_json
    from serpentune.common.progress import progress_bar
    from serpentune.game import parse_board
    from serpentune.logs import generate_runs

    width, height = parse_board(grid_size)
    with progress_bar("Playing", games * len({name.upper() for name in algorithms}), quiet=out.quiet) as advance:
        folders = generate_runs(
            algorithms,
            games,
            width,
            height,
            seed,
            output_dir,
            format=format,
            noise=noise,
            overwrite=overwrite,
            resume=resume,
            engine=engine,
            address=address,
            progress=advance,
        )
    runs = [{"folder": str(folder), **read_json(folder / "summary.json")} for folder in folders]
    if out.json:
        out.document({"runs": runs})
        return
    out.table(["teacher", "games", "won", "mean score", "mean steps"], [_run_row(run) for run in runs])
    for folder in folders:
        out.line(str(folder))


def check(
    out: Output,
    directories: Annotated[
        list[str], typer.Argument(metavar="DIR...", help="Run folders, folders of run folders, or quoted globs.")
    ],
) -> None:
    """Replay games, and list those that don't follow from their moves.

    Exit code 0: every game is accepted. Exit code 2: at least one is refused, or there are none.
    """
    from serpentune.logs import check_logs

    checked = check_logs(directories)
    refused = checked["refused"]
    if out.json:
        out.document(checked)
    else:
        for refusal in refused:
            out.line(f"{refusal['file']}: {refusal['reason']}")
        lost = sum(refusal["games"] or 0 for refusal in refused)
        uncounted = sum(refusal["games"] is None for refusal in refused)
        more = f" The games of {uncounted} damaged file(s) can't be counted." if uncounted else ""
        out.line(f"{number(checked['accepted'], 0)} games accepted, {number(lost, 0)} refused.{more}")
    if refused:
        raise typer.Exit(2)


def _run_row(run: dict[str, Any]) -> list[str]:
    return [
        run["algorithm"],
        number(run["total_games"], 0),
        number(run["wins"], 0),
        number(run["average_score"]),
        number(run["average_steps"], 1),
    ]
