"""Floor 12, cli: `serpentune dataset validate` and `serpentune dataset migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number
from serpentune.common.visible import visible

if TYPE_CHECKING:
    from serpentune.datasets.validate import Validation

_SHOWN = 20
"""Names that a sentence lists at most."""

_OF_EVERY_RECORD = ("state", "label", "replay")
"""Checks that are missed where no row could be looked at; the others are for some kinds of data only."""

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
            "--logs",
            metavar="DIR...",
            help="Run folders: also look up state and answer of every record in the games there.",
            default="the games in PATH that were played for it",
        ),
    ] = None,
    label: Annotated[
        str | None,
        option(
            "--label",
            metavar="NAME",
            help="The teacher whose answer every record should have, whoever played; player: the one that it names.",
            default="that of the data set, if it was built with one",
        ),
    ] = None,
    symmetric: Annotated[
        bool, option("--symmetric", help="Count a turned or mirrored state of another split as a leak too.")
    ] = False,
    on_error: Annotated[Literal["fail", "skip"], _ON_ERROR] = "fail",
    rejects: Annotated[
        Path | None,
        option(
            "--rejects",
            metavar="FILE",
            help="Where skip writes the rows left out, with the reasons.",
            default="PATH's name and .rejects.jsonl, in this folder",
        ),
    ] = None,
) -> None:
    """Check a data set: states, answers, explanations, leaks.

    Exit code 0: no check is violated. Exit code 2: at least one is, or PATH can't be read. What a check looks at stands
    in docs/formats.md.
    """
    from serpentune.common.progress import progress_bar
    from serpentune.datasets.records import REJECTS
    from serpentune.datasets.validate import CHECKS
    from serpentune.datasets.validate import validate as validated

    if on_error == "skip" and rejects is None:
        rejects = Path(f"{path.resolve().name}.{REJECTS}")
    with progress_bar("Checking records", None, quiet=out.quiet) as advance:
        done = validated(
            path,
            checks=checks,
            logs=logs,
            label=label,
            symmetric=symmetric,
            on_error=on_error,
            rejects=rejects,
            progress=advance,
        )
    if out.json:
        out.document({"path": done.path, "ok": done.ok, "rows": done.rows, "checks": done.checks,
                      "left_out": done.left_out, "rejects": rejects, "unknown_columns": done.unknown_columns,
                      "passed_over": done.passed_over})  # fmt: skip
    else:
        out.table(
            ["check", "checked", "violations", "what holds"],
            [
                [check.name, number(check.checked, 0), number(check.violations, 0), CHECKS[check.name]]
                for check in done.checks
            ],
        )
        for check in done.checks:
            if check.violations:
                out.line()
                out.line(f"{check.name}{' (only worth knowing)' if check.note else ''}:")
                for example in check.examples:
                    out.line(f"  {visible(example)}")
                if (more := check.violations - len(check.examples)) > 0:
                    out.line(f"  and {number(more, 0)} more")
        notes = [_verdict(done)]
        looked_at = {check.name for check in done.checks}
        if rest := [name for name in checks or _OF_EVERY_RECORD if name not in looked_at]:
            hint = ", which needs the run folders (--logs DIR)" if rest[-1] == "replay" else ""
            notes.append(f"No row could be looked at for {', '.join(rest)}{hint}.")
        if rejects is not None:
            notes.append(f"Rows left out: {number(sum(done.left_out.values()), 0)}, written to {rejects}")
        if done.unknown_columns:
            names = _some(
                [
                    f"{name} ({number(rows, 0)} row{'' if rows == 1 else 's'})"
                    for name, rows in done.unknown_columns.items()
                ]
            )
            notes.append(f"Nothing is said about columns that no record has: {names}.")
        if done.passed_over:
            notes.append(f"Files that are no data and were not read: {_some(list(map(str, done.passed_over)))}.")
        for note in notes:
            out.line()
            out.line(visible(note))
    if not done.ok:
        raise typer.Exit(2)


def _verdict(done: Validation) -> str:
    """In a sentence how it ended."""
    found = sum(check.violations for check in done.checks if not check.note)
    rows = f"{number(done.rows, 0)} row{'' if done.rows == 1 else 's'}"
    return f"{rows}: {'no violation' if not found else f'violations: {number(found, 0)}'}."


def _some(names: list[str]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join([*names[:_SHOWN], *([f"and {number(more, 0)} more"] if more > 0 else [])])


def migrate(
    out: Output,
    old: Annotated[
        Path,
        typer.Argument(
            metavar="OLD", help="JSONL of the first version, a folder with such files, or one with game_N.json."
        ),
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The data set's folder to make.")],
    train_test_split: Annotated[
        float,
        option(
            "--train-test-split",
            metavar="SHARE",
            help="Share of the games to train on; validation and test get half of the rest each.",
        ),
    ] = 0.8,
    seed: Annotated[int, option("--seed", metavar="N", help="Decides the split and the order.")] = 0,
    on_error: Annotated[Literal["fail", "skip"], _ON_ERROR] = "fail",
    overwrite: Annotated[bool, option("--overwrite", help="Replace a data set in NEW.")] = False,
) -> None:
    """Bring data of the first version along, its texts as they are.

    Games are put together again from the states in the prompts and replayed; a record whose game replays is marked as
    verified. With --on-error skip, what is refused stands in NEW/rejects.jsonl. docs/formats.md says what is put right.
    """
    from serpentune.common.progress import progress_bar
    from serpentune.datasets.migrate import migrate as migrated
    from serpentune.datasets.records import REJECTS

    with progress_bar("Migrating records", None, quiet=out.quiet) as advance:
        done = migrated(
            old,
            new,
            train_share=train_test_split,
            seed=seed,
            on_error=on_error,
            overwrite=overwrite,
            progress=advance,
        )
    if out.json:
        out.document(done)
        return
    rows = [["kept, its game replays", "", number(done.verified, 0)]]
    for what, counts in (
        ("kept, not verified", done.unverified),
        ("put right", done.mended),
        ("refused", done.refused),
        ("moves left out", done.left_out),
        ("keys left out", done.keys_left_out),
        ("files passed over", done.passed_over),
    ):
        rows += [[what, visible(reason), number(count, 0)] for reason, count in counts.items()]
    out.table(["", "", "count"], rows)
    for example in done.examples:
        out.line(f"  {visible(example)}")
    if done.refused:
        out.line(f"What was refused: {done.path / REJECTS}")
    splits = ", ".join(f"{number(count, 0)} in {split}" for split, count in done.records.items())
    out.line(f"{done.path}: {splits}")
