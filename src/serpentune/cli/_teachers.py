"""Floor 12, cli: `serpentune teachers`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number, percent

if TYPE_CHECKING:
    from serpentune.pipeline import LeagueRow

_GAMES = 100
_BOARD = "10"


def teachers(
    out: Output,
    algorithms: Annotated[
        list[str] | None,
        option("--algorithms", metavar="NAME...", help="Who plays.", default="all teachers"),
    ] = None,
    games: Annotated[
        int | None, option("--games", metavar="N", help="Games that each of them plays.", default=str(_GAMES))
    ] = None,
    grid_size: Annotated[
        str | None,
        option("--grid-size", metavar="N", help="Cells a side, or WIDTHxHEIGHT such as 10x8.", default=_BOARD),
    ] = None,
    seed: Annotated[
        int | None,
        option("--seed", metavar="N", help="Seed of the first game; all meet the same apples.", default="0"),
    ] = None,
) -> None:
    """List the teachers, or let them play a league.

    Without an option each says what it does and promises. With any, they play the same games. Wins have their 95%
    Wilson interval. Moves a second are those of playing alone: nothing is written.
    """
    if all(given is None for given in (algorithms, games, grid_size, seed)):
        _list(out)
        return
    from serpentune.common.progress import progress_bar
    from serpentune.game import parse_board
    from serpentune.pipeline import play_league
    from serpentune.teachers import names

    width, height = parse_board(_BOARD if grid_size is None else grid_size)
    count = _GAMES if games is None else games
    players = len({name.upper() for name in algorithms or names()})
    with progress_bar("Playing", count * players, quiet=out.quiet) as advance:
        rows = play_league(algorithms or None, count, width, height, seed or 0, progress=advance)
    if out.json:
        out.document({"rows": [asdict(row) for row in rows]})
        return
    columns = ["teacher", "won", "95% interval", "score", "win steps", "moves/s"]
    title = f"{width}x{height}, {number(count, 0)} games each from seed {seed or 0}"
    out.table(columns, [_row(row) for row in rows], title=title)


def _list(out: Output) -> None:
    from serpentune import teachers as registry

    known = [registry.get(name) for name in registry.names()]
    if out.json:
        out.document(
            {
                "teachers": [
                    {"name": teacher.name, "summary": teacher.summary, "guarantee": teacher.guarantee}
                    for teacher in known
                ]
            }
        )
    else:
        out.table(
            ["teacher", "what it does", "what it promises"],
            [[teacher.name, teacher.summary, teacher.guarantee] for teacher in known],
        )


def _row(row: LeagueRow) -> list[str]:
    return [
        row.teacher,
        percent(row.wins / row.games),
        f"{number(100 * row.win_rate_low, 1)} to {percent(row.win_rate_high)}",
        number(row.score_mean),
        "-" if row.steps_to_win_mean is None else number(row.steps_to_win_mean, 1),
        number(row.moves_per_second, 0),
    ]
