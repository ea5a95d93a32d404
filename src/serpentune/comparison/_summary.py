"""Floor 9, comparison: one model's improvement over another as a single percentage.

`average_relative_improvement` is the mean over metrics of the relative change from a to b, in percent and signed so
that positive is better for b: `100 * (b - a) / |a|`, or `100 * (a - b) / |a|` where lower is better. A metric counts
where it was asked for, its figures can be compared, it has a direction, and a's figure isn't 0, from which there is no
relative change; a note names each one left out with the reason. Where 0 alone leaves none, the convention is 100 if b
is better in more metrics than it is worse in, -100 the other way round, else 0; a note says so. Where no metric counts
for another reason there is no average.

It is a summary for tables, made of point estimates: it carries no interval, and no verdict rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serpentune.comparison._report import MetricComparison

Summary = tuple[dict[str, float | None], list[str]]
"""Summary metrics, each in percent, and notes on what was left out."""


def summarise(rows: Sequence[MetricComparison], left_out: Mapping[str, str]) -> Summary:
    """The summary of a report.

    Args:
        rows: of the metrics that were asked for.
        left_out: metrics that don't count, some of them among the rows, and why, as a clause.
    """
    changes: dict[str, float] = {}
    from_zero: dict[str, float] = {}
    reasons = dict(left_out)
    for row in rows:
        if row.metric in reasons:
            continue
        if row.higher_is_better is None:
            reasons[row.metric] = "neither direction is better"
            continue
        assert row.mean_a is not None and row.mean_b is not None
        gain = (row.mean_b - row.mean_a) * (1 if row.higher_is_better else -1)
        if row.mean_a == 0:
            from_zero[row.metric] = gain
        else:
            changes[row.metric] = 100 * gain / abs(row.mean_a)
    notes, average = [], None
    if changes:
        reasons |= dict.fromkeys(from_zero, "from 0 there is no relative change")
        average = sum(changes.values()) / len(changes)
    elif from_zero:
        signs = sum((gain > 0) - (gain < 0) for gain in from_zero.values())
        average = 100.0 * ((signs > 0) - (signs < 0))
        notes.append(
            f"The first model's {', '.join(from_zero)} is 0, from which there is no relative change; by convention the "
            "average relative improvement is 100% for better, -100% for worse and 0% for equal."
        )
    for reason in dict.fromkeys(reasons.values()):
        metrics = ", ".join(metric for metric, own in reasons.items() if own == reason)
        notes.append(f"The average relative improvement leaves out {metrics}: {reason}.")
    summary: dict[str, float | None] = {"average_relative_improvement": average}
    summary.update({f"{metric}_relative_improvement": change for metric, change in changes.items()})
    return summary, notes
