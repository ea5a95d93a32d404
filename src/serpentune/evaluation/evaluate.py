"""Floor 8, evaluation: somebody's games, language figures and speed, written to one folder."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from serpentune import __version__
from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import write_json
from serpentune.common.processes import is_first_process, process_count, process_rank, wait_for_all
from serpentune.common.progress import progress_bar
from serpentune.evaluation.contestants import Contestant, model_contestant
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.held_out import ask, grouped, states_of_records, write_answers
from serpentune.evaluation.performance import accounted, write_figures
from serpentune.evaluation.play import DoesNotFit, ModelPlayer
from serpentune.evaluation.results import (
    EXPLAINED_MOVES,
    LANGUAGE_RECORDS,
    RECORDS_SHA256,
    SPEED,
    EvaluationResult,
    write_derived,
)
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.evaluation.spread import ENGINES, play_here, play_on_ray
from serpentune.evaluation.states import StateAnswer
from serpentune.evaluation.store import OpenResults, open_part, open_results
from serpentune.evaluation.top_moves import keep_top_moves
from serpentune.models import LoadedModel

MEASURES = {
    "play": "games really played",
    "language": "prediction and writing on records, and whether reasons change a move, for language models",
    "states": "choices in the records' states, which teachers visited",
    "speed": "time, memory and size",
}

SUITES = {
    "play": ("play",),
    "language": ("language",),
    "states": ("states",),
    "speed": ("speed",),
    "full": tuple(MEASURES),
}
"""Measures that are asked for by one name."""

_LOG = logging.getLogger(__name__)


def evaluate_model(
    loaded: LoadedModel,
    folder: Path,
    settings: EvaluationSettings,
    *,
    name: str | None = None,
    measures: str | Collection[str] = ("play", "language"),
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
    advanced: Callable[[int], None] | None = None,
) -> EvaluationResult:
    """`evaluate_contestant` for a language model in memory, which is called `name` in tables (its own name without)."""
    return evaluate_contestant(
        model_contestant(loaded, name),
        folder,
        settings,
        measures=measures,
        test_records=test_records,
        overwrite=overwrite,
        quiet=quiet,
        advanced=advanced,
    )


def evaluate_contestant(
    contestant: Contestant,
    folder: Path,
    settings: EvaluationSettings,
    *,
    measures: str | Collection[str] = ("play", "language"),
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
    advanced: Callable[[int], None] | None = None,
    engine: str = "local",
    address: str | None = None,
) -> EvaluationResult:
    """Let somebody play, measure what else is asked for, and write everything to `folder`.

    A folder that a killed run of the same evaluation left is gone on with: finished games are kept, and the figures of
    speed and memory are those of the games that were missing. What was asked of an endpoint is added to what the
    folder says of it.

    Args:
        contestant: who plays.
        folder: the results folder to make or to go on with.
        settings: how the games go.
        measures: some of `MEASURES`, or the name of one of `SUITES`.
        test_records: for `language` and `states`, as of `read_test_records`; none leaves both unmeasured. Language is
            unmeasured too for a player that is no language model in this process.
        overwrite: replace what the folder holds.
        quiet: show no progress bar.
        advanced: called with the number of games that ended since the last call, instead of showing a bar.
        engine: `local`: in this process, or under torchrun in all of its processes; `ray`: on a Ray cluster.
        address: of the Ray cluster; None for the one that RAY_ADDRESS names, or else one on this machine.

    Returns:
        What the folder holds; without games where they were never asked for.

    Raises:
        UserError: impossible settings, an unknown measure, suite or engine, an endpoint under torchrun, a board too
            large for the model's context, or a folder with another evaluation in it or that another process writes to.
    """
    settings.check()
    measures = measures_of(measures)
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if engine == "ray" and process_count() > 1:
        raise UserError("Ray spreads the games itself: start the engine ray without torchrun.")
    if contestant.traffic is not None and process_count() > 1:
        raise UserError("An endpoint is asked by one process, which alone knows what is spent: start without torchrun.")
    if "play" in measures:
        contestant.check(settings)
    if is_first_process():
        manifest = _manifest(contestant, settings, measures, test_records)
        with (
            open_results(folder, manifest, overwrite=overwrite) as results,
            accounted(contestant, folder),
        ):
            if "play" in measures:
                _play(contestant, folder, settings, results, engine, address, quiet=quiet, advanced=advanced)
                _top_moves(contestant, folder, settings, quiet=quiet)
            if test_records and "language" in measures:
                _language(contestant, test_records, folder, quiet=quiet)
            if test_records and "states" in measures:
                _states(contestant, test_records, folder, settings, quiet=quiet)
            if "speed" in measures:
                _speed(contestant, folder, settings, quiet=quiet)
            write_derived(folder)
    elif "play" in measures:
        _play_part(contestant, folder, settings)
    wait_for_all()
    return EvaluationResult.load(folder, games_needed="play" in measures)


def measures_of(asked: str | Collection[str]) -> tuple[str, ...]:
    """The measures of a suite, or those that are named themselves.

    Raises:
        UserError: there is no such suite or measure.
    """
    if isinstance(asked, str):
        if asked not in SUITES:
            raise unknown_name("suite", asked, SUITES)
        return SUITES[asked]
    for measured in asked:
        if measured not in MEASURES:
            raise unknown_name("measure", measured, MEASURES)
    return tuple(asked)


def _manifest(
    contestant: Contestant,
    settings: EvaluationSettings,
    measures: Collection[str],
    records: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    from serpentune.evaluation.resources import versions

    possible = ("states",) if contestant.loaded is None else ("language", "states")
    on_records = [measure for measure in possible if measure in measures] if records else []
    sha256 = _sha256(records) if on_records else ""
    return {
        "name": contestant.name,
        "format": 1,
        "serpentune": __version__,
        **contestant.identity,
        **settings.rules(),
        **contestant.notes,
        **({RECORDS_SHA256: dict.fromkeys(on_records, sha256)} if on_records else {}),
        "versions": versions(),
    }


def _sha256(records: Sequence[Mapping[str, str]]) -> str:
    """Hex SHA-256 of records' prompts and completions in their order."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(json.dumps([record.get("prompt"), record.get("completion")]).encode() + b"\n")
    return digest.hexdigest()


def _play(
    contestant: Contestant,
    folder: Path,
    settings: EvaluationSettings,
    results: OpenResults,
    engine: str,
    address: str | None,
    *,
    quiet: bool,
    advanced: Callable[[int], None] | None,
) -> None:
    """Play the games that are missing, this process's share of them, and take over those of the other processes."""
    from serpentune.evaluation.resources import measure

    wait_for_all()  # the others look up which games are finished
    wait_for_all()
    seeds = _missing(settings, results)
    elsewhere = _elsewhere(contestant, engine)
    device = "cpu" if contestant.loaded is None else str(contestant.loaded.model.device)
    played: list[GameResult] = []
    bar = progress_bar(f"Playing ({contestant.name})", len(seeds), quiet=quiet or advanced is not None)
    try:
        with measure(device) as used, bar as advance:
            ended = advanced or (lambda games: advance(games * process_count()))
            own = seeds[:: process_count()]
            games = (
                play_on_ray(contestant, own, settings, ended, address)
                if engine == "ray"
                else play_here(contestant, own, settings, ended)
            )
            for result in games:
                results.add(result)
                played.append(result)
            wait_for_all()
            played += results.take_parts()
    except KeyboardInterrupt:
        done = len(results.finished) + len(played)
        _LOG.warning("%d of %d games are in %s; the same evaluation goes on from there", done, settings.games, folder)
        raise
    finally:
        if played:
            write_figures(folder, played, used, device, elsewhere)


def _top_moves(contestant: Contestant, folder: Path, settings: EvaluationSettings, *, quiet: bool) -> None:
    """Keep what a model gives the four moves in the states of the first games."""
    if not settings.top_moves:
        return
    player = contestant.player(settings)
    if not isinstance(player, ModelPlayer):
        _LOG.warning("top moves are not kept: %s is no language model in this process", contestant.name)
        return
    played = EvaluationResult.load(folder).games[: settings.top_moves]
    with progress_bar(f"Top moves ({contestant.name})", len(played), quiet=quiet) as advance:
        keep_top_moves(player, [game.record for game in played], folder, progress=advance)


def _elsewhere(contestant: Contestant, engine: str) -> str:
    """Why this process doesn't know where the player is and what memory it takes; empty where it does."""
    if engine == "ray":
        return "workers of the Ray cluster played"
    return "" if contestant.traffic is None else "the model is served elsewhere"


def _play_part(contestant: Contestant, folder: Path, settings: EvaluationSettings) -> None:
    """The share of one process that isn't the first."""
    wait_for_all()
    with open_part(folder, process_rank(), contestant.name) as results:
        seeds = _missing(settings, results)
        wait_for_all()
        for result in play_here(contestant, seeds[process_rank() :: process_count()], settings, lambda _: None):
            results.add(result)
    wait_for_all()


def _language(contestant: Contestant, records: Sequence[Mapping[str, str]], folder: Path, *, quiet: bool) -> None:
    from serpentune.evaluation.language import ask_plainly, measure_records, save_lines

    loaded = contestant.loaded
    if loaded is None:
        _LOG.warning("language is not measured: %s is no language model in this process", contestant.name)
        return
    with progress_bar(f"Language ({contestant.name})", len(records), quiet=quiet) as advance:
        measured = measure_records(loaded.model, loaded.tokenizer, records, chat=loaded.chat, progress=advance)
        explained = ask_plainly(loaded, measured)  # a few tokens each, where the reasons took hundreds
    save_lines(folder / LANGUAGE_RECORDS, measured)
    if explained:
        save_lines(folder / EXPLAINED_MOVES, explained)


def _states(
    contestant: Contestant,
    records: Sequence[Mapping[str, str]],
    folder: Path,
    settings: EvaluationSettings,
    *,
    quiet: bool,
) -> None:
    try:
        held = states_of_records(records)
    except UserError as error:
        _LOG.warning("choices in held-out states are not measured: %s", error)
        return

    answers: list[StateAnswer] = []
    with progress_bar(f"Held-out states ({contestant.name})", len(held), quiet=quiet) as advance:
        for (teacher, width, height), group in grouped(held).items():
            like = replace(settings, teacher=teacher, width=width, height=height, games=len(group))
            try:
                contestant.check(like)
            except DoesNotFit as error:
                _LOG.warning("choices in %d held-out states of %s are not measured: %s", len(group), teacher, error)
                advance(len(group))
                continue
            answers += ask(contestant.player(like), group, progress=advance)
    if answers:
        write_answers(folder, answers)


def _speed(contestant: Contestant, folder: Path, settings: EvaluationSettings, *, quiet: bool) -> None:
    from serpentune.evaluation.speed import speed_metrics

    with progress_bar(f"Speed ({contestant.name})", None, quiet=quiet) as advance:
        write_json(folder / SPEED, speed_metrics(contestant, settings, progress=advance))


def _missing(settings: EvaluationSettings, results: OpenResults) -> list[int]:
    return [seed for seed in range(settings.seed, settings.seed + settings.games) if seed not in results.finished]
