"""Floor 9, comparison: the report of one head-to-head, in numbers, in words, as JSON and as Markdown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from serpentune.statistics import EffectSize, Interval, p_text, plain

CHECKPOINTS = (
    "This is about these two checkpoints, one training run each; it is no claim about the methods that trained them, "
    "which would need several training seeds."
)
CHECKPOINT_AND_PLAYER = (
    "This is about {trained}, the checkpoint of one training run, against {other} as it is; it is no claim about the "
    "method that trained {trained}, which would need several training seeds."
)
PLAYERS = "This is about these two players as they are; it is no claim about how they were made."
METHODS = (
    "This is about the methods: the training seed is the unit, so that the intervals are of students of new seeds too."
)
METHOD_AND_PLAYER = (
    "This is about the method {method}, of which the training seed is the unit, against {other} as it is; it is no "
    "claim about how {other} was made."
)


@dataclass(frozen=True)
class MetricComparison:
    """One metric of two models.

    Attributes:
        metric: its name.
        higher_is_better: None where neither direction is better.
        n: pairs of this row, mostly games, for methods those that all students played; None where nothing was tested.
        method: what was really used, fallbacks included.
        verdict: "better" or "worse" (b against a), "better, within the margin" or "worse, within the margin" (a real
            difference that is shown to be smaller than the margin), "the same" (shown to be within the margin), "no
            difference shown", "not enough games: about N needed in all", "not enough training seeds", "can't be tested"
            (by method, for the reason in the sentence), "descriptive" (no direction), "not tested", or "no games" (no
            pair counts).
        sentence: the row in plain words, with both names.
        mean_a: the figure over the pairs of this row; where nothing was tested, what the files say.
        mean_b: likewise.
        difference: `mean_b - mean_a`; None where no pair counts, or the figures can't be compared, for the reason in
            the sentence.
        interval: of the difference.
        p_value: two-sided, as the test gave it; None where nothing was tested.
        p_adjusted: after Holm's correction over all tests of the family; the verdict goes by this one.
        effect: with the variant's name.
        correlation: of the pairs; None where a side is constant or there is nothing to pair.
        games_needed: N of "not enough games", else None: games in all, on fresh seeds; for `steps_to_win` those that
            both win.
        margin: the difference from which on it matters; None where none was given.
        p_same: of "they differ by the margin or more"; None where that wasn't tested.
        p_same_adjusted: after Holm's correction over all such tests of the family.
        notes: why a figure is missing.
    """

    metric: str
    higher_is_better: bool | None
    n: int | None
    method: str
    verdict: str
    sentence: str
    mean_a: float | None = None
    mean_b: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    effect: EffectSize | None = None
    correlation: float | None = None
    games_needed: int | None = None
    margin: float | None = None
    p_same: float | None = None
    p_same_adjusted: float | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The fields in plain values; `interval` as `[low, high]`, the effect as `effect_name` and `effect_size`."""
        fields = asdict(self)
        del fields["effect"]
        return {
            **fields,
            "interval": None if self.interval is None else [self.interval.low, self.interval.high],
            "effect_name": None if self.effect is None else self.effect.name,
            "effect_size": None if self.effect is None else self.effect.value,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class ComparisonReport:
    """Two models, or two methods, head to head; differences are b minus a.

    Attributes:
        a: the first one's name, the one that b is measured against.
        b: the second one's name.
        rows: a row a metric.
        pairs: games that all played.
        dropped: games of any of them without a partner.
        identical: pairs in which all played the same moves.
        level: coverage of the intervals; 1 - level is the level of the tests.
        tests: tests of "better or worse" in the family that Holm's correction covers.
        seed: of the resampling.
        notes: what a reader should know, in sentences.
        summary_metrics: `average_relative_improvement` (see `comparison._summary`), None where no metric counts, and
            what it is made of, in percent.
        methods: of a and b, those that are methods of several students; the others are checkpoints, or players as they
            are.
        seeds_a: training seeds of a's students, where it is a method, None where one isn't known; empty for a
            checkpoint.
        seeds_b: likewise.
        margin_tests: tests of "the same" in the family, which have a correction of their own.
        trained: of a and b, those of which it is known how they were trained; a teacher is none of them.
        summary_notes: each metric that `summary_metrics` leaves out and why, in sentences.
    """

    a: str
    b: str
    rows: tuple[MetricComparison, ...]
    pairs: int
    dropped: int
    identical: int
    level: float
    tests: int
    seed: int
    notes: tuple[str, ...]
    summary_metrics: dict[str, float | None]
    methods: tuple[str, ...] = ()
    seeds_a: tuple[int | None, ...] = ()
    seeds_b: tuple[int | None, ...] = ()
    margin_tests: int = 0
    trained: tuple[str, ...] = ()
    summary_notes: tuple[str, ...] = ()

    @property
    def finding(self) -> str:
        """The overall sentence, on score, or on the first metric where score was not asked for."""
        return next((row for row in self.rows if row.metric == "score"), self.rows[0]).sentence

    @property
    def verdict(self) -> str:
        """The finding, and what it is about."""
        return f"{self.finding} {self.scope}"

    @property
    def about(self) -> str:
        """What the verdicts are about: "methods" where one of the two is a method, else "checkpoints"."""
        return "methods" if self.methods else "checkpoints"

    @property
    def scope(self) -> str:
        """What the verdicts are about, in words."""
        if not self.methods:
            if len(self.trained) == 1:
                (trained,) = self.trained
                return CHECKPOINT_AND_PLAYER.format(trained=trained, other=self.b if trained == self.a else self.a)
            return CHECKPOINTS if self.trained else PLAYERS
        if len(self.methods) == 2:
            return METHODS
        (method,) = self.methods
        return METHOD_AND_PLAYER.format(method=method, other=self.b if method == self.a else self.a)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON documents: the attributes, `verdict`, `about` and `scope`."""
        rows = [row.to_json() for row in self.rows]
        listed = {name: list(getattr(self, name)) for name in ("notes", "methods", "trained", "summary_notes")}
        told = {name: getattr(self, name) for name in ("verdict", "about", "scope")}
        return {**asdict(self), **listed, "rows": rows, **told}

    def to_markdown(self) -> str:
        """The report as a Markdown page: the verdict, the table, each row in words, the notes."""
        lines = [
            f"# {_cell(self.a)} against {_cell(self.b)}",
            "",
            _cell(self.verdict),
            "",
            f"| metric | {_cell(self.a)} | {_cell(self.b)} | difference | {plain(100 * self.level)}% interval "
            "| p (Holm) | effect size | pairs | correlation | verdict |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in self.rows]
        lines += ["", *(f"- {_cell(row.sentence)}" for row in self.rows)]
        lines += ["", "## How", ""]
        lines += [f"- {row.metric}: {row.method}." for row in self.rows]
        lines += [f"- {_cell(row.metric)}: {_cell(note)}." for row in self.rows for note in row.notes]
        lines += [f"- {_cell(note)}" for note in self.notes]
        return "\n".join(lines) + "\n"


def _line(row: MetricComparison) -> str:
    interval = None if row.interval is None else f"{plain(row.interval.low)} to {plain(row.interval.high)}"
    effect = None if row.effect is None or row.effect.value is None else f"{row.effect.name} {plain(row.effect.value)}"
    p_value = None if row.p_adjusted is None else p_text(row.p_adjusted).removeprefix("p ").removeprefix("= ")
    numbers = [None if value is None else plain(value) for value in (row.mean_a, row.mean_b, row.difference)]
    correlation = None if row.correlation is None else plain(row.correlation)
    arrow = {True: " (higher is better)", False: " (lower is better)", None: ""}[row.higher_is_better]
    cells = [
        row.metric + arrow,
        *numbers,
        interval,
        p_value,
        effect,
        None if row.n is None else str(row.n),
        correlation,
        row.verdict,
    ]
    return f"| {' | '.join('-' if cell is None else _cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """Text that can't end a table's cell, start a line, or be taken for HTML: a model's name is somebody's input."""
    flat = " ".join(text.split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
