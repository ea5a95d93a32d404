"""Floor 12, cli: `serpentune dataset validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number

if TYPE_CHECKING:
    from serpentune.datasets.validate import Check

_ON_ERROR = option(
    "--on-error",
    metavar="POLICY",
    help="fail: stop at the first row that can't be used; skip: leave such rows out, and count them.",
)


def validate(
    out: Output,
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A data set's folder, or Parquet, JSONL or the CSV of another program."),
    ],
    checks: Annotated[
        list[str] | None,
        option("--checks", metavar="NAME...", help="Which checks to make.", default="all that apply"),
    ] = None,
    logs: Annotated[
        list[str] | None,
        option(
            "--logs", metavar="DIR...", help="Run folders: also look up the state of every record in the games there."
        ),
    ] = None,
    symmetric: Annotated[
        bool, option("--symmetric", help="Count a turned or mirrored state of train as a leak too.")
    ] = False,
    on_error: Annotated[Literal["fail", "skip"], _ON_ERROR] = "fail",
    rejects: Annotated[
        Path | None, option("--rejects", metavar="FILE", help="Write the rows left out there, with the reasons.")
    ] = None,
) -> None:
    """Check a data set: states, answers, explanations, leaks.

    Exit code 0: no check is violated. Exit code 2: at least one is, or PATH can't be read. What a check looks at stands
    in docs/formats.md.
    """
    from serpentune.common.progress import progress_bar
    from serpentune.datasets.validate import CHECKS
    from serpentune.datasets.validate import validate as validated

    with progress_bar("Checking records", None, quiet=out.quiet) as advance:
        done = validated(
            path,
            checks=checks,
            logs=logs or [],
            symmetric=symmetric,
            on_error=on_error,
            rejects=rejects,
            progress=advance,
        )
    if out.json:
        out.document({"path": done.path, "ok": done.ok, "rows": done.rows, "checks": done.checks,
                      "left_out": done.left_out, "unknown_columns": done.unknown_columns})  # fmt: skip
    else:
        out.table(
            ["check", "checked", "violations", "what holds"],
            [[check.name, number(check.checked, 0), _violations(check), CHECKS[check.name]] for check in done.checks],
        )
        for check in done.checks:
            if check.violations:
                out.line()
                more = check.violations - len(check.examples)
                out.line(f"{check.name}{' (only worth knowing)' if check.note else ''}:")
                for example in check.examples:
                    out.line(f"  {example}")
                if more > 0:
                    out.line(f"  and {number(more, 0)} more")
        if done.unknown_columns:
            out.line()
            names = ", ".join(f"{name} ({number(rows, 0)} rows)" for name, rows in done.unknown_columns.items())
            out.line(f"Nothing is said about columns that no record has: {names}.")
    if not done.ok:
        raise typer.Exit(2)


def _violations(check: Check) -> str:
    return number(check.violations, 0)
