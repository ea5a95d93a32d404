"""Floor 10, report: comparisons as the page shows them: one chart of score differences, a table for each pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.report import _charts, _format
from serpentune.report._format import finite
from serpentune.report._tables import Column, Row, Table, between, figure, words


@dataclass(frozen=True)
class Pair:
    """One comparison: names, verdict in words, pairs of games, and the table of metrics."""

    a: str
    b: str
    verdict: str
    pairs: str
    table: Table


@dataclass(frozen=True)
class Comparison:
    """All comparisons; `forest` holds the differences in score, None where no score was compared."""

    pairs: tuple[Pair, ...]
    forest: _charts.Forest | None


def describe(comparisons: Sequence[Mapping[str, Any]], colours: Mapping[str, int]) -> Comparison | None:
    """Lay out `ComparisonReport.to_json()` documents; None without any."""
    if not comparisons:
        return None
    rows = []
    for comparison in comparisons:
        score = next((row for row in comparison["rows"] if row["metric"] == "score"), None)
        value = None if score is None else finite(score["difference"])
        if score is not None and value is not None:
            low, high = _ends(score)
            rows.append((f"{comparison['b']} minus {comparison['a']}", colours.get(comparison["b"], 0), value, low, high))
    return Comparison(tuple(_pair(item) for item in comparisons), _charts.forest(rows) if rows else None)


def _pair(comparison: Mapping[str, Any]) -> Pair:
    columns = (
        Column(str(comparison["a"]), "mean of the first model"),
        Column(str(comparison["b"]), "mean of the second model"),
        Column("Difference", "second minus first, paired by game seed, 95% interval"),
        Column("p", "two-sided"),
        Column("p, adjusted", "Holm's correction over all metrics of this comparison"),
        Column("Effect size"),
        Column("Pairs"),
        Column("Verdict", figures=False),
    )
    table = Table(
        f"{comparison['a']} against {comparison['b']}", "Metric", columns, tuple(_row(row) for row in comparison["rows"])
    )
    return Pair(
        str(comparison["a"]), str(comparison["b"]), str(comparison["verdict"]), _format.count(comparison["pairs"]), table
    )


def _row(row: Mapping[str, Any]) -> Row:
    effect = finite(row["effect_size"])
    cells = (
        figure(row["mean_a"], _format.significant),
        figure(row["mean_b"], _format.significant),
        figure(row["difference"], _format.significant, between(*_ends(row), _format.significant)),
        figure(row["p_value"], _format.p_value),
        figure(row["p_adjusted"], _format.p_value),
        figure(effect, lambda value: _format.number(value, 2), str(row["effect_name"] or "")),
        figure(row["n"], _format.count),
        words(str(row["verdict"])),
    )
    return Row(str(row["metric"]).replace("_", " "), cells)


def _ends(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    interval = row["interval"]
    return (None, None) if interval is None else (finite(interval[0]), finite(interval[1]))


