"""Floor 9, comparison: one model's improvement over another as a single percentage.

`average_relative_improvement` is the mean over metrics of the relative change from a to b, in percent and signed so
that positive is better for b: `100 * (b - a) / |a|`, or `100 * (a - b) / |a|` where lower is better. Metrics without a
direction don't count. A metric whose value is 0 for a has no relative change and is left out. Where that leaves none,
the convention is 100 if b is better in more metrics than it is worse in, -100 the other way round, else 0; a note says
so.

It is a summary for tables, made of point estimates: it carries no interval, and no verdict rests on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from serpentune.comparison._report import MetricComparison


def summarise(rows: Sequence[MetricComparison]) -> tuple[dict[str, float], list[str]]:
    """The summary metrics of a report, each in percent, and notes on what was left out."""
    changes: dict[str, float] = {}
    from_zero: dict[str, float] = {}
    for row in rows:
        if row.higher_is_better is None or row.mean_a is None or row.mean_b is None:
            continue
        gain = (row.mean_b - row.mean_a) * (1 if row.higher_is_better else -1)
        if row.mean_a == 0:
            from_zero[row.metric] = gain
        else:
            changes[row.metric] = 100 * gain / abs(row.mean_a)
    notes = []
    if changes:
        average = sum(changes.values()) / len(changes)
        if from_zero:
            left_out = ", ".join(from_zero)
            notes.append(f"The average relative improvement leaves out {left_out}: from 0 there is no relative change.")
    else:
        signs = sum((gain > 0) - (gain < 0) for gain in from_zero.values())
        average = 100.0 * ((signs > 0) - (signs < 0))
        notes.append(
            "No metric has a relative change, since the first model's values are all 0; by convention the average "
            "relative improvement is 100% for better, -100% for worse and 0% for equal."
        )
    summary = {"average_relative_improvement": average}
    summary.update({f"{metric}_relative_improvement": change for metric, change in changes.items()})
    return summary, notes
