"""Floor 10, report: comparisons as the page shows them: charts, a table for each pair, how alike they play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.comparison import METRICS, Agreement
from serpentune.report import _charts, _format
from serpentune.report._format import Show, finite
from serpentune.report._tables import Cell, Column, Row, Table, between, figure, words

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
class Difference:
    """The differences in one metric, all comparisons under one another; `unit` names its axis."""

    title: str
    unit: str
    digits: int
    forest: _charts.Forest


@dataclass(frozen=True)
class Comparison:
    """All comparisons; `forests` holds the differences in each metric that has a direction and an interval."""

    pairs: tuple[Pair, ...]
    scope: str
    level: float
    forests: tuple[Difference, ...]


def describe(comparisons: Sequence[Mapping[str, Any]], colours: Mapping[str, int]) -> Comparison | None:
    """Lay out `ComparisonReport.to_json()` documents; None without any."""
    if not comparisons:
        return None
    return Comparison(
        tuple(_pair(comparison) for comparison in comparisons),
        str(comparisons[0]["scope"]),
        comparisons[0]["level"],
        tuple(_differences(comparisons, colours)),
    )


def _differences(comparisons: Sequence[Mapping[str, Any]], colours: Mapping[str, int]) -> Iterator[Difference]:
    """Charts of the metrics for which one side is better, as the comparisons have them."""
    placed: dict[str, list[tuple[str, int, float, float | None, float | None]]] = {}
    for comparison in comparisons:
        for row in comparison["rows"]:
            difference, (low, high) = finite(row["difference"]), _ends(row)
            if row["higher_is_better"] is None or difference is None or low is None or high is None:
                continue
            scale = 100 if _is_share(row["metric"]) else 1
            name = f"{comparison['b']} minus {comparison['a']}"
            colour = colours.get(comparison["b"], _OTHER)
            placed.setdefault(row["metric"], []).append((name, colour, scale * difference, scale * low, scale * high))
    for metric, rows in placed.items():
        share = _is_share(metric)
        yield Difference(
            _title(metric), "percentage points" if share else "difference", 1 if share else 2, _charts.forest(rows)
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
    show: Show = _format.percent if _is_share(row["metric"]) else _format.significant
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
    return Row(_title(row["metric"]), cells, detail=_BETTER[row["higher_is_better"]])


def _is_share(metric: str) -> bool:
    known = METRICS.get(metric)
    return known is not None and known.binary


def _title(metric: str) -> str:
    return _NAMES.get(metric, metric.replace("_", " ").capitalize())


def _details(comparison: Mapping[str, Any]) -> list[str]:
    """Every row in words, then by which method, then the notes."""
    rows = comparison["rows"]
    names = [_title(row["metric"]) for row in rows]
    lines = [str(row["sentence"]) for row in rows]
    lines += [f"{name}: {row['method']}." for name, row in zip(names, rows, strict=True)]
    lines += [f"{name}: {note}." for name, row in zip(names, rows, strict=True) for note in row["notes"]]
    return lines + [str(note) for note in comparison["notes"]]


def agreement_table(found: Sequence[Agreement], colours: Mapping[str, int]) -> Table:
    """The agreement of every two models as a matrix of theirs."""
    names = list(dict.fromkeys(name for pair in found for name in (pair.a, pair.b)))
    of_pair = {frozenset((pair.a, pair.b)): pair for pair in found}
    rows = tuple(
        Row(name, tuple(_agreement_cell(of_pair.get(frozenset((name, other)))) for other in names), colours.get(name))
        for name in names
    )
    caption = "Moves that two models have in common while their games are the same"
    return Table(caption, "Model", tuple(Column(name) for name in names), rows)


def _agreement_cell(pair: Agreement | None) -> Cell:
    if pair is None:
        return Cell("–")
    if pair.share is None:
        return Cell("no common game")
    parted = "never part" if pair.first_difference is None else f"part at step {_format.number(pair.first_difference)}"
    return Cell(_format.percent(pair.share), parted.removesuffix(".0"), pair.share, pair.share)


def _ends(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    interval = row["interval"]
    return (None, None) if interval is None else (finite(interval[0]), finite(interval[1]))
