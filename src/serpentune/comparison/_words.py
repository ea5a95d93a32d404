"""Floor 9, comparison: the verdict on a row and the sentence that says it."""

from __future__ import annotations

from dataclasses import dataclass

from serpentune.comparison._metrics import GameMetric
from serpentune.statistics import Finding, Interval, fewest_pairs, p_text, pairs_needed, plain

POWER = 0.8

WORTHWHILE = 10
"""A difference that would take more than this many times the games played is too small to ask for them."""

DESCRIPTIVE = "descriptive"
NO_DIFFERENCE = "no difference shown"


@dataclass(frozen=True)
class Verdict:
    """What is said of b against a.

    Attributes:
        text: as in `MetricComparison.verdict`.
        more_games: games that are missing for a verdict; None where there is one.
        plan: what those games would bring, as a clause; empty with `more_games`.
    """

    text: str
    more_games: int | None = None
    plan: str = ""


def decide(
    metric: GameMetric, found: Finding, d_z: float | None, p_adjusted: float | None, alpha: float, tests: int
) -> Verdict:
    """The verdict on b against a.

    The plan is for the observed d_z, at the strictest level that Holm's correction could ask of this row: for the
    difference as it was seen, which may be far from the true one. Where it would take more than `WORTHWHILE` times
    the games played, "no difference shown" is the more useful word.
    """
    if metric.higher_is_better is None or p_adjusted is None or found.estimate is None:
        return Verdict(DESCRIPTIVE)
    if p_adjusted <= alpha:
        return Verdict("better" if (found.estimate > 0) == metric.higher_is_better else "worse")
    strictest = alpha / tests
    fewest = fewest_pairs(strictest)
    if found.n < fewest:
        missing = fewest - found.n
        clause = f"no test can show anything with fewer than {fewest} pairs, so play at least {missing} more"
        return Verdict(_not_enough(missing), missing, clause)
    missing = pairs_needed(d_z, n=found.n, power=POWER, alpha=strictest).more or 0
    if not 0 < missing <= (WORTHWHILE - 1) * found.n:
        return Verdict(NO_DIFFERENCE)
    clause = (
        f"about {missing:,} more paired games would show a difference like this one, if it is real, with "
        f"{plain(100 * POWER)}% power"
    )
    return Verdict(_not_enough(missing), missing, clause)


def _not_enough(missing: int) -> str:
    return f"not enough games: about {missing:,} more needed"


def describe(
    a: str, b: str, metric: GameMetric, found: Finding, p_adjusted: float | None, tests: int, verdict: Verdict
) -> str:
    """A row as one sentence that names both models."""
    assert found.estimate is not None
    claims = verdict.text in ("better", "worse", DESCRIPTIVE)
    # "2 fewer (1 to 3)" instead of "2 fewer (-3 to -1)": a claim's interval points the way its words do.
    flip = claims and found.estimate < 0
    facts = _facts(metric, found, p_adjusted, tests, flip=flip)
    if claims:
        amount = plain(abs(found.estimate) * metric.scale)
        claim = metric.claim.format(a=a, b=b, amount=amount, more="fewer" if flip else "more")
        if verdict.text != DESCRIPTIVE:
            return f"{claim} ({facts})."
        return f"{claim} ({facts}); by itself that is neither better nor worse, so it isn't tested."
    facts = f"difference {plain(found.estimate * metric.scale)}{metric.unit}, {facts}"
    if verdict.more_games is not None:
        return f"Not enough games to tell {b} from {a} in {metric.noun} ({facts}): {verdict.plan}."
    return (
        f"No difference in {metric.noun} between {b} and {a} is shown ({facts}); that doesn't show that they are equal."
    )


def _facts(metric: GameMetric, found: Finding, p_adjusted: float | None, tests: int, *, flip: bool) -> str:
    facts = []
    if found.interval is not None:
        low, high = found.interval.low * metric.scale, found.interval.high * metric.scale
        low, high = (-high, -low) if flip else (low, high)
        facts.append(Interval(low, high, found.interval.level).sentence())
    if p_adjusted is not None:
        facts.append(p_text(p_adjusted) + (f" after Holm's correction for {tests} tests" if tests > 1 else ""))
    facts.append("1 paired game" if found.n == 1 else f"{found.n} paired games")
    return ", ".join(facts)
