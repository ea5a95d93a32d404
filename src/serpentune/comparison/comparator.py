"""Floor 9, comparison: comparisons of whole results folders, and their reports as files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import write_json, write_text
from serpentune.comparison._bases import own_bases
from serpentune.comparison._compare import NO_MARGINS, compare_results
from serpentune.comparison._family import reports_of
from serpentune.comparison._loading import Results, load_all, sides_of
from serpentune.comparison._methods import checkpoint_sides, method_sides
from serpentune.comparison._metrics import DEFAULT_METRICS
from serpentune.comparison._report import ComparisonReport
from serpentune.comparison._rows import Side

LEVELS = ("checkpoint", "method")
NO_ORIGINS: Mapping[str, str] = {}


def compare_all(
    results: Sequence[Results],
    *,
    by: str = "checkpoint",
    baseline: str | None = None,
    all_pairs: bool = False,
    origins: Mapping[str, str] = NO_ORIGINS,
    metrics: Sequence[str] = DEFAULT_METRICS,
    margins: Mapping[str, float] = NO_MARGINS,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, ComparisonReport]:
    """Every model, or every method, against one baseline or against every other; one family of tests.

    Args:
        results: at least two evaluations or their folders, with different names.
        by: "checkpoint" compares each model by itself. "method" takes those that were trained alike but for the seed
            together, and asks what holds for new seeds too; models that were never trained here stand for themselves.
        baseline: a model's or method's name; the first one without. Where the first one is an untuned base, and others
            are students of another untuned base among them, each student is compared with its own base instead, and
            no base with another.
        all_pairs: compare every pair, in their order, instead; there is no baseline then.
        origins: by the name of a model that was trained on, that of the model which it was before: these two are
            compared as well. Among all pairs they are anyway.
        metrics: as in `compare_results`, as are all others.
        margins: likewise.
        level: likewise.
        seed: likewise.

    Returns:
        Reports under `<a>_vs_<b>`, where a is the baseline or the earlier of a pair.

    Raises:
        UserError: as `compare_results`, or fewer than two models, two of one name, a folder given twice, no model of
            the baseline's name, a baseline of all pairs, or, by method, no method of several training seeds or one of a
            single seed beside them.
    """
    if by not in LEVELS:
        raise unknown_name("level", by, LEVELS)
    if baseline is not None and all_pairs:
        raise UserError("Every pair is compared, so there is no baseline. Give one or the other.")
    if len(results) < 2:
        raise UserError(f"A comparison needs at least two models, not {len(results)}.")
    sides = method_sides(results) if by == "method" else checkpoint_sides(results)
    pairs = list(combinations(sides, 2)) if all_pairs else _against(sides, baseline)
    if not all_pairs:
        known = {(a.name, b.name) for a, b in pairs}
        pairs += [(a, b) for a, b in _with_origins(sides, origins) if (a.name, b.name) not in known]
    return _reports(pairs, metrics, margins, level, seed)


class ModelComparator:
    """Compares evaluations and writes each report to `<a>_vs_<b>.json` and `.md` under `output_dir`.

    A report follows from its evaluations alone, so one of the same two names replaces the earlier one.

    >>> comparator = ModelComparator("output/comparisons")           # doctest: +SKIP
    >>> comparator.compare_two_models("output/base", "output/lora").verdict   # doctest: +SKIP
    """

    def __init__(self, output_dir: str | Path, *, level: float = 0.95, seed: int = 0) -> None:
        self.output_dir = Path(output_dir)
        self.level = level
        self.seed = seed

    def compare_two_models(
        self,
        a: Results,
        b: Results,
        *,
        metrics: Sequence[str] = DEFAULT_METRICS,
        margins: Mapping[str, float] = NO_MARGINS,
    ) -> ComparisonReport:
        """Measure `b` against `a`, each an evaluation or its folder.

        Raises:
            UserError: as of `compare_results`, or both are one folder.
        """
        loaded = load_all([a, b])
        report = compare_results(*loaded, metrics=metrics, margins=margins, level=self.level, seed=self.seed)
        self._write({f"{report.a}_vs_{report.b}": report})
        return report

    def run_ablation_study(
        self,
        results: Mapping[str, Results | Sequence[Results]],
        *,
        baseline: str | None = None,
        metrics: Sequence[str] = DEFAULT_METRICS,
        margins: Mapping[str, float] = NO_MARGINS,
    ) -> dict[str, ComparisonReport]:
        """Each variant against the baseline, with Holm's correction over all the tests.

        Args:
            results: by variant, an evaluation or its folder, or those of students of several training seeds; then the
                reports are about the variants as methods, and every variant needs several.
            baseline: the variant that the others are measured against; the first one without.
            metrics: as in `compare_results`.
            margins: likewise.

        Returns:
            Reports under `<baseline>_vs_<variant>`, in the order of the variants.

        Raises:
            UserError: fewer than two variants, no variant of the baseline's name, one of a single training seed beside
                others of several, students of one variant that differ in more than the seed, or as of
                `compare_results`.
        """
        if len(results) < 2:
            raise UserError(f"An ablation study needs a baseline and at least one variant, not {len(results)} results.")
        reports = _reports(_against(sides_of(results), baseline), metrics, margins, self.level, self.seed)
        self._write(reports)
        return reports

    def compare_training_strategies(
        self,
        *,
        lora_results: Results | Sequence[Results] | None = None,
        dora_results: Results | Sequence[Results] | None = None,
        rslora_results: Results | Sequence[Results] | None = None,
        pissa_results: Results | Sequence[Results] | None = None,
        qlora_results: Results | Sequence[Results] | None = None,
        full_results: Results | Sequence[Results] | None = None,
        metrics: Sequence[str] = DEFAULT_METRICS,
        margins: Mapping[str, float] = NO_MARGINS,
    ) -> dict[str, ComparisonReport]:
        """Each pair of the strategies given, with Holm's correction over all the tests.

        With one training run a strategy the reports are about these checkpoints; with the results of several training
        seeds of each they are about the strategies.

        Returns:
            Reports under "LoRA_vs_QLoRA", "LoRA_vs_Full" and so on for each pair that was given, in the order of the
            arguments; the models carry the strategies' names in them.

        Raises:
            UserError: fewer than two strategies were given, some with one training seed and some with several, or as
                `compare_results`.
        """
        strategies = {
            "LoRA": lora_results,
            "DoRA": dora_results,
            "rsLoRA": rslora_results,
            "PiSSA": pissa_results,
            "QLoRA": qlora_results,
            "Full": full_results,
        }
        given = {name: results for name, results in strategies.items() if results is not None}
        if len(given) < 2:
            raise UserError(
                f"Comparing training strategies needs the results of at least two of {', '.join(strategies)}."
            )
        reports = _reports(list(combinations(sides_of(given), 2)), metrics, margins, self.level, self.seed)
        self._write(reports)
        return reports

    def compare_all(
        self,
        results: Sequence[Results],
        *,
        by: str = "checkpoint",
        baseline: str | None = None,
        all_pairs: bool = False,
        origins: Mapping[str, str] = NO_ORIGINS,
        metrics: Sequence[str] = DEFAULT_METRICS,
        margins: Mapping[str, float] = NO_MARGINS,
    ) -> dict[str, ComparisonReport]:
        """As the function `compare_all`, with files written."""
        reports = compare_all(
            results,
            by=by,
            baseline=baseline,
            all_pairs=all_pairs,
            origins=origins,
            metrics=metrics,
            margins=margins,
            level=self.level,
            seed=self.seed,
        )
        self._write(reports)
        return reports

    def _write(self, reports: Mapping[str, ComparisonReport]) -> None:
        stems = {name: _stem(report) for name, report in reports.items()}
        if len(set(stems.values())) < len(stems):
            raise UserError(
                f"Two of the reports {', '.join(reports)} would have the same file name. "
                "Evaluate the models under names that differ in letters or digits."
            )
        for name, report in reports.items():
            write_json(self.output_dir / f"{stems[name]}.json", report.to_json())
            write_text(self.output_dir / f"{stems[name]}.md", report.to_markdown())


def _reports(
    pairs: Sequence[tuple[Side, Side]],
    metrics: Sequence[str],
    margins: Mapping[str, float],
    level: float,
    seed: int,
) -> dict[str, ComparisonReport]:
    reports = reports_of(pairs, metrics=metrics, margins=margins, level=level, seed=seed)
    named: dict[str, ComparisonReport] = {}
    for report in reports:
        name = f"{report.a}_vs_{report.b}"
        if name in named:  # the family's correction has counted both
            raise UserError(f"Two comparisons would be named {name!r}. Evaluate the models under other names.")
        named[name] = report
    return named


def _against(sides: Sequence[Side], baseline: str | None) -> list[tuple[Side, Side]]:
    """Every side against the baseline; without one, students of several bases each against its own."""
    names = [side.name for side in sides]
    if baseline is not None and baseline not in names:
        raise unknown_name("model", baseline, names)
    first = sides[0] if baseline is None else sides[names.index(baseline)]
    base_of = own_bases(sides)
    bases = {base.name for base in base_of.values()}
    if baseline is None and len(bases) > 1 and first.name in bases:
        return [(base_of.get(side.name, first), side) for side in sides if side.name not in bases]
    return [(first, side) for side in sides if side is not first]


def _with_origins(sides: Sequence[Side], origins: Mapping[str, str]) -> Iterator[tuple[Side, Side]]:
    """Every side behind the one that its students were before."""
    side_of = {student.name: side for side in sides for student in side.students}
    for side in sides:
        origin = side_of.get(origins.get(side.students[0].name, ""))
        if origin is not None:
            yield origin, side


def _stem(report: ComparisonReport) -> str:
    """A report's name as a file name on every system: hub ids hold slashes."""
    names = [re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model" for name in (report.a, report.b)]
    return "_vs_".join(names)
