"""Floor 12, cli: how models are compared, as `compare` and `report` are told it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from serpentune.cli._arguments import option
from serpentune.common.errors import UserError

Baseline = Annotated[
    str | None,
    option(
        "--baseline",
        metavar="NAME",
        help="The model that the others are measured against.",
        default="the first; of several untuned bases each student's own",
    ),
]
AllPairs = Annotated[bool, option("--all-pairs", help="Compare every model with every other, not with one alone.")]
By = Annotated[
    str,
    option(
        "--by",
        metavar="LEVEL",
        help="checkpoint, each model by itself; or method, those that differ in their training seed together.",
    ),
]
Metrics = Annotated[
    list[str] | None,
    option(
        "--metrics",
        metavar="NAME...",
        help="score, win (or win_rate), steps, steps_to_win, accuracy, accuracy_equal, fatal_per_1000_moves, "
        "legal_rate, ms_per_move; of language: loss, perplexity, bits_per_byte, token_accuracy, exact_match, "
        "rouge_l, bleu.",
        default="score win steps",
    ),
]
Margin = Annotated[
    list[str] | None,
    option(
        "--margin",
        metavar="METRIC=SIZE...",
        help="The difference from which on it matters, such as win=0.03 score=2: what is shown to be less is "
        "called the same.",
        default="none",
    ),
]
Level = Annotated[float, option("--level", metavar="SHARE", help="Coverage of the intervals.")]


def comparison(
    *,
    by: str,
    baseline: str | None,
    all_pairs: bool,
    metrics: Sequence[str] | None,
    margin: Sequence[str] | None,
) -> dict[str, Any]:
    """What `comparison.compare_all` and `report.report_folders` take, of what was typed.

    Raises:
        UserError: there is no such metric, or a margin isn't METRIC=SIZE.
    """
    from serpentune.comparison import metric_name

    for name in metrics or ():
        metric_name(name)  # said first, since it may be a folder that was meant to be compared
    asked = {"by": by, "baseline": baseline, "all_pairs": all_pairs, "margins": _margins(margin or ())}
    return asked | ({"metrics": metrics} if metrics else {})


def _margins(typed: Sequence[str]) -> dict[str, float]:
    margins = {}
    for text in typed:
        name, equals, size = text.partition("=")
        try:
            margins[name] = float(size)
        except ValueError:
            equals = ""
        if not equals:
            raise UserError(f"--margin {text}: write METRIC=SIZE, such as win=0.03.")
    return margins
