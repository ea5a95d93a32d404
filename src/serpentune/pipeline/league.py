"""Floor 11, pipeline: teachers against each other: how often each wins, in how many steps, and how fast it plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.game import Ending, check_board, check_seeds
from serpentune.statistics import wilson_interval


@dataclass(frozen=True)
class LeagueRow:
    """One teacher on one board.

    Attributes:
        teacher: its name.
        grid: the board, `10x10`.
        games: how many it played.
        wins: how many of them filled the board.
        win_rate_low: lower end of the 95% Wilson interval of the win rate, a share of 1.
        win_rate_high: its upper end.
        score_mean: apples a game.
        steps_to_win_mean: moves a won game; None without a win.
        moves_per_second: of the whole, rules and apples included, nothing written; compiling is not in it.
        endings: games by the name of their ending.
    """

    teacher: str
    grid: str
    games: int
    wins: int
    win_rate_low: float
    win_rate_high: float
    score_mean: float
    steps_to_win_mean: float | None
    moves_per_second: float
    endings: dict[str, int]


def play_league(
    algorithms: Sequence[str] | None,
    games: int,
    width: int,
    height: int,
    seed: int = 0,
    *,
    progress: Callable[[int], None] | None = None,
) -> list[LeagueRow]:
    """Let teachers play the same game seeds `seed` to `seed + games - 1` on one board; a row each, in their order.

    Args:
        algorithms: teachers' names; one that stands twice plays once; None for all that are known.
        games: how many each plays, at least 1.
        width: cells a row.
        height: cells a column.
        seed: the first game's seed, from 0.
        progress: called with 1 after each game.

    Raises:
        UserError: no or unknown teachers, a board outside the rules, no games, or a seed out of range.
    """
    check_board(width, height)
    if games < 1:
        raise UserError(f"{games} games can't be played; ask for at least 1.")
    check_seeds(seed, games)
    names = teachers.names() if algorithms is None else algorithms
    if not names:
        raise UserError(f"No teacher was named. Known: {', '.join(teachers.names())}.")
    players = {teacher.name: teacher for teacher in map(teachers.get, names)}
    return [_row(player, games, width, height, seed, progress) for player in players.values()]


def _row(
    player: teachers.Teacher,
    games: int,
    width: int,
    height: int,
    seed: int,
    progress: Callable[[int], None] | None,
) -> LeagueRow:
    next(iter(teachers.play(player, [seed], width, height)))  # what is compiled at first use is compiled here
    scores: list[int] = []
    steps_to_win: list[int] = []
    endings: dict[str, int] = {}
    moves = 0
    began = time.perf_counter()
    for record in teachers.play(player, range(seed, seed + games), width, height):
        moves += record.steps
        scores.append(record.score)
        endings[record.ending.name] = endings.get(record.ending.name, 0) + 1
        if record.ending == Ending.WIN:
            steps_to_win.append(record.steps)
        if progress:
            progress(1)
    taken = time.perf_counter() - began
    rate = wilson_interval(len(steps_to_win), games)
    assert rate.interval is not None
    return LeagueRow(
        teacher=player.name,
        grid=f"{width}x{height}",
        games=games,
        wins=len(steps_to_win),
        win_rate_low=rate.interval.low,
        win_rate_high=rate.interval.high,
        score_mean=fmean(scores),
        steps_to_win_mean=fmean(steps_to_win) if steps_to_win else None,
        moves_per_second=moves / taken,
        endings=dict(sorted(endings.items())),
    )
