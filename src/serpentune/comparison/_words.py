"""Floor 9, comparison: the verdict on a row and the sentence that says it."""

from __future__ import annotations

from dataclasses import dataclass

from serpentune.comparison._metrics import GameMetric
from serpentune.comparison._rows import Measured
from serpentune.statistics import Interval, fewest_pairs, p_text, pairs_needed, plain

POWER = 0.8

WORTHWHILE = 10
"""A difference that would take more than this many times the games played is too small to ask for them."""

BETTER = "better"
WORSE = "worse"
DESCRIPTIVE = "descriptive"
NO_DIFFERENCE = "no difference shown"
SAME = "the same"
WITHIN = ", within the margin"
FEW_SEEDS = "not enough training seeds"
UNTESTABLE = "can't be tested"
NOT_TESTED = "not tested"
NO_GAMES = "no games"


@dataclass(frozen=True)
class Judged:
    """A row with its p-values after the family's corrections.

    Attributes:
        row: the row.
        p_adjusted: of the difference; None where it wasn't tested.
        p_same: of "they differ by the margin or more"; None where that wasn't tested.
        alpha: the level of the tests.
        tests: tests of differences in the family.
        margin_tests: tests of sameness in the family.
    """

    row: Measured
    p_adjusted: float | None
    p_same: float | None
    alpha: float
    tests: int
    margin_tests: int

    @property
    def same(self) -> bool:
        """Whether the difference is shown to be smaller than the margin."""
        return self.p_same is not None and self.p_same <= self.alpha


@dataclass(frozen=True)
class Verdict:
    """What is said of b against a.

    Attributes:
        text: as in `MetricComparison.verdict`.
        games_needed: games in all, on fresh seeds, that it takes to show the difference, or games that both win for a
            metric of these; None where there is a verdict.
        plan: what those games would bring, as a clause; empty where `games_needed` is None.
    """

    text: str
    games_needed: int | None = None
    plan: str = ""

    @property
    def claims(self) -> bool:
        """Whether it says in which direction they differ."""
        return self.text.removesuffix(WITHIN) in (BETTER, WORSE, DESCRIPTIVE)


def decide(judged: Judged, *, methods: bool) -> Verdict:
    """The verdict on b against a.

    The plan is for the observed d_z, at the strictest level that Holm's correction could ask of this row: for the
    difference as it was seen, which may be far from the true one. Where it would take more than `WORTHWHILE` times
    the games played, "no difference shown" is the more useful word, as it is where more games aren't what is missing.
    """
    metric, found, p_adjusted = judged.row.metric, judged.row.found, judged.p_adjusted
    if p_adjusted is not None and p_adjusted <= judged.alpha and found.estimate is not None:
        better = (found.estimate > 0) == metric.higher_is_better
        return Verdict((BETTER if better else WORSE) + WITHIN * judged.same)
    if judged.same:
        return Verdict(SAME)
    if metric.higher_is_better is None:
        return Verdict(DESCRIPTIVE)
    if p_adjusted is None:
        return Verdict(FEW_SEEDS if judged.row.few_seeds else UNTESTABLE)
    if methods or judged.row.alike:
        return Verdict(NO_DIFFERENCE)
    strictest = judged.alpha / judged.tests
    fewest = fewest_pairs(strictest)
    tested = f"at level {plain(strictest)}"
    if judged.tests > 1:
        tested += f", the strictest that Holm's correction asks for in {judged.tests} tests"
    if judged.row.unit != "games":
        return Verdict(NO_DIFFERENCE)
    both_win = " that both win" * (isinstance(metric, GameMetric) and metric.both_won)
    if found.n < fewest:
        clause = (
            f"no test can show anything with fewer than {fewest} pairs ({tested}), so play at least {fewest} "
            f"games{both_win} in all, on fresh seeds"
        )
        return Verdict(f"not enough games: at least {fewest}{both_win} needed in all", fewest, clause)
    needed = pairs_needed(judged.row.d_z, power=POWER, alpha=strictest)
    if needed is None or not found.n < needed <= WORTHWHILE * found.n:
        return Verdict(NO_DIFFERENCE)
    clause = (
        f"about {needed:,} games{both_win} in all, on fresh seeds, would show a difference like this one, if it is "
        f"real, with {plain(100 * POWER)}% power ({tested})"
    )
    return Verdict(f"not enough games: about {needed:,}{both_win} needed in all", needed, clause)


def describe(a: str, b: str, judged: Judged, verdict: Verdict) -> str:
    """A row as one sentence, or two, that name both sides."""
    row, metric = judged.row, judged.row.metric
    assert row.found.estimate is not None
    fewer = row.found.estimate < 0
    # "2 fewer (1 to 3)" instead of "2 fewer (-3 to -1)": a claim's interval points the way its words do.
    facts = _facts(judged, flip=verdict.claims and fewer)
    if verdict.claims:
        words = {"more": "fewer" if fewer else "more", "higher": "lower" if fewer else "higher"}
        claim = metric.claim.format(a=a, b=b, amount=plain(abs(row.found.estimate) * metric.scale), **words)
        if verdict.text == DESCRIPTIVE:
            within = f", and it isn't shown to be smaller than the margin of {_margin(judged)}" if row.margin else ""
            return f"{claim} ({facts}); by itself that is neither better nor worse, so that isn't tested{within}."
        if not judged.same:
            return f"{claim} ({facts})."
        return (
            f"{claim} ({facts}). That is a real difference, and one that is shown to be smaller than the margin of "
            f"{_margin(judged)}: too small to matter, if the margin is right."
        )
    facts = f"difference {plain(row.found.estimate * metric.scale)}{metric.unit}, {facts}"
    if verdict.text == SAME:
        return (
            f"{b} and {a} are the same in {metric.noun} ({facts}): the difference is shown to be smaller than the "
            f"margin of {_margin(judged)}."
        )
    if verdict.text == FEW_SEEDS:
        return f"Too few training seeds to tell {b} from {a} in {metric.noun} ({facts}): {row.found.reason}."
    if verdict.text == UNTESTABLE:
        return f"Whether {b} differs from {a} in {metric.noun} can't be tested ({facts}): {row.found.reason}."
    if verdict.games_needed is not None:
        return f"Not enough games to tell {b} from {a} in {metric.noun} ({facts}): {verdict.plan}."
    nor = f", nor is it shown to be smaller than the margin of {_margin(judged)}" if row.margin is not None else ""
    doubt = nor or "; that doesn't show that they are equal"
    return f"No difference in {metric.noun} between {b} and {a} is shown ({facts}){doubt}."


def _margin(judged: Judged) -> str:
    row = judged.row
    assert row.margin is not None
    told = f"{plain(row.margin * row.metric.scale)}{row.metric.unit}"
    if judged.p_same is None:
        return told
    return f"{told} ({_p_value(judged.p_same, judged.margin_tests)})"


def _facts(judged: Judged, *, flip: bool) -> str:
    found, scale, facts = judged.row.found, judged.row.metric.scale, []
    if found.interval is not None:
        low, high = found.interval.low * scale, found.interval.high * scale
        low, high = (-high, -low) if flip else (low, high)
        facts.append(Interval(low, high, found.interval.level).sentence())
    if judged.p_adjusted is not None:
        facts.append(_p_value(judged.p_adjusted, judged.tests))
    facts.append(judged.row.units)
    return ", ".join(facts)


def _p_value(p_value: float, tests: int) -> str:
    return p_text(p_value) + (f" after Holm's correction for {tests} tests" if tests > 1 else "")
