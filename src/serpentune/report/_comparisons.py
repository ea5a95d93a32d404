"""Floor 10, report: comparisons as the page shows them: charts, a table for each pair, how alike they play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.comparison import METRICS, Agreement
from serpentune.report import _charts, _format
from serpentune.report._format import Show, finite
from serpentune.report._tables import Cell, Column, Row, Table, between, figure, words

_OTHER = 5
"""The colour of a name that is no model of the report."""

_BETTER = {True: "higher is better", False: "lower is better", None: "neither direction is better"}


AGREEMENT = (
    "Two games of one seed are the same until a move differs. Of the moves made up to there, the share that both "
    "models have in common; below it the share of games that are the same to the end. It describes and tests nothing."
)
"""How to read `agreement_table`."""

_PAIRED = {"games": "by game seed", "held-out records": "by held-out record"}
"""How pairs are made, by what they are."""

_CORRELATION = "; below it the correlation of both models' values on the same one: the higher, the more pairing helps"

_SAME_COLUMN = Column(
    "p, the same", "of a difference by the margin or more, after Holm's correction; below it the margin that matters"
)


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
    """All comparisons.

    `scopes` say what their verdicts are about, `of_methods` whether one is about a method; `forests` hold the
    differences in each metric that has a direction, and `note` says how to read their intervals.
    """

    pairs: tuple[Pair, ...]
    scopes: tuple[str, ...]
    of_methods: bool
    forests: tuple[Difference, ...]
    note: str


def describe(comparisons: Sequence[Mapping[str, Any]], colours: Mapping[str, int]) -> Comparison | None:
    """Lay out `ComparisonReport.to_json()` documents; None without any."""
    if not comparisons:
        return None
    return Comparison(
        tuple(_pair(comparison) for comparison in comparisons),
        tuple(dict.fromkeys(str(comparison["scope"]) for comparison in comparisons)),
        any(comparison.get("about") == "methods" for comparison in comparisons),
        tuple(_differences(comparisons, colours)),
        _note(comparisons),
    )


def _note(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """How to read the differences: over which pairs their intervals are, and what these leave to the verdict."""
    rows = [row for each in comparisons for row in each["rows"] if finite(row["difference"]) is not None]
    known = [METRICS[row["metric"]] for row in rows if None not in _ends(row) and row["metric"] in METRICS]
    words = []
    if known:
        paired = " and, of language, ".join(_PAIRED[units] for units in dict.fromkeys(each.units for each in known))
        words.append(
            f"Differences are paired {paired}, with {_format.level(comparisons[0]['level'])} intervals. An interval "
            "isn't corrected for the number of tests, while the verdict is: one that reaches across 0 leaves open "
            "which of the two is better, and one that doesn't is no finding unless the verdict says so."
        )
    if any(None in _ends(row) for row in rows):
        words.append("Where there is no interval, the difference stands alone, or in the tables only.")
    return " ".join(words)


def _differences(comparisons: Sequence[Mapping[str, Any]], colours: Mapping[str, int]) -> Iterator[Difference]:
    """Charts of the metrics for which one side is better and some difference has an interval; the tables hold all."""
    placed: dict[str, list[tuple[str, int, float, float | None, float | None]]] = {}
    for comparison in comparisons:
        for row in comparison["rows"]:
            difference, (low, high) = finite(row["difference"]), _ends(row)
            if row["higher_is_better"] is None or difference is None:
                continue
            scale = _scale(row["metric"])
            ends = (None, None) if low is None or high is None else (scale * low, scale * high)
            name = f"{comparison['b']} minus {comparison['a']}"
            colour = colours.get(comparison["b"], _OTHER)
            placed.setdefault(row["metric"], []).append((name, colour, scale * difference, *ends))
    for metric, rows in placed.items():
        if all(low is None for *_, low, _ in rows):
            continue
        share = _scale(metric) == 100
        yield Difference(
            _title(metric),
            "percentage points" if share else "difference",
            1 if share else 2,
            _charts.forest(rows, comparisons[0]["level"]),
        )


def _pair(comparison: Mapping[str, Any]) -> Pair:
    a, b, rows = str(comparison["a"]), str(comparison["b"]), comparison["rows"]
    with_margin = any(row.get("margin") is not None for row in rows)
    with_correlation = any(row.get("correlation") is not None for row in rows)
    over = _pairs(comparison)
    columns = (
        Column(a, f"its figure over {over}"),
        Column(b, f"its figure over {over}"),
        Column("Difference", f"{b} minus {a}, with its {_format.level(comparison['level'])} interval"),
        Column(
            "p, adjusted",
            f"two-sided, after Holm's correction for {comparison['tests']} tests; the verdict goes by it. Below it p "
            "as the test gave it",
        ),
        Column("Effect size"),
        Column("Pairs", over + (_CORRELATION if with_correlation else "")),
        *((_SAME_COLUMN,) if with_margin else ()),
        Column("Verdict", f"on {b} against {a}", figures=False),
    )
    scope = str(comparison["scope"])
    return Pair(
        a,
        b,
        # The page says once what verdicts are about.
        str(comparison["verdict"]).removesuffix(scope).strip(),
        Table(
            f"{a} against {b}",
            "Metric",
            columns,
            tuple(_row(row, with_margin) for row in rows),
            titled=True,
        ),
        tuple(_details(comparison)),
    )


def _pairs(comparison: Mapping[str, Any]) -> str:
    """What the pairs of the rows are, in words."""
    metrics = [METRICS[row["metric"]] for row in comparison["rows"] if row["metric"] in METRICS]
    who = "all students" if comparison.get("about") == "methods" else "both"
    words = {"games": f"games that {who} played", "held-out records": f"held-out records that {who} were measured on"}
    return "; of language, ".join(words[unit] for unit in dict.fromkeys(metric.units for metric in metrics))


def _row(row: Mapping[str, Any], with_margin: bool) -> Row:
    show: Show = _format.percent if _scale(row["metric"]) == 100 else _format.significant
    margin, correlation = finite(row.get("margin")), finite(row.get("correlation"))
    by_margin = "" if margin is None else f"margin {show(margin)}"
    correlated = "" if correlation is None else f"correlation {_two_digits(correlation)}"
    unadjusted = "" if row["p_value"] is None else f"unadjusted {_format.p_value(row['p_value'])}"
    cells = (
        figure(row["mean_a"], show),
        figure(row["mean_b"], show),
        figure(row["difference"], show, between(*_ends(row), show)),
        figure(row["p_adjusted"], _format.p_value, unadjusted, missing="–"),
        figure(row["effect_size"], _two_digits, row["effect_name"] or "", missing="–"),
        figure(row["n"] or None, _format.count, correlated, missing="–"),
        *((figure(row.get("p_same_adjusted"), _format.p_value, by_margin, missing="–"),) if with_margin else ()),
        words(str(row["verdict"])),
    )
    return Row(_title(row["metric"]), cells, detail=_BETTER[row["higher_is_better"]])


def _two_digits(value: object) -> str:
    return _format.number(value, 2)


def _scale(metric: str) -> float:
    """From a figure to the unit in which it is told: 100 for shares."""
    known = METRICS.get(metric)
    return 1.0 if known is None else known.scale


def _title(metric: str) -> str:
    known = METRICS.get(metric)
    return metric if known is None else known.title


def _details(comparison: Mapping[str, Any]) -> list[str]:
    """Every row in words, then by which method, then the notes."""
    rows = comparison["rows"]
    names = [_title(row["metric"]) for row in rows]
    lines = [str(row["sentence"]) for row in rows]
    lines += [f"{name}: {row['method']}." for name, row in zip(names, rows, strict=True)]
    lines += [f"{name}: {note}." for name, row in zip(names, rows, strict=True) for note in row["notes"]]
    return lines + [str(note) for note in comparison["notes"]]


def agreement_table(found: Agreement, colours: Mapping[str, int]) -> Table:
    """The agreement of every two models as a matrix."""
    rows = tuple(
        Row(
            name,
            tuple(
                Cell("–") if place == other else _agreement_cell(found, place, other)
                for other in range(len(found.names))
            ),
            colours.get(name),
        )
        for place, name in enumerate(found.names)
    )
    caption = "Moves that two models have in common while their games are the same"
    return Table(caption, "Model", tuple(Column(name) for name in found.names), rows)


def _agreement_cell(found: Agreement, a: int, b: int) -> Cell:
    share, games = found.moves[a][b], found.games[a][b]
    if share is None or games is None:
        return Cell("no common game")
    detail = f"of {_format.count(found.states[a][b])}\n{_format.percent(games)} of games"
    return Cell(_format.percent(share), detail, share, share)


def _ends(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    interval = row["interval"]
    return (None, None) if interval is None else (finite(interval[0]), finite(interval[1]))
