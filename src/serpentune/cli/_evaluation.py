"""Floor 12, cli: `serpentune evaluate`."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli import _evaluation_options as asked
from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._evaluation_output import show_arenas, show_many, show_one
from serpentune.cli._evaluation_rules import ARENA, check_options
from serpentune.cli._output import Output
from serpentune.cli._sweeps import show_evaluated
from serpentune.common.errors import UserError, unknown_name

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationResult

_WITH_DATASET = ("play", "language", "states")
"""What is measured on a data set when no suite is named."""


def evaluate(
    out: Output,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Who plays: a student's folder, a built-in model (nano, nano-6x6, nano-10x10, smollm2-135m), a "
            "folder, a GGUF file, a hub id, a teacher's name, or random. Or the folder of a sweep.",
        ),
    ],
    suite: Annotated[
        str | None,
        option(
            "--suite",
            metavar="NAME",
            help="play, language, states, speed, full (all of them), or generalise: boards, lengths and states it "
            "wasn't taught. With --dataset and no suite play, language and states.",
            default="play",
        ),
    ] = None,
    dataset: Annotated[
        Path | None,
        option("--dataset", metavar="DIR", help="Measure language, and choices in held-out states, on its test split."),
    ] = None,
    language_records: Annotated[
        int, option("--language-records", metavar="N", help="Records of the test split at most.")
    ] = 1000,
    name: Annotated[
        str | None, option("--name", metavar="NAME", help="What to call the model in tables.", default="its folder")
    ] = None,
    output: asked.Folder = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a folder that holds files.")] = False,
    recompute: Annotated[
        bool, option("--recompute", help="MODEL is a results folder: compute its figures again from its files.")
    ] = False,
    games: asked.Games = 200,
    grid_size: asked.GridSize = None,
    seed: asked.Seed = 1_000_000,
    top_moves: asked.TopMoves = 0,
    on_unreadable: asked.OnUnreadable = "end",
    opening: asked.OpeningOf = None,
    teacher: asked.TeacherNames = None,
    style: asked.Style = None,
    encoding: asked.EncodingName = None,
    mode: asked.Mode = None,
    replan_every: asked.ReplanEvery = None,
    max_new_tokens: asked.MaxNewTokens = None,
    chat: asked.Chat = False,
    trust_remote_code: options.TrustRemoteCode = None,
    endpoint: asked.EndpointUrl = None,
    endpoint_key_env: asked.EndpointKey = None,
    endpoint_system: asked.EndpointSystem = None,
    endpoint_parameter: asked.EndpointParameters = None,
    endpoint_timeout: asked.EndpointTimeout = 120.0,
    endpoint_retries: asked.EndpointRetries = 6,
    endpoint_rate_limit: asked.EndpointRate = None,
    endpoint_prices: asked.EndpointPrices = None,
    endpoint_budget: asked.EndpointBudget = None,
    batch_size: asked.BatchSize = None,
    decoder: asked.DecoderName = "auto",
    engine: asked.EngineName = "local",
    address: asked.Address = None,
) -> None:
    """Let models really play, and measure how well.

    The games go on where a stopped evaluation of the same model ended. Students play the board that they were taught
    and are asked as they were, where all were taught alike and you don't say otherwise.
    """
    from serpentune.evaluation import (
        SUITES,
        Endpoint,
        EvaluationSettings,
        Traffic,
        endpoint_contestant,
        evaluate_arena,
        evaluate_contestant,
        evaluate_imitation,
        evaluate_sweep,
        open_contestant,
        read_test_records,
    )
    from serpentune.evaluation import recompute as recomputed
    from serpentune.training import is_sweep

    sweep = len(models) == 1 and is_sweep(Path(models[0]))
    teachers = teacher or []
    check_options(out.typed, models, suite=suite, engine=engine, is_sweep=sweep, teachers=teachers)
    if recompute:
        found = {folder: recomputed(folder) for folder in map(Path, models)}
        show_many(out, found) if len(found) > 1 else show_one(out, *next(iter(found.items())))
        return
    if suite is not None and suite not in (*SUITES, ARENA):
        raise unknown_name("suite", suite, (*SUITES, ARENA))
    if language_records < 1:
        raise UserError(f"--language-records is {language_records}; at least one is needed. Or leave out --dataset.")
    mode = mode or ("plan" if endpoint is None else "free")
    settings = EvaluationSettings(
        games=games,
        seed=seed,
        mode=mode,
        policy=on_unreadable,
        replan_every=replan_every,
        opening=opening,
        max_new_tokens=max_new_tokens,
        decoder=decoder,  # type: ignore[arg-type]
        places=batch_size,
        top_moves=top_moves,
    )
    students = models if endpoint is None else []
    settings = asked.as_typed(
        settings.as_taught(*students), grid_size, teachers[0] if teachers else None, style, encoding
    )
    settings.check()
    how: dict[str, Any] = {"overwrite": overwrite, "quiet": out.quiet, "engine": engine, "address": address}
    if suite != ARENA:
        how["measures"] = suite or ("play" if dataset is None else _WITH_DATASET)
        how["test_records"] = [] if dataset is None else read_test_records(dataset, language_records)
    if sweep:
        swept = evaluate_sweep(models[0], settings, output_dir=output, **how)
        show_evaluated(out, swept, output or Path(models[0]))
        return
    served = asked.served(
        endpoint,
        api_key_env=endpoint_key_env,
        system=endpoint_system,
        parameters=endpoint_parameter,
        timeout=endpoint_timeout,
        retries=endpoint_retries,
        rate_limit=endpoint_rate_limit,
        prices=endpoint_prices,
        budget=endpoint_budget,
    )
    traffic = Traffic()
    names = _names(models, name, served=served is not None)
    own = "-as" if len(teachers) > 1 else f"-{ARENA}" if suite == ARENA else ""
    folders = [_folder(output, f"{each}{own}", alone=len(models) == 1) for each in names]
    results: dict[Path, EvaluationResult] = {}
    arenas: dict[Path, dict[str, EvaluationResult]] = {}
    for model, label, folder in zip(models, names, folders, strict=True):
        contestant = (
            open_contestant(model, name=label, chat=chat, trust_remote_code=bool(trust_remote_code))
            if served is None
            else endpoint_contestant(Endpoint(model=model, **served), label, traffic)
        )
        if suite == ARENA:
            arenas[folder] = evaluate_arena(contestant, folder, settings, **how)
        elif len(teachers) > 1:
            rows = evaluate_imitation(contestant, folder, settings, teachers, **how)
            results |= {folder / row: found for row, found in rows.items()}
        else:
            results[folder] = evaluate_contestant(contestant, folder, settings, **how)
        del contestant
        gc.collect()  # before the next one wants the memory
    if arenas:
        show_arenas(out, arenas)
    elif len(results) == 1:
        show_one(out, *next(iter(results.items())))
    else:
        show_many(out, results)


def _names(models: Sequence[str], name: str | None, *, served: bool) -> list[str]:
    """What each model is called, before any is loaded or asked."""
    from serpentune.evaluation import check_different, contestant_names

    if name is not None:
        return [name]
    if not served:
        return contestant_names(models)
    check_different(models)
    return list(models)


def _folder(output: Path | None, name: str, *, alone: bool) -> Path:
    """Where results go: with several models each has a folder of its own in the one that is named."""
    from serpentune.evaluation import folder_name

    return output if output is not None and alone else (output or Path("output/evaluations")) / folder_name(name)
