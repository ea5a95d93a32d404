"""Floor 10, report: a report as data and as text beside its page: JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import serpentune
from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import write_text
from serpentune.common.visible import visible
from serpentune.comparison import Agreement
from serpentune.evaluation import figures
from serpentune.evaluation.results import EvaluationResult

FORMATS = ("html", "json", "csv", "md")
"""What a report can be written as."""

_SUFFIXES = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv", ".md": "md"}

DOCUMENT_FORMAT = 1
"""The version of the JSON document's schema, which `docs/report.md` describes."""

_PAIR = ("a", "b", "metric")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With what a formula begins for a spreadsheet (OWASP, CSV Injection)."""


@dataclass(frozen=True)
class Content:
    """What a report says in whatever form: the arguments of `write_report`, and how alike the models play."""

    results: Sequence[EvaluationResult]
    title: str
    comparisons: Sequence[Mapping[str, Any]] = ()
    agreement: Agreement | None = None
    training: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dataset: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    commands: Sequence[str] = ()


def report_files(path: Path, formats: Sequence[str] | None = None) -> dict[str, tuple[Path, ...]]:
    """The files of a report, by format.

    Args:
        path: one of them; the others lie beside it under the same name with other suffixes. CSV is two files,
            `<name>-models.csv` and `<name>-comparisons.csv`.
        formats: of `FORMATS`; None for the one of the path's suffix.

    Raises:
        UserError: there is no such format, or the path's suffix is that of none.
    """
    named = _SUFFIXES.get(path.suffix.lower())
    if named is None:
        raise UserError(f"{path}: a report's suffix says its format. Known: {', '.join(_SUFFIXES)}.")
    found: dict[str, tuple[Path, ...]] = {}
    for each in formats or (named,):
        if each not in FORMATS:
            raise unknown_name("format", each, FORMATS)
        if each == "csv":
            found[each] = tuple(path.with_name(f"{path.stem}-{part}.csv") for part in ("models", "comparisons"))
        else:
            found[each] = (path if each == named else path.with_suffix(f".{each}"),)
    return found


def document(content: Content) -> dict[str, Any]:
    """Everything that the page shows but the moves of the games; what is no finite number is None."""
    found: dict[str, Any] = _finite(
        {
            "format": DOCUMENT_FORMAT,
            "serpentune": serpentune.__version__,
            "title": content.title,
            "notes": list(content.notes),
            "commands": list(content.commands),
            "models": [_model(result) for result in content.results],
            "comparisons": list(content.comparisons),
            "agreement": content.agreement and content.agreement.to_json(),
            "training": content.training,
            "dataset": content.dataset,
        }
    )
    return found


def write_document(content: Content, path: Path) -> None:
    """Write `document` as JSON in ASCII, since a model's name may hold what no encoding can write."""
    write_text(path, json.dumps(document(content), indent=1, allow_nan=False) + "\n")


def write_tables(content: Content, models: Path, comparisons: Path) -> None:
    """Write a row a model, and a row for each metric of each comparison; what is unknown is empty."""
    rows = [{"name": result.name, **dict(_flat(_finite(figures(result))))} for result in content.results]
    write_text(models, _csv(rows, ("name",)))
    pairs = [
        {**dict(_flat(_finite(_about(comparison)))), **dict(_flat(_finite(row)))}
        for comparison in content.comparisons
        for row in comparison["rows"]
    ]
    write_text(comparisons, _csv(pairs, _PAIR))


def _model(result: EvaluationResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "figures": figures(result),
        "by_length": result.play.get("by_length", []),
        "methods": result.play.get("methods", {}),
        "undefined": result.play.get("undefined", {}),
        "language": result.language,
        "states": result.states,
        "explained": result.explained,
        "performance": result.performance,
        "speed": result.speed,
        "games": [
            {
                "seed": game.record.seed,
                "score": game.record.score,
                "steps": game.record.steps,
                "end": game.record.ending.name,
            }
            for game in result.games
        ],
        "manifest": result.manifest,
    }


def _about(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """A comparison less its rows and what is said of it as a whole."""
    whole = ("rows", "notes", "verdict", "scope", "summary_metrics", "summary_notes")
    return {name: value for name, value in comparison.items() if name not in whole}


def _finite(value: Any) -> Any:
    """Plain values for JSON, in which a number that isn't finite is None."""
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values by dotted names; an interval as its two ends, a list as one text in which None is "not known"."""
    for key, value in values.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif key.endswith("interval"):
            low, high = value or (None, None)
            yield f"{name}_low", low
            yield f"{name}_high", high
        else:
            listed = isinstance(value, list)
            yield name, "; ".join("not known" if each is None else str(each) for each in value) if listed else value


def _csv(rows: Sequence[Mapping[str, Any]], first: Sequence[str]) -> str:
    columns = dict.fromkeys([*first, *(name for row in rows for name in row)])
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _field(value) for name, value in row.items()})
    return text.getvalue()


def _field(value: Any) -> Any:
    """A value as every reader of CSV takes it; a text that spreadsheets would run as a formula begins with `'`."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    return f"'{visible(value)}" if value.startswith(_FORMULA) else visible(value)
