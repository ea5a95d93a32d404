"""Floor 9, comparison: comparisons of whole results folders, and their reports as files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import write_json, write_text
from serpentune.comparison._compare import DEFAULT_METRICS, Comparison, compare_family
from serpentune.comparison._report import ComparisonReport
from serpentune.evaluation.results import EvaluationResult

Results = EvaluationResult | str | Path
"""An evaluation, or the folder that holds it."""


def compare_all(
    results: Sequence[Results],
    *,
    baseline: str | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, ComparisonReport]:
    """Every model against one baseline, with Holm's correction over all the tests.

    Args:
        results: at least two evaluations or their folders, with different names.
        baseline: a model's name; the first one without.
        metrics: as in `compare_results`.
        level: likewise.
        seed: likewise.

    Returns:
        Reports under `<baseline>_vs_<model>`, in the order of `results`.

    Raises:
        UserError: as `compare_results`, or fewer than two models, two of one name, or no model of the baseline's name.
    """
    loaded = [_load(result) for result in results]
    if len(loaded) < 2:
        raise UserError(f"A comparison needs at least two models, not {len(loaded)}.")
    twice = [name for name, count in Counter(result.name for result in loaded).items() if count > 1]
    if twice and len(loaded) > 2:
        raise UserError(f"Two results are named {twice[0]!r}. Evaluate one of them under another name.")
    first = _named(loaded, baseline)
    family = [Comparison(first, result) for result in loaded if result is not first]
    reports = compare_family(family, metrics=metrics, level=level, seed=seed)
    return {f"{report.a}_vs_{report.b}": report for report in reports}


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
        self, a: Results, b: Results, *, metrics: Sequence[str] = DEFAULT_METRICS
    ) -> ComparisonReport:
        """Measure `b` against `a`, each an evaluation or its folder; errors as in `compare_results`."""
        family = [Comparison(_load(a), _load(b))]
        report = compare_family(family, metrics=metrics, level=self.level, seed=self.seed)[0]
        self._write({f"{report.a}_vs_{report.b}": report})
        return report

    def compare_training_strategies(
        self,
        *,
        lora_results: Results | None = None,
        dora_results: Results | None = None,
        rslora_results: Results | None = None,
        pissa_results: Results | None = None,
        qlora_results: Results | None = None,
        full_results: Results | None = None,
        metrics: Sequence[str] = DEFAULT_METRICS,
    ) -> dict[str, ComparisonReport]:
        """Each pair of the strategies given, with Holm's correction over all the tests.

        Returns:
            Reports under "LoRA_vs_QLoRA", "LoRA_vs_Full" and so on for each pair that was given, in the order of the
            arguments; the models carry the strategies' names in them. With one training run a strategy they are about
            these checkpoints.

        Raises:
            UserError: fewer than two strategies were given, or as `compare_results`.
        """
        given = {
            "LoRA": lora_results,
            "DoRA": dora_results,
            "rsLoRA": rslora_results,
            "PiSSA": pissa_results,
            "QLoRA": qlora_results,
            "Full": full_results,
        }
        loaded = [replace(_load(result), name=name) for name, result in given.items() if result is not None]
        if len(loaded) < 2:
            raise UserError(f"Comparing training strategies needs the results of at least two of {', '.join(given)}.")
        family = [Comparison(a, b) for a, b in combinations(loaded, 2)]
        reports = compare_family(family, metrics=metrics, level=self.level, seed=self.seed)
        named = {f"{report.a}_vs_{report.b}": report for report in reports}
        self._write(named)
        return named

    def compare_all(
        self, results: Sequence[Results], *, baseline: str | None = None, metrics: Sequence[str] = DEFAULT_METRICS
    ) -> dict[str, ComparisonReport]:
        """As the function `compare_all`, with files written."""
        reports = compare_all(results, baseline=baseline, metrics=metrics, level=self.level, seed=self.seed)
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


def _load(result: Results) -> EvaluationResult:
    return result if isinstance(result, EvaluationResult) else EvaluationResult.load(Path(result))


def _named(results: Sequence[EvaluationResult], name: str | None) -> EvaluationResult:
    if name is None:
        return results[0]
    found = next((result for result in results if result.name == name), None)
    if found is None:
        raise unknown_name("model", name, (result.name for result in results))
    return found


def _stem(report: ComparisonReport) -> str:
    """A report's name as a file name on every system: hub ids hold slashes."""
    names = [re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model" for name in (report.a, report.b)]
    return "_vs_".join(names)
