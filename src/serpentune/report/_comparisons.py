"""Floor 10, report: comparisons as the page shows them: one chart of score differences, a table for each pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.comparison import METRICS
from serpentune.report import _charts, _format
from serpentune.report._format import Show, finite
from serpentune.report._tables import Column, Row, Table, between, figure, words

_NAMES = {
    "score": "Score",
    "win": "Win rate",
    "steps": "Steps",
    "steps_to_win": "Steps where both win",
    "perplexity": "Perplexity",
    "bleu": "BLEU",
    "rouge_l": "ROUGE-L",
}
_OTHER = 5
"""The colour of a name that is no model of the report."""

_BETTER = {True: "higher is better", False: "lower is better", None: "neither direction is better"}


@dataclass(frozen=True)
class Pair:
    """One comparison: names, verdict in words, the table of metrics, and what a careful reader asks next."""

    a: str
    b: str
    verdict: str
    table: Table
    details: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """All comparisons; `forest` holds the differences in score, None where no score was compared."""

    pairs: tuple[Pair, ...]
    scope: str
    forest: _charts.Forest | None


def describe(comparisons: Sequence[Mapping[str, Any]], colours: Mapping[str, int]) -> Comparison | None:
    """Lay out `ComparisonReport.to_json()` documents; None without any."""
    if not comparisons:
        return None
    rows = []
    for comparison in comparisons:
        for row in comparison["rows"]:
            difference = finite(row["difference"])
            if row["metric"] == "score" and difference is not None:
                name = f"{comparison['b']} minus {comparison['a']}"
                rows.append((name, colours.get(comparison["b"], _OTHER), difference, *_ends(row)))
    return Comparison(
        tuple(_pair(comparison) for comparison in comparisons),
        str(comparisons[0]["scope"]),
        _charts.forest(rows) if rows else None,
    )


def _pair(comparison: Mapping[str, Any]) -> Pair:
    a, b, rows = str(comparison["a"]), str(comparison["b"]), comparison["rows"]
    columns = (
        Column(a, "mean over the paired games"),
        Column(b, "mean over the paired games"),
        Column("Difference", f"{b} minus {a}, with its {_format.percent(comparison['level'], 0)} interval"),
        Column("p", "two-sided, as the test gave it"),
        Column("p, adjusted", f"after Holm's correction for {comparison['tests']} tests; the verdict goes by it"),
        Column("Effect size"),
        Column("Pairs", "games that both models played"),
        Column("Verdict", f"on {b} against {a}", figures=False),
    )
    scope = str(comparison["scope"])
    return Pair(
        a,
        b,
        # The scope is the same in every verdict: the page says it once.
        str(comparison["verdict"]).removesuffix(scope).strip(),
        Table(f"{a} against {b}", "Metric", columns, tuple(_row(row) for row in rows), titled=True),
        tuple(_details(comparison)),
    )


def _row(row: Mapping[str, Any]) -> Row:
    metric = METRICS.get(row["metric"])
    show: Show = _format.percent if metric is not None and metric.share else _format.significant
    cells = (
        figure(row["mean_a"], show),
        figure(row["mean_b"], show),
        figure(row["difference"], show, between(*_ends(row), show)),
        figure(row["p_value"], _format.p_value, missing="–"),
        figure(row["p_adjusted"], _format.p_value, missing="–"),
        figure(row["effect_size"], lambda value: _format.number(value, 2), row["effect_name"] or "", missing="–"),
        figure(row["n"] or None, _format.count, missing="–"),
        words(str(row["verdict"])),
    )
    name = str(row["metric"])
    return Row(_NAMES.get(name, name.replace("_", " ")), cells, detail=_BETTER[row["higher_is_better"]])


def _details(comparison: Mapping[str, Any]) -> list[str]:
    """Every row in words, then by which method, then the notes."""
    rows = comparison["rows"]
    names = [_NAMES.get(row["metric"], row["metric"]) for row in rows]
    lines = [str(row["sentence"]) for row in rows]
    lines += [f"{name}: {row['method']}." for name, row in zip(names, rows, strict=True)]
    lines += [f"{name}: {note}." for name, row in zip(names, rows, strict=True) for note in row["notes"]]
    return lines + [str(note) for note in comparison["notes"]]


def _ends(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    interval = row["interval"]
    return (None, None) if interval is None else (finite(interval[0]), finite(interval[1]))
