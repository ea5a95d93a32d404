"""Floor 12, cli: `serpentune evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import NOT_MEASURED, Output, number, percent
from serpentune.cli._sweeps import show_evaluated
from serpentune.common.errors import UserError

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationSettings
    from serpentune.statistics import Finding


def evaluate(
    out: Output,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A student's folder, a built-in model (nano, smollm2-135m), a folder, a GGUF file, or a hub id.",
        ),
    ],
    games: Annotated[int, option("--games", metavar="N", help="Games to play.")] = 200,
    grid_size: Annotated[
        str, option("--grid-size", metavar="N", help="Cells a side, or WIDTHxHEIGHT such as 10x8.")
    ] = "6",
    seed: Annotated[
        int,
        option("--seed", metavar="N", help="Seed of the first game; give all models that you will compare the same."),
    ] = 1000,
    teacher: Annotated[
        str, option("--teacher", metavar="NAME", help="Whom the prompt says to play like, and whose moves to match.")
    ] = "BFS",
    style: Annotated[
        str,
        option(
            "--style",
            metavar="STYLE",
            help="plan: ask for the moves to the apple; move: for one; explain: for one, whose reasons are not read.",
        ),
    ] = "plan",
    encoding: Annotated[
        str, option("--encoding", metavar="NAME", help="How boards are written; ask a student as it was taught.")
    ] = "grid",
    chat: Annotated[
        bool,
        option(
            "--chat", help="Ask an untuned instruct model through its chat template; students know how to be asked."
        ),
    ] = False,
    trust_remote_code: options.TrustRemoteCode = None,
    dataset: Annotated[
        Path | None,
        option("--dataset", metavar="DIR", help="Measure perplexity, BLEU and ROUGE-L on this data set's test split."),
    ] = None,
    language_records: Annotated[
        int, option("--language-records", metavar="N", help="Records of the test split at most.")
    ] = 1000,
    name: Annotated[
        str | None, option("--name", metavar="NAME", help="What to call the model in tables.", default="its folder")
    ] = None,
    output: Annotated[
        Path | None, option("--output", metavar="DIR", help="The results folder.", default="output/evaluations/NAME")
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a folder that holds files.")] = False,
) -> None:
    """Let a model really play, and measure how well.

    The games go on where a stopped evaluation of the same model ended.
    """
    from serpentune.common.paths import PathUtils
    from serpentune.comparison import rank
    from serpentune.evaluation import EvaluationSettings, evaluate_model, figures
    from serpentune.game import parse_board
    from serpentune.models import open_model, short_name
    from serpentune.teachers import get
    from serpentune.training import is_sweep

    if language_records < 0:
        raise UserError(f"--language-records is {language_records}; 0 measures no language.")
    width, height = parse_board(grid_size)
    settings = EvaluationSettings(
        games=games, width=width, height=height, seed=seed, teacher=teacher, style=style, encoding=encoding
    )
    settings.check()
    if is_sweep(Path(model)):
        if chat or trust_remote_code:
            given = "--chat" if chat else "--trust-remote-code"
            raise UserError(f"{model} holds a sweep, which says itself how its models are opened. Leave out {given}.")
        _sweep(out, Path(model), settings, output, dataset, language_records, overwrite, name)
        return
    label = name or short_name(model)
    folder = output or Path("output/evaluations") / PathUtils.safe_name(label)
    records = _records(dataset, language_records)
    result = evaluate_model(
        open_model(model, chat=chat, trust_remote_code=bool(trust_remote_code)),
        folder,
        settings,
        name=label,
        test_records=records,
        overwrite=overwrite,
        quiet=out.quiet,
    )
    measured = figures(result)
    ((_, standing),) = rank([result])
    if out.json:
        out.document(
            {"name": label, "folder": folder, **measured, "win_finding": standing.wins, "score_finding": standing.score}
        )
        return
    out.facts(
        {
            "model": label,
            "games": f"{number(measured['games'], 0)} on {width}x{height}, seeds {seed} to {seed + games - 1}",
            "won": _share(standing.wins, measured["wins"]),
            "score": _mean(standing.score),
            "steps": f"{number(measured['steps_mean'], 1)} a game",
            "ends": _counts(measured["endings"], measured["games"]),
            "invalid answers": _counts(measured["invalid"], None),
            "agreement": f"{percent(measured['agreement'])} of moves are those of {get(teacher).name}",
            "perplexity": number(measured["perplexity"], 3),
            "BLEU": number(measured["bleu"], 1),
            "ROUGE-L": number(measured["rouge_l"], 3),
            "speed": f"{_with_unit(measured['ms_per_move'], 'ms a move')}, "
            f"{_with_unit(measured['tokens_per_second'], 'tokens/s', 0)}",
            "peak memory": _with_unit(measured["peak_memory_mb"], "MB", 0),
        }
    )
    out.line()
    out.line(str(folder))


def _sweep(
    out: Output,
    folder: Path,
    settings: EvaluationSettings,
    output: Path | None,
    dataset: Path | None,
    language_records: int,
    overwrite: bool,
    name: str | None,
) -> None:
    """Evaluate every student of a sweep."""
    from serpentune.evaluation import evaluate_sweep

    if name is not None:
        raise UserError(f"{folder} holds a sweep, whose students have names already. Leave out --name.")
    results = evaluate_sweep(
        folder,
        settings,
        output_dir=output,
        test_records=_records(dataset, language_records),
        overwrite=overwrite,
        quiet=out.quiet,
    )
    show_evaluated(out, results, output or folder)


def _records(dataset: Path | None, most: int) -> list[Any]:
    from serpentune.datasets import load_splits

    if dataset is None:
        return []
    return list(load_splits(dataset)["test"].select_columns(["prompt", "completion"]))[:most]


def _share(found: Finding, wins: int) -> str:
    interval = (
        "" if found.interval is None else _between(percent(found.interval.low), percent(found.interval.high), "Wilson")
    )
    return f"{percent(found.estimate)} ({number(wins, 0)} of {number(found.n, 0)}{interval})"


def _mean(found: Finding) -> str:
    interval = "" if found.interval is None else _between(number(found.interval.low), number(found.interval.high), "")
    return (
        f"{number(found.estimate)} apples a game ({interval.removeprefix('; ') or 'no interval: ' + str(found.reason)})"
    )


def _between(low: str, high: str, method: str) -> str:
    return f"; 95% {method + ' ' if method else ''}interval {low} to {high}"


def _counts(counts: dict[str, int], total: int | None) -> str:
    shown = [
        f"{kind} {number(count, 0)}" + (f" ({percent(count / total, 0)})" if total else "")
        for kind, count in counts.items()
    ]
    return ", ".join(shown) or "none"


def _with_unit(value: Any, unit: str, digits: int = 2) -> str:
    return NOT_MEASURED if value is None else f"{number(value, digits)} {unit}"
