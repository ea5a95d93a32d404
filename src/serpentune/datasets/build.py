"""Floor 4, datasets: game logs in, a data set of prompts and completions out."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from serpentune import __version__
from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import ensure_free
from serpentune.datasets.completions import get_style, prompts
from serpentune.datasets.encodings import Encoding, get_encoding
from serpentune.datasets.records import MANIFEST, SCHEMA, SPLITS
from serpentune.datasets.sampling import Moment, Selection, assign_splits, select
from serpentune.datasets.store import FORMATS, writing_dataset
from serpentune.game import GameRecord, states_before
from serpentune.logs import LogReading, find_logs, read_logs

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatasetStats:
    """What was built, and what was left out and why.

    Attributes:
        path: the data set's folder.
        records: records by split.
        by_teacher: records by teacher and split.
        games: accepted games by teacher.
        refused: games whose moves don't make their score, length or end, by file and reason.
        manifest: everything that the data set's `manifest.json` holds.
    """

    path: Path
    records: dict[str, int]
    by_teacher: dict[str, dict[str, int]]
    games: dict[str, int]
    refused: tuple[dict[str, str], ...]
    manifest: dict[str, Any]


def build_dataset(
    sources: Sequence[str | Path],
    output: Path,
    *,
    algorithms: Sequence[str] | None = None,
    max_samples_per_algorithm: int = 10_000,
    styles: Sequence[str] = ("plan",),
    encoding: str = "grid",
    train_share: float = 0.8,
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> DatasetStats:
    """Build a data set of prompts and completions from game logs.

    Every teacher contributes the same number of records in every style: together `max_samples_per_algorithm`, or what
    the poorest one has. All games with the same apples (one game seed) lie in one split, and a game that the logs hold
    twice is taken once. The same logs, options and seed give the same bytes.

    Args:
        sources: run folders and globs, as for `serpentune.logs.read_logs`.
        output: the folder to make.
        algorithms: players to learn from, in upper or lower case; None for all that the logs hold.
        max_samples_per_algorithm: records of each teacher at most, over all splits and styles.
        styles: completion styles; each gets an equal share.
        encoding: how states are written.
        train_share: share of the games in `train`, between 0 and 1; the rest is halved between validation and test.
        seed: decides the split and the sample.
        overwrite: whether a data set in that folder may be replaced; a folder with other files never is.
        progress: called with the number of records done since the last call.

    Raises:
        UserError: no logs, an algorithm without games, an impossible split, an unknown style or encoding, a negative
            seed, or an output folder that holds files, or with `overwrite` the logs themselves.
    """
    ensure_free(output, overwrite=overwrite, marker=MANIFEST)
    chosen_styles = [get_style(name) for name in dict.fromkeys(styles)]
    if not chosen_styles:
        raise UserError("No completion style was named.")
    if max_samples_per_algorithm < len(chosen_styles):
        raise UserError(
            f"{max_samples_per_algorithm} records of each teacher are too few: each of {len(chosen_styles)} completion "
            "styles needs one at least."
        )
    if seed < 0:
        raise UserError(f"The seed is {seed}; seeds are 0 or more.")
    text_of = get_encoding(encoding)
    if inside := [run for run in find_logs(sources) if run.resolve().is_relative_to(output.resolve())]:
        raise UserError(
            f"{output} holds the logs {inside[0]}, which would be overwritten. Choose another output folder."
        )
    reading = read_logs(sources, players=algorithms)
    teachers = _by_teacher(reading, algorithms)
    splits = assign_splits(_keys(reading), train_share, seed)

    wanted = max_samples_per_algorithm // len(chosen_styles)
    selections = {
        name: select(games, chosen_styles, wanted, np.random.default_rng([seed, 1, number]))
        for number, (name, games) in enumerate(teachers.items())
    }
    share, poorest, style_name = min(
        (len(moments), name, style)
        for name, selection in selections.items()
        for style, moments in selection.moments.items()
    )
    if share == 0:
        raise UserError(f"No game of {poorest} holds a move to learn from in the style {style_name}.")
    rows: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    by_teacher: dict[str, Counter[str]] = {}
    for number, (name, selection) in enumerate(selections.items()):
        kept = _thin(selection, share, np.random.default_rng([seed, 2, number]))
        by_teacher[name] = Counter()
        for game, moments in _by_game(kept).items():
            split = splits[game]
            by_teacher[name][split] += len(moments)
            rows[split] += _records(name, reading, game, moments, text_of)
            progress(len(moments))
    for number, split in enumerate(SPLITS):
        order = np.random.default_rng([seed, 3, number]).permutation(len(rows[split]))
        rows[split] = [rows[split][place] for place in order]

    refused = tuple({"file": str(refusal.file), "reason": refusal.explanation} for refusal in reading.refused)
    if refused:
        _LOG.warning("%d games were left out; `serpentune logs check` lists them with the reasons", len(refused))
    games = {name: len(records) for name, records in teachers.items()}
    manifest: dict[str, Any] = {
        "serpentune": __version__,
        "seed": seed,
        "encoding": encoding,
        "styles": [style.name for style in chosen_styles],
        "train_share": train_share,
        "max_samples_per_algorithm": max_samples_per_algorithm,
        "records": {split: len(rows[split]) for split in SPLITS},
        "teachers": {
            name: {
                "games": games[name],
                "boards": sorted({_board(record) for _, record in records}),
                "records": {split: by_teacher[name][split] for split in SPLITS},
                **_left_out(selections[name], share),
            }
            for name, records in teachers.items()
        },
        "games_refused": len(refused),
        "games_repeated": len(reading.games) - sum(games.values()),
        "games_of_other_players": reading.passed_over,
    }
    with writing_dataset(output, lambda _: manifest, formats=FORMATS, overwrite=overwrite) as writer:
        for split in SPLITS:
            writer.write(split, pa.Table.from_pylist(rows[split], schema=SCHEMA))
    return DatasetStats(
        output,
        manifest["records"],
        {name: dict(counts) for name, counts in by_teacher.items()},
        games,
        refused,
        manifest,
    )


def _by_teacher(reading: LogReading, algorithms: Sequence[str] | None) -> dict[str, list[tuple[int, GameRecord]]]:
    """Games with their index in the reading, each once, by teacher in alphabetical order; all asked for have some."""
    teachers: defaultdict[str, list[tuple[int, GameRecord]]] = defaultdict(list)
    seen: set[tuple[Any, ...]] = set()
    for index, record in enumerate(reading.games):
        name = record.player.upper()
        game = (name, record.seed, record.width, record.height, record.apples, record.moves)
        if game not in seen:
            seen.add(game)
            teachers[name].append((index, record))
    asked = [name.upper() for name in algorithms or ()]
    missing = [name for name in asked if name not in teachers]
    if missing or not teachers:
        refused = f" {len(reading.refused)} games were refused: `serpentune logs check` says why."
        if missing and (held := {*teachers, *(name.upper() for name in reading.passed_over)}):
            problem = str(unknown_name("player of an accepted game in these logs", missing[0], held))
        else:
            problem = "The logs hold no usable game."
        raise UserError(problem + (refused if reading.refused else ""))
    return dict(sorted(teachers.items()))


def _keys(reading: LogReading) -> list[str]:
    """What a game shares with those that must lie in its split: its seed, whoever played.

    Games of other programs have no seed; those that begin with the same apples count as one, so that copies of a run
    and players that met the same apples aren't torn apart.
    """
    return [
        f"seed {record.seed}" if record.seed is not None else f"{_board(record)} apples {record.apples[:3]}"
        for record in reading.games
    ]


def _board(record: GameRecord) -> str:
    return f"{record.width}x{record.height}"


def _thin(selection: Selection, count: int, rng: np.random.Generator) -> list[Moment]:
    """`count` of the moments of each style, in the order of games and steps."""
    kept = [
        moments[place]
        for moments in selection.moments.values()
        for place in np.sort(rng.choice(len(moments), size=count, replace=False))
    ]
    return sorted(kept, key=lambda moment: (moment.game, moment.step, moment.style.name))


def _by_game(moments: Sequence[Moment]) -> dict[int, list[Moment]]:
    games: defaultdict[int, list[Moment]] = defaultdict(list)
    for moment in moments:
        games[moment.game].append(moment)
    return games


def _records(
    teacher: str, reading: LogReading, game: int, moments: list[Moment], encoding: Encoding
) -> list[dict[str, Any]]:
    record, folder = reading.games[game], reading.folders[game]
    states = states_before(record, [moment.step for moment in moments])
    asked: dict[int, str] = {}
    for style in {moment.style for moment in moments}:
        rows = [row for row, moment in enumerate(moments) if moment.style is style]
        asked.update(zip(rows, prompts(states.take(rows), teacher, encoding, style), strict=True))
    return [
        {
            "prompt": asked[row],
            "completion": moment.style.completion(record.moves[moment.step : moment.step + max(moment.length, 1)]),
            "teacher": teacher,
            "style": moment.style.name,
            "game": f"{folder.name}/{record.number}",
            "seed": record.seed,
            "step": moment.step,
            "snake_length": length,
            "board": _board(record),
            "encoding": encoding.name,
            "symmetry": 0,
            "verified": True,
        }
        for row, (moment, length) in enumerate(zip(moments, states.length.tolist(), strict=True))
    ]


def _left_out(selection: Selection, share: int) -> dict[str, Any]:
    return {
        "candidates": selection.candidates,
        "dropped_to_balance": sum(len(moments) - share for moments in selection.moments.values()),
        "moves_without_a_further_apple": selection.without_apple,
        "moves_without_answer": selection.no_answer,
    }
