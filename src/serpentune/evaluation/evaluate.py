"""Floor 8, evaluation: somebody's games, language figures and speed, written to one folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from serpentune import __version__
from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import write_json
from serpentune.common.processes import is_first_process, process_count, process_rank, wait_for_all
from serpentune.common.progress import progress_bar
from serpentune.evaluation.contestants import Contestant, model_contestant
from serpentune.evaluation.results import LANGUAGE, PERFORMANCE, EvaluationResult, GameResult, write_play_and_states
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.evaluation.spread import ENGINES, play_here, play_on_ray
from serpentune.evaluation.store import OpenResults, open_part, open_results
from serpentune.models import LoadedModel


def evaluate_model(
    loaded: LoadedModel,
    folder: Path,
    settings: EvaluationSettings,
    *,
    name: str | None = None,
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
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
    advanced: Callable[[int], None] | None = None,
    engine: str = "local",
    address: str | None = None,
) -> EvaluationResult:
    """Let somebody play, measure a model's language on `test_records`, and write everything to `folder`.

    A folder that a killed run of the same evaluation left is gone on with: finished games are kept, and the figures of
    speed and memory are those of the games that were missing.

    Args:
        contestant: who plays.
        folder: the results folder to make or to go on with.
        settings: how the games go.
        test_records: prompts and completions for perplexity, BLEU and ROUGE-L; none leaves them unmeasured, and so does
            a player that is no language model in this process.
        overwrite: replace what the folder holds.
        quiet: show no progress bar.
        advanced: called with the number of games that ended since the last call, instead of showing a bar.
        engine: `local`: in this process, or under torchrun in all of its processes; `ray`: on a Ray cluster.
        address: of the Ray cluster; None for the one that RAY_ADDRESS names, or else one on this machine.

    Raises:
        UserError: impossible settings, an unknown engine, a board too large for the model's context, or a folder with
            another evaluation in it or that another process writes to.
    """
    from serpentune.evaluation.language import language_metrics
    from serpentune.evaluation.resources import measure, versions

    settings.check()
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if engine == "ray" and process_count() > 1:
        raise UserError("Ray spreads the games itself: start the engine ray without torchrun.")
    manifest = {
        "name": contestant.name,
        "format": 1,
        "serpentune": __version__,
        **contestant.identity,
        **settings.rules(),
        **contestant.notes,
        "versions": versions(),
    }
    if not is_first_process():
        _play_part(contestant, folder, settings, manifest)
        return EvaluationResult.load(folder)
    loaded = contestant.loaded
    device = "cpu" if loaded is None else loaded.model.device
    with open_results(folder, manifest, overwrite=overwrite) as results:
        wait_for_all()  # the others look up which games are finished
        wait_for_all()
        seeds = _missing(settings, results)
        played: list[GameResult] = []
        with (
            measure(device) as used,
            progress_bar(f"Playing ({contestant.name})", len(seeds), quiet=quiet or advanced is not None) as advance,
        ):
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
        if played:
            figures = _performance(played, used.seconds, used.peak_memory_mb, str(device))
            write_json(folder / PERFORMANCE, {**figures, **contestant.account()})
        if test_records and loaded is not None:
            with progress_bar(f"Language ({contestant.name})", len(test_records), quiet=quiet) as advance:
                figures = language_metrics(
                    loaded.model, loaded.tokenizer, test_records, chat=loaded.chat, progress=advance
                )
            write_json(folder / LANGUAGE, figures)
        write_play_and_states(folder)
        wait_for_all()
    return EvaluationResult.load(folder)


def _play_part(contestant: Contestant, folder: Path, settings: EvaluationSettings, manifest: Mapping[str, Any]) -> None:
    """The share of one process that isn't the first."""
    wait_for_all()
    with open_part(folder, process_rank(), manifest) as results:
        seeds = _missing(settings, results)
        wait_for_all()
        for result in play_here(contestant, seeds[process_rank() :: process_count()], settings, lambda _: None):
            results.add(result)
    wait_for_all()
    wait_for_all()


def _missing(settings: EvaluationSettings, results: OpenResults) -> list[int]:
    return [seed for seed in range(settings.seed, settings.seed + settings.games) if seed not in results.finished]


def _performance(
    played: Sequence[GameResult], seconds: float, peak_memory_mb: float | None, device: str
) -> dict[str, Any]:
    """The figures of `performance.json`; `ms_per_move` and `tokens_per_second` count the answers' time alone."""
    moves, tokens = sum(result.record.steps for result in played), sum(result.tokens for result in played)
    answering = sum(result.ms for result in played) / 1000
    return {
        "games": len(played),
        "moves": moves,
        "seconds": round(seconds, 3),
        "games_per_second": round(len(played) / seconds, 3),
        "ms_per_move": round(1000 * answering / max(moves, 1), 4),
        "moves_per_second": round(moves / seconds, 1),
        "tokens_per_second": round(tokens / answering, 1) if tokens else None,
        "peak_memory_mb": peak_memory_mb,
        "device": device,
    }
