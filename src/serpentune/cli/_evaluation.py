"""Floor 12, cli: `serpentune evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli import _evaluation_options as asked
from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._evaluation_output import show_arena, show_many, show_one
from serpentune.cli._output import Output
from serpentune.cli._sweeps import show_evaluated
from serpentune.common.errors import UserError, unknown_name

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationResult, EvaluationSettings

SUITES = {
    "play": ("play",),
    "language": ("language",),
    "states": ("states",),
    "speed": ("speed",),
    "full": ("play", "language", "states", "speed"),
    "generalise": (),
}
"""What each suite measures; `generalise` plays in every row of the arena."""

_WITH_DATASET = ("play", "language", "states")


def evaluate(
    out: Output,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Who plays: a student's folder, a built-in model (nano, smollm2-135m), a folder, a GGUF file, a hub "
            "id, a teacher's name, or random. Or the folder of a sweep.",
        ),
    ],
    suite: Annotated[
        str | None,
        option(
            "--suite",
            metavar="NAME",
            help="play, language, states, speed, full (all of them), or generalise: boards, lengths and states it "
            "wasn't taught.",
            default="play; with --dataset language and states too",
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
    grid_size: asked.GridSize = "6",
    seed: asked.Seed = 1000,
    on_unreadable: asked.OnUnreadable = "end",
    opening: asked.OpeningOf = None,
    teacher: asked.TeacherName = "BFS",
    style: asked.Style = None,
    encoding: asked.EncodingName = "grid",
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

    The games go on where a stopped evaluation of the same model ended.
    """
    from serpentune.evaluation import (
        Endpoint,
        EvaluationSettings,
        Traffic,
        endpoint_contestant,
        evaluate_arena,
        evaluate_contestant,
        open_contestant,
    )
    from serpentune.evaluation import recompute as recomputed
    from serpentune.game import parse_board
    from serpentune.training import is_sweep

    if recompute:
        found = {folder: recomputed(folder) for folder in map(Path, models)}
        show_many(out, found) if len(found) > 1 else show_one(out, *next(iter(found.items())))
        return
    if suite is not None and suite not in SUITES:
        raise unknown_name("suite", suite, SUITES)
    if language_records < 1:
        raise UserError(f"--language-records is {language_records}; at least one is needed. Or leave out --dataset.")
    if suite in ("language", "states", "full") and dataset is None:
        raise UserError(f"The suite {suite} measures on a data set: name one with --dataset.")
    if len(models) > 1 and name is not None:
        raise UserError("Several models have their own names. Leave out --name.")
    mode = mode or ("plan" if endpoint is None else "free")
    width, height = parse_board(grid_size)
    settings = EvaluationSettings(
        games=games,
        width=width,
        height=height,
        seed=seed,
        teacher=teacher,
        style=style or ("plan" if mode == "plan" else "move"),
        encoding=encoding,
        mode=mode,
        policy=on_unreadable,
        replan_every=replan_every,
        opening=opening,
        max_new_tokens=max_new_tokens,
        decoder=decoder,  # type: ignore[arg-type]
        places=batch_size,
    )
    settings.check()
    how: dict[str, Any] = {"overwrite": overwrite, "quiet": out.quiet}
    if suite != "generalise":
        how["test_records"] = _records(dataset, language_records)
    if len(models) == 1 and is_sweep(Path(models[0])):
        given = {
            "--suite": suite,
            "--endpoint": endpoint,
            "--chat": chat,
            "--trust-remote-code": trust_remote_code,
            "--name": name,
        }
        if wrong := [option for option, value in given.items() if value]:
            raise UserError(
                f"{models[0]} holds a sweep, which says itself what its students are called and how they are opened. "
                f"Leave out {wrong[0]}."
            )
        _sweep(out, Path(models[0]), settings, output, how)
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
    how |= {"engine": engine, "address": address}
    if suite != "generalise":
        how["measures"] = SUITES[suite] if suite is not None else _WITH_DATASET if dataset is not None else ("play",)
    results: dict[Path, EvaluationResult] = {}
    for model in models:
        contestant = (
            open_contestant(model, name=name, chat=chat, trust_remote_code=bool(trust_remote_code))
            if served is None
            else endpoint_contestant(Endpoint(model=model, **served), name, traffic)
        )
        folder = _folder(output, contestant.name, suite, alone=len(models) == 1)
        if suite == "generalise":
            show_arena(out, contestant.name, evaluate_arena(contestant, folder, settings, **how), folder)
        else:
            results[folder] = evaluate_contestant(contestant, folder, settings, **how)
    if len(results) == 1:
        show_one(out, *next(iter(results.items())))
    elif results:
        show_many(out, results)


def _folder(output: Path | None, name: str, suite: str | None, *, alone: bool) -> Path:
    """Where results go: with several models each has a folder of its own in the one that is named."""
    from serpentune.common.paths import PathUtils

    own = PathUtils.safe_name(f"{name}-{suite}" if suite == "generalise" else name)
    return output if output is not None and alone else (output or Path("output/evaluations")) / own


def _sweep(out: Output, folder: Path, settings: EvaluationSettings, output: Path | None, how: dict[str, Any]) -> None:
    """Evaluate every student of a sweep."""
    from serpentune.evaluation import evaluate_sweep

    show_evaluated(out, evaluate_sweep(folder, settings, output_dir=output, **how), output or folder)


def _records(dataset: Path | None, most: int) -> list[Any]:
    from serpentune.datasets import load_splits

    if dataset is None:
        return []
    test = load_splits(dataset)["test"]
    return list(test.select_columns([name for name in ("prompt", "completion", "game") if name in test.column_names]))[
        :most
    ]
