"""Floor 12, cli: what commands print of sweeps and of whole experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serpentune.cli._evaluation_output import table_of
from serpentune.cli._output import Output, number, percent, seconds

if TYPE_CHECKING:
    from serpentune.comparison import Method
    from serpentune.evaluation import EvaluationResult
    from serpentune.pipeline import ExperimentResults
    from serpentune.training import SweepResult


def show_sweep(out: Output, swept: SweepResult) -> None:
    """Print a sweep's runs as a table, or as one document."""
    if out.json:
        out.document({"folder": swept.folder, "runs": [run.summary() for run in swept.runs]})
        return
    students = {run.name: run.summary() for run in swept.runs}
    _students(out, students, {})
    out.line(f"Let them play: serpentune evaluate {swept.folder}")


def show_evaluated(out: Output, results: Mapping[str, EvaluationResult], folder: object) -> None:
    """Print how the models of a sweep play, and the methods over their seeds."""
    from serpentune.comparison import by_method
    from serpentune.evaluation import figures

    methods = by_method(result for result in results.values() if result.games)
    played = {name: figures(result) for name, result in results.items()}
    if out.json:
        out.document({"folder": folder, "models": played, "methods": methods})
        return
    table_of(out, list(played.items()))
    out.line()
    show_methods(out, methods)
    out.line(f"Compare them: serpentune compare {folder}")


def show_experiment(out: Output, done: ExperimentResults) -> None:
    """Print what an experiment found: its students, the methods over their seeds, the verdicts."""
    from serpentune.comparison import by_method

    if out.json:
        out.document({"folder": done.folder, "report_path": done.report_path, **done.summary})
        return
    played = done.summary["evaluation"]
    trained = done.summary["students"] | done.summary["improved"]
    _students(out, {name: trained.get(name, {}) for name in played or trained}, played)
    show_methods(out, by_method(done.results.values()))
    for comparison in done.comparisons.values():
        out.paragraph(f"- {comparison.finding}")
    for scope in dict.fromkeys(comparison.scope for comparison in done.comparisons.values()):
        out.paragraph(scope)
    out.line()
    out.line(f"Took {seconds(done.execution_time)}.")
    out.line(str(done.report_path or done.folder))


def show_methods(out: Output, methods: Sequence[Method]) -> None:
    """Print each method's mean and range over its training seeds, where one has several."""
    if not any(len(method.seeds) > 1 for method in methods):
        return
    out.table(
        ["method", "seeds", "won", "from", "to", "apples", "from", "to"],
        [
            [
                method.name,
                number(len(method.seeds), 0),
                *(percent(value) for value in (method.win_rate.mean, method.win_rate.least, method.win_rate.greatest)),
                *(number(value) for value in (method.score.mean, method.score.least, method.score.greatest)),
            ]
            for method in methods
        ],
    )
    out.line()


def _students(out: Output, students: Mapping[str, Mapping[str, Any]], played: Mapping[str, Mapping[str, Any]]) -> None:
    columns = ["run", "learnt", "loss", "val. loss", "time"]
    out.table(
        [*columns, "won", "apples"] if played else columns,
        [
            [
                name,
                *(
                    [
                        f"{trained['trainable_parameters'] / 1e6:.2f} M",
                        number(trained["final_loss"], 4),
                        number(trained["eval_loss"], 4),
                        seconds(trained["seconds"]),
                    ]
                    if trained
                    else ["-"] * 4
                ),
                *([percent(played[name]["win_rate"]), number(played[name]["score_mean"])] if played else []),
            ]
            for name, trained in students.items()
        ],
    )
    out.line()
