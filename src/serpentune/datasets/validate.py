"""Floor 4, datasets: whether a data set says the truth, row by row and as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import sha256
from serpentune.datasets._against_logs import AgainstLogs, Source
from serpentune.datasets._check_rows import (
    check_answers,
    check_columns,
    check_explanations,
    check_features,
    check_labels,
    check_summaries,
)
from serpentune.datasets._faults import EXAMPLES, Faults, OnError, taking_faults
from serpentune.datasets._read_csv import TARGET
from serpentune.datasets._relabel import known_label
from serpentune.datasets._rows import Rows
from serpentune.datasets._tally import Pairs, Tally
from serpentune.datasets._understand import Known, Summarised, understood
from serpentune.datasets.read import data_files, is_ours, read_rows
from serpentune.datasets.records import MANIFEST, REJECTS, RUNS, SCHEMA, SPLITS, split_file
from serpentune.datasets.store import read_manifest
from serpentune.datasets.symmetries import board_symmetries, state_hashes
from serpentune.datasets.texts import Texts

CHECKS = {
    "form": "every row can be read",
    "hashes": "the files are those that the manifest was written for",
    "schema": "the columns are those of a record, the rows as many as the manifest says",
    "state": "the prompt shows a state of the rules",
    "label": "the answer's moves can be played, and a plan ends at the apple",
    "columns": "snake_length, board and the other columns say what the prompt shows",
    "explanations": "every sentence of an explanation is true of the board",
    "features": "the numbers of a CSV's row go together, and its move doesn't lead into a wall",
    "duplicates": "no row stands there twice",
    "contradictions": "no prompt has two answers",
    "leaks": "no state stands in two splits",
    "answer": "answer and teacher are those of the teacher who answers whatever was played (the label)",
    "replay": "state, seed and, where no label decides them, answer and teacher are those of the game in the logs",
}
"""The checks by name, and what holds where one finds nothing."""


@dataclass
class Check:
    """What one check has found.

    Attributes:
        name: a key of `CHECKS`.
        checked: rows that it could look at; files for `hashes` and `schema`.
        violations: those of them that break it.
        examples: the first few, each with file, place and reason.
        note: whether a violation is worth knowing, but no fault.
    """

    name: str
    checked: int = 0
    violations: int = 0
    examples: list[str] = field(default_factory=list)
    note: bool = False

    def found(self, text: Callable[[], str] | str, rows: int = 1) -> None:
        """Count a violation; `text` is asked for only if it is among the first."""
        self.violations += rows
        if len(self.examples) < EXAMPLES:
            self.examples.append(text if isinstance(text, str) else text())


@dataclass(frozen=True)
class Validation:
    """What became of a data set.

    Attributes:
        path: what was validated.
        rows: rows that could be read.
        checks: in the order of `CHECKS`, those that were made.
        left_out: rows that could not be read, by reason.
        unknown_columns: columns that no record has, with the rows that have them; nothing is said about them.
        passed_over: files beside those with rows, which were not read.
    """

    path: Path
    rows: int
    checks: tuple[Check, ...]
    left_out: dict[str, int]
    unknown_columns: dict[str, int]
    passed_over: tuple[Path, ...]

    @property
    def ok(self) -> bool:
        """Whether no check has found a violation that is a fault."""
        return not any(check.violations and not check.note for check in self.checks)


def validate(
    path: Path,
    *,
    checks: Sequence[str] | None = None,
    logs: Sequence[str | Path] | None = None,
    label: str | None = None,
    symmetric: bool = False,
    on_error: OnError = "fail",
    rejects: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Validation:
    """Check a data set of ours or of another program; `docs/formats.md` says what each check looks at.

    Memory holds a piece of the rows, and 25 bytes of each (65 with `logs`).

    Args:
        path: what `read_rows` reads.
        checks: names of `CHECKS`; all that apply without. `form` is always among them.
        logs: run folders and globs, as for `serpentune.logs.read_logs`: where the games of the records lie. Without,
            those in the folder of a data set that played all its games itself, if they are still there.
        label: the teacher who answers in all records, whoever played, or `player`: in each the teacher that it names,
            who played its game; None for that of the manifest, if it names one. The teacher is asked again then, and no
            answer is looked for in the logs.
        symmetric: states that are each other's image under a symmetry of their board count as one for `leaks`.
        on_error: `fail` stops at the first row that can't be read; `skip` counts it and goes on.
        rejects: a file for the rows that can't be read, with `on_error` at `skip`; see `taking_faults`. One that is
            there is replaced if its name ends in `rejects.jsonl`.
        progress: called with the number of rows done since the last call.

    Raises:
        UserError: there is nothing to read, not even a row that is left out; an unknown check or teacher, `replay`
            without logs, `answer` without a label, a `rejects` that is in the way or without a use, or a row that can't
            be read with `on_error` at `fail`.
    """
    for name in checks or ():
        if name not in CHECKS:
            raise unknown_name("check", name, CHECKS)
    if logs is None:
        logs = _own_runs(path)
    label = _own_label(path) if label is None else known_label(label)
    if checks is not None and "answer" in checks and label is None:
        raise UserError("The check answer needs to know whose the answers are: --label NAME.")
    if checks is not None and "replay" in checks and not logs:
        raise UserError("The check replay needs the logs that the records come from: --logs DIR.")
    if rejects is not None and on_error == "fail":
        raise UserError(
            "--rejects goes with --on-error skip; otherwise the first row that can't be used ends the work."
        )
    files, passed_over = data_files(path)
    if rejects is not None and rejects.exists():
        if not rejects.name.endswith(REJECTS):
            raise UserError(f"{rejects} is there already. Only files whose names end in {REJECTS} are replaced.")
        if rejects.resolve() in {file.resolve() for file in files}:
            raise UserError(f"{rejects} is to be read itself. Choose another file for the rows that are left out.")
    names = [name for name in CHECKS if checks is None or name in checks]
    work = _Work(path, names, symmetric, bool(logs), label)
    unknown: Counter[str] = Counter()
    with taking_faults(on_error, rejects) as faults:
        if work.ours:
            work.check_files()
        for rows in read_rows(path, faults, unknown=unknown):
            work.take(rows)
            progress(len(rows))
        if not work.rows and not faults.total:
            raise UserError(f"{path} holds no rows: there is nothing to check.")
        work.check_whole(logs)
        work.note_form(faults)
    made = tuple(check for check in work.checks.values() if check.checked or check.violations)
    return Validation(path, work.rows, made, dict(faults.counts), dict(unknown), tuple(passed_over))


def _own_runs(path: Path) -> list[Path]:
    """The folder in a data set that holds the games of all its records, if there is one."""
    runs = path / RUNS
    if not runs.is_dir() or not is_ours(path) or (read_manifest(path).get("recipe") or {}).get("sources"):
        return []
    return [runs]


def _own_label(path: Path) -> str | None:
    """The label of the recipe that a data set of ours was built by."""
    return (read_manifest(path).get("recipe") or {}).get("label") if is_ours(path) else None


class _Work:
    """A validation under way."""

    def __init__(self, path: Path, names: Sequence[str], symmetric: bool, with_logs: bool, label: str | None) -> None:
        self.path = path
        self.ours = is_ours(path)
        self.manifest: dict[str, Any] = read_manifest(path) if self.ours else {}
        self.checks = {name: Check(name) for name in names}
        # Only a set that was built without duplicates promises to have none.
        if "duplicates" in self.checks:
            made = (self.manifest.get("checks") or {}).get("duplicates") or {}
            self.checks["duplicates"].note = not made
        self.rows = 0
        self._by_split: Counter[str | None] = Counter()
        self._symmetric = symmetric
        self._tally, self._features = Tally(), Tally()
        self._asked = known_label(label) if label is not None and "answer" in names else None
        self._logs = AgainstLogs(label) if with_logs and "replay" in self.checks else None

    def check_files(self) -> None:
        """Hashes and columns of a data set of ours."""
        expected = self.manifest.get("sha256")
        for split in SPLITS:
            file = split_file(self.path, split)
            if check := self.checks.get("hashes"):
                check.checked += 1
                if not file.is_file():
                    check.found(f"{file}: it is missing")
                elif not isinstance(expected, dict) or sha256(file) != expected.get(split):
                    check.found(f"{file}: it is not the file that {MANIFEST} was written for")
            if (check := self.checks.get("schema")) and file.is_file():
                check.checked += 1
                try:
                    schema = pq.read_schema(file)
                except (OSError, pa.ArrowException):
                    continue  # a torn file, which the reader reports
                for wanted in SCHEMA:
                    if wanted.name not in schema.names:
                        check.found(f"{file}: the column {wanted.name} is missing")
                    elif (found := schema.field(wanted.name).type) != wanted.type:
                        check.found(f"{file}: the column {wanted.name} is of type {found}, not {wanted.type}")

    def take(self, rows: Rows) -> None:
        """Check a piece, and keep what is needed to hold rows against each other."""
        self.rows += len(rows)
        self._by_split[rows.split] += len(rows)
        if TARGET in rows.table.column_names:
            asked, answered = check_features(rows, self.checks.get("features"))
            self._features.add(rows, asked, answered, asked)
            return

        faulty: set[tuple[str, int]] = set()
        held = np.zeros(len(rows), np.bool_)

        def found(name: str, row: int, reason: str) -> None:
            """Count a row once for each check that it breaks."""
            if (check := self.checks.get(name)) and (name, row) not in faulty:
                faulty.add((name, row))
                check.found(lambda: f"{rows.where(row)}: {reason}")

        prompts = Texts.of_arrow(rows.table.column("prompt")).hashes()
        states = prompts.copy()
        answers = Texts.of_arrow(rows.table.column("completion")).hashes()
        for known in understood(rows.table, found):
            if isinstance(known, Summarised):
                states[known.rows] = known.boards.hashes()
                check_summaries(rows, known, found)
                continue
            held[known.rows] = True
            if check := self.checks.get("state"):
                check.checked += len(known.rows)
            if check := self.checks.get("label"):
                check.checked += len(known.rows)
                check_labels(known, found)
            if check := self.checks.get("columns"):
                check.checked += len(known.rows)
                check_columns(rows, known, found)
            if check := self.checks.get("explanations"):
                check.checked += check_explanations(rows, known, found)
            if self._asked is not None:
                self.checks["answer"].checked += len(known.rows)
                check_answers(rows, known, self._asked, found)
            if "leaks" in self.checks:
                states[known.rows] = state_hashes(known.states, symmetric=self._symmetric)
            if self._logs is not None:
                self._look_up_later(rows, known, self._logs)
        for name, row in faulty:
            self.checks[name].checked += not held[row]
        self._tally.add(rows, prompts, answers, states)

    def _look_up_later(self, rows: Rows, known: Known, logs: AgainstLogs) -> None:
        """Keep what names a game and a step."""
        if not {"game", "step"} <= set(rows.table.column_names):
            return
        columns: list[list[Any]] = [
            rows.table.column(name).take(known.rows).to_pylist()
            if name in rows.table.column_names
            else [None] * len(known.rows)
            for name in ("game", "step", "symmetry", "teacher", "seed")
        ]
        games, steps, symmetries, teachers, seeds = columns
        named = [place for place, of in enumerate(zip(games, steps, strict=True)) if None not in of]
        # A symmetry that the board doesn't have is a fault of `columns`.
        possible = len(board_symmetries(known.states.width, known.states.height))
        logs.add(
            known,
            np.array(named, np.int64),
            [Source(games[place], teachers[place], seeds[place]) for place in named],
            np.array([steps[place] for place in named], np.int64),
            np.array([(symmetry or 0) % possible for symmetry in symmetries], np.int64),
            known.rows[named] + self.rows - len(rows),
        )

    def check_whole(self, logs: Sequence[str | Path]) -> None:
        """What needs all rows."""
        if self._features.rows and not self._tally.rows:
            # The numbers of a CSV leave out body and teacher, so the same ones may stand for two states.
            for name in {"duplicates", "contradictions"} & set(self.checks):
                self.checks[name].note = True
        for tally in (self._tally, self._features):
            self._pairs(tally, "duplicates", tally.repeated, "stands there already:")
            self._pairs(tally, "contradictions", tally.contradicting, "asks the same and answers otherwise:")
        if self._tally.has_splits:
            self._pairs(self._tally, "leaks", self._tally.leaking, "shows a state of another split:")
        if self.ours and (check := self.checks.get("schema")):
            for split, said in (self.manifest.get("records") or {}).items():
                if self._by_split[split] != said:
                    check.found(f"{MANIFEST}: it says {said} records of {split}, there are {self._by_split[split]}")
        if self._logs is not None:
            check = self.checks["replay"]
            check.checked = self._logs.differing(
                logs, lambda row, reason: check.found(lambda: f"{self._tally.where(row)}: {reason}")
            )

    def _pairs(self, tally: Tally, name: str, search: Callable[[], Pairs], words: str) -> None:
        if (check := self.checks.get(name)) is None or not tally.rows:
            return
        count, pairs = search()
        check.checked += tally.rows
        check.violations += count
        check.examples += [f"{tally.where(row)}: {words} {tally.where(other)}" for row, other in pairs]

    def note_form(self, faults: Faults) -> None:
        """The rows that could not be read, as a check."""
        check = self.checks.setdefault("form", Check("form"))
        check.checked = self.rows + faults.total
        check.violations = faults.total
        check.examples = [example for examples in faults.examples.values() for example in examples][:EXAMPLES]
