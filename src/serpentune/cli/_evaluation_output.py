"""Floor 12, cli: how the results of `evaluate` are printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.cli._output import NOT_MEASURED, Output, number, percent

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationResult


def show_one(out: Output, folder: Path, result: EvaluationResult) -> None:
    """Print everything that is known of one player."""
    from serpentune.evaluation import figures

    measured = figures(result)
    if out.json:
        out.document({"name": result.name, "folder": folder, **measured, "speed": result.speed})
        return
    facts = {"model": result.name}
    if result.games:
        facts |= _of_games(result, measured)
    facts |= _of_states(measured["held_out"] or {})
    if result.language:
        facts |= _of_language(measured)
    elif "model" in result.manifest:
        facts["perplexity"] = NOT_MEASURED
    if result.performance:
        speeds = [("ms_per_move", "ms a move", 2)]
        if measured["tokens_per_second"] is not None or "model" in result.manifest:
            speeds.append(("tokens_per_second", "tokens/s", 0))
        facts["speed"] = ", ".join(
            f"{unit} {NOT_MEASURED}" if measured[key] is None else _with_unit(measured[key], unit, digits)
            for key, unit, digits in speeds
        )
        facts["peak memory"] = _with_unit(measured["peak_memory_mb"], "MB", 0)
    facts |= _of_speed(result.speed or {})
    out.facts(facts)
    if result.games and result.play["by_length"]:
        out.line()
        _by_length(out, result.play["by_length"])
    out.line()
    out.line(str(folder))


def show_many(out: Output, results: Mapping[Path, EvaluationResult]) -> None:
    """Print several players below each other, those that ate most first."""
    from serpentune.evaluation import figures

    measured = {folder: figures(result) for folder, result in results.items()}
    if out.json:
        out.document(
            {"models": [{"name": results[folder].name, "folder": folder, **each} for folder, each in measured.items()]}
        )
        return
    order = sorted(measured, key=lambda folder: -(measured[folder].get("score_mean") or 0))
    # In the order in which they were named: the first one is what `compare` measures the others against.
    named = " ".join(str(folder) for folder in measured)
    table_of(out, [(results[folder].name, measured[folder]) for folder in order])
    out.line()
    out.line(f"Compare them: serpentune compare {named}")


def table_of(out: Output, measured: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Print the names and main figures of players below each other; what nobody was measured in has no column."""
    columns = [column for column in _COLUMNS if any(each.get(column[1]) is not None for _, each in measured)]
    out.table(
        ["model", *(title for title, _, _ in columns)],
        [[name, *(shown(each.get(key)) for _, key, shown in columns)] for name, each in measured],
    )


def show_arenas(out: Output, arenas: Mapping[Path, Mapping[str, EvaluationResult]]) -> None:
    """Print the rows of the arena of one player, or of several."""
    from serpentune.evaluation import figures, own_apples

    documents: list[dict[str, Any]] = [
        {
            "name": next(iter(results.values())).name,
            "folder": folder,
            "rows": {row: {**figures(result), "own_apples": own_apples(result)} for row, result in results.items()},
        }
        for folder, results in arenas.items()
    ]
    if out.json:
        out.document(documents[0] if len(documents) == 1 else {"models": documents})
        return
    for place, document in enumerate(documents):
        if place:
            out.line()
        _arena(out, **document)


def _arena(out: Output, name: str, folder: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    out.table(
        ["row", "games", "won", "apples", "its own", "as the teacher", "fatal / 1,000"],
        [
            [
                row,
                number(each["games"], 0),
                percent(each["win_rate"]),
                number(each["score_mean"]),
                number(each["own_apples"]),
                percent(each["accuracy"]),
                number(each["fatal_per_1000_moves"]),
            ]
            for row, each in rows.items()
        ],
        title=name,
    )
    out.line()
    out.line(str(folder))


def _of_games(result: EvaluationResult, measured: Mapping[str, Any]) -> dict[str, str]:
    width, height = result.manifest["grid"]
    teacher = measured["teacher"]
    held = f"{percent(measured['accuracy_equal'])} are those or as good to it" if teacher else ""
    facts = {
        "games": f"{number(measured['games'], 0)} on {width}x{height}, seeds {result.seeds[0]} to {result.seeds[-1]}",
        "won": f"{percent(measured['win_rate'])} ({number(measured['wins'], 0)} of {number(measured['games'], 0)}; "
        f"95% Wilson interval {_between(measured, 'win_rate', percent)})",
        "apples": f"{number(measured['score_mean'])} a game (95% interval {_between(measured, 'score_mean', number)}), "
        f"median {number(measured['score_median'], 0)}, IQM {number(measured['score_iqm'])}",
        "steps": f"{number(measured['steps_mean'], 1)} a game, median {number(measured['steps_median'], 0)}",
        "ends": _counts(measured["endings"], measured["games"]),
        "unusable": _counts(measured["invalid"], None),
        "legal": f"{percent(measured['legal_rate'])} of answers, before any constraint",
        "choices": f"{percent(measured['accuracy'])} are those of {teacher}, {held}" if teacher else "no teacher known",
        "fatal errors": f"{number(measured['fatal_per_1000_moves'])} of 1,000 moves "
        f"(95% interval {_between(measured, 'fatal_per_1000_moves', number)})",
    }
    if measured["dropped_plans"] is not None:
        facts["as written"] = (
            f"{percent(measured['win_rate_as_written'])} won without a plan being dropped, as "
            f"{number(measured['dropped_plans'], 0)} were before a move that would have ended the game"
        )
    if measured["steps_ratio"] is not None:
        facts["against it"] = (
            f"{number(measured['steps_ratio'])} times the steps of {teacher} in "
            f"{number(measured['steps_ratio_games'], 0)} games that both won"
        )
    return facts


def _of_states(held_out: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    shown = [
        f"{teacher} {percent(found['accuracy'])}, or as good {percent(found['accuracy_equal'])} "
        f"({number(found['states'], 0)} states)"
        for teacher, found in held_out.items()
    ]
    return {"held-out states": "; ".join(shown)} if shown else {}


def _of_language(measured: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        "perplexity": f"{number(measured['perplexity'], 3)}, {number(measured['bits_per_byte'], 3)} bits a byte, "
        f"{percent(measured['token_accuracy'])} of tokens right",
        "BLEU": f"{number(measured['bleu'], 1)}, ROUGE-L {number(measured['rouge_l'], 3)}",
    }
    if measured["explanation_truth"] is not None:
        facts["explanations"] = f"{percent(measured['explanation_truth'])} of the claims that can be checked are true"
    if explained := measured["explained"]:
        same = [
            f"{percent(explained[f'same_as_{style}'])} (asked for a {style})"
            for style in ("move", "plan")
            if explained[f"same_as_{style}"] is not None
        ]
        of = f"of {number(explained['states'], 0)} moves are those without reasons"
        facts["with reasons"] = f"{' and '.join(same)} {of}" if same else NOT_MEASURED
    return facts


def _of_speed(speed: Mapping[str, Any]) -> dict[str, str]:
    facts = {}
    for key, name in (("batch_1", "one at a time"), ("full_batch", "full batch")):
        if found := speed.get(key):
            ms = found["ms_per_move"] or {}
            facts[name] = (
                f"ms a move: median {number(ms.get('p50'))}, 95% below {number(ms.get('p95'))}, "
                f"99% below {number(ms.get('p99'))}; {number(found['moves_per_second'], 0)} moves/s"
            )
    if speed:
        size = speed.get("parameters")
        facts["size"] = NOT_MEASURED if size is None else f"{number(size / 1e6)} M parameters"
    return facts


def _by_length(out: Output, rows: list[dict[str, Any]]) -> None:
    out.table(
        ["snake", "choices", "as the teacher", "or as good", "fatal / 1,000"],
        [
            [
                f"{row['length_from']} to {row['length_to']}",
                number(row["decisions"], 0),
                percent(row["accuracy"]),
                percent(row["accuracy_equal"]),
                number(row["fatal_per_1000_moves"]),
            ]
            for row in rows
        ],
    )


def _between(measured: Mapping[str, Any], name: str, shown: Any) -> str:
    low, high = measured[f"{name}_low"], measured[f"{name}_high"]
    return NOT_MEASURED if low is None else f"{shown(low)} to {shown(high)}"


def _counts(counts: Mapping[str, int], total: int | None) -> str:
    shown = [
        f"{kind} {number(count, 0)}" + (f" ({percent(count / total, 0)})" if total else "")
        for kind, count in counts.items()
    ]
    return ", ".join(shown) or "none"


def _with_unit(value: Any, unit: str, digits: int = 2) -> str:
    return NOT_MEASURED if value is None else f"{number(value, digits)} {unit}"


def _held_out(found: Mapping[str, Mapping[str, Any]] | None) -> str:
    shown = [f"{teacher} {percent(each['accuracy'])}" for teacher, each in (found or {}).items()]
    return ", ".join(shown) or NOT_MEASURED


_COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("games", "games", partial(number, digits=0)),
    ("won", "win_rate", percent),
    ("apples", "score_mean", number),
    ("steps", "steps_mean", partial(number, digits=1)),
    ("choices", "accuracy", percent),
    ("fatal ‰", "fatal_per_1000_moves", number),
    ("held-out states", "held_out", _held_out),
    ("perplexity", "perplexity", partial(number, digits=3)),
    ("ms", "ms_per_move", number),
)
"""Columns of several players' table: the title, the figure, and how it is shown."""
