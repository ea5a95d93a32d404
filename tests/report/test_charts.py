"""Where marks lie: a chart that lies about a figure is worse than none."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.report import _charts, _format, _tables
from serpentune.report._templates import environment


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_round_and_lie_within_the_axis(low: float, span: float) -> None:
    axis = _charts.axis(low, low + span)
    assert 2 <= len(axis.ticks) <= 7
    assert all(-1e-3 <= tick.at <= 100.001 for tick in axis.ticks)
    assert len({tick.label for tick in axis.ticks}) == len(axis.ticks)


def test_estimates_and_intervals_lie_where_their_values_are() -> None:
    chart = _charts.forest([("a", 0, 10.0, 5.0, 20.0), ("b", 1, -10.0, None, None)], 0.95)
    row = chart.rows[0]
    assert row.low_at is not None and row.high_at is not None and chart.zero is not None
    unit = (row.high_at - row.low_at) / 15
    assert row.at - row.low_at == pytest.approx(5 * unit, abs=0.01)
    assert row.at - chart.zero == pytest.approx(10 * unit, abs=0.01)
    assert chart.rows[1].low_at is None


def test_histograms_count_every_game_once() -> None:
    scores = np.array([0, 0, 3, 35], np.float64)
    chart = _charts.histograms([("a", 0, scores)])
    assert chart.bin_width == 1
    assert [(bar.label, bar.height) for bar in chart.rows[0].bars] == [
        ("score 0: 2 of 4 games", 100.0),
        ("score 3: 1 of 4 games", 50.0),
        ("score 35: 1 of 4 games", 50.0),
    ]
    wide = _charts.histograms([("a", 0, np.arange(400, dtype=np.float64))])
    assert wide.bin_width == 10 and wide.rows[0].bars[0].label == "scores 0 to 9: 10 of 400 games"


def test_shares_fill_the_bar() -> None:
    (row,) = _charts.shares([("a", {"WIN": 1, "SELF": 2})], ["WIN", "WALL", "SELF"])
    assert [segment.kind for segment in row.segments] == ["WIN", "SELF"]
    assert row.segments[-1].at + row.segments[-1].width == pytest.approx(100, abs=0.01)


def test_nearly_all_games_are_not_written_as_all() -> None:
    rows = _charts.shares(
        [("a", {"WIN": 1996, "SELF": 4}), ("b", {"WIN": 2000}), ("c", {"WIN": 1, "SELF": 2})], ["WIN", "SELF"]
    )
    drawn = str(environment().get_template("charts.html").module.shares(rows, ["WIN", "SELF"], "games"))
    labels = re.findall(r'class="share-label[^>]*>([^<]*)<', drawn)
    assert labels == ["99.8%", "100%", "33%", "67%"]


def test_curves_are_thinned_and_keep_their_last_point() -> None:
    history = [{"step": step, "loss": 1.0 + step} for step in range(5000)]
    chart = _charts.curves([("a", 0, history), ("b", 1, [])])
    assert chart is not None and len(chart.curves) == 1
    points = chart.curves[0].training.split()
    assert len(points) == 400 and points[-1].startswith("1000.0,")
    assert chart.curves[0].last == 5000.0 and chart.curves[0].validation == ""
    assert _charts.curves([("b", 1, [])]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.5, "−0.50"), (-0.001, "0.00"), (12345.6, "12,345.60"), (float("nan"), "not measured"), (None, "not measured")],
)
def test_numbers_are_written_for_people(value: float | None, text: str) -> None:
    assert _format.number(value, 2) == text


def test_durations_and_seeds_in_words() -> None:
    assert [_format.duration(seconds) for seconds in (4.26, 42, 185, 7_800)] == [
        "4.3 s",
        "42 s",
        "3 min 05 s",
        "2 h 10 min",
    ]
    assert _format.seeds([5, 6, 7]) == "5 to 7 (3 seeds)"
    assert _format.seeds([5, 7]) == "5 to 7 (2 seeds, with gaps)"


def test_data_set_counts_become_a_table_and_other_facts_a_list() -> None:
    counts = {"BFS": {"train": 8, "test": 1}, "DFS": {"train": 9}}
    tables, facts = _tables.dataset_tables({"samples": counts, "encoding": "grid", "sizes": {"test": 3}})
    assert [column.head for column in tables[0].columns] == ["train", "test"]
    assert [cell.text for cell in tables[0].rows[1].cells] == ["9", "none"]
    assert facts == [("encoding", "grid"), ("sizes: test", "3")]
    assert _tables.dataset_tables(counts)[0][0].rows == tables[0].rows
