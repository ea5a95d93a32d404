"""Floor 4, datasets: what becomes of rows that can't be used: the first one stops the work, or each is written down."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Literal

from serpentune.common.errors import UserError
from serpentune.common.files import replacing_file

OnError = Literal["fail", "skip"]

UNREADABLE = "the file can't be read"
"""What a fault of a whole file says where the disk or the permissions are at fault."""

EXAMPLES = 5
"""Of each kind of fault so many are shown; all are counted."""

_TEXT = 4096
"""Bytes of a bad row's text that the rejects file keeps."""

_NAMES = 20
"""Names of columns or keys that a message lists at most."""


class Fault(ValueError):
    """What is wrong with a row or a file: the kind, in words that faults of one kind share, and what is particular."""


class Faults:
    """Takes every row that can't be used, with its place and the reason; made by `taking_faults`.

    Attributes:
        counts: rows left out, by kind of fault.
        examples: the first few as `"file, line 7: reason"`, by kind.
    """

    def __init__(self, on_error: OnError, rejects: IO[str] | None) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._on_error = on_error
        self._rejects = rejects

    @property
    def total(self) -> int:
        """Rows left out."""
        return sum(self.counts.values())

    def add(
        self,
        file: Path,
        place: Mapping[str, int],
        kind: str,
        detail: str = "",
        *,
        text: bytes | str = b"",
        rows: int = 1,
    ) -> None:
        """Leave out a row, or several that can't be told apart any more.

        Args:
            file: where it stands.
            place: where in the file, such as `{"line": 7}` or `{"row_group": 1, "row": 3}`; empty for the whole file.
            kind: what is wrong, in words that faults of one kind share.
            detail: what is particular to this one.
            text: the row as it stands there; its beginning is kept in the rejects file.
            rows: how many rows that leaves out.

        Raises:
            UserError: on the policy `fail`.
        """
        reason = in_words(kind, detail)
        where = where_in(file, place)
        if self._on_error == "fail":
            raise UserError(f"{where}: {reason}. Mend it, or go on without such rows: --on-error skip.")
        self.counts[kind] += rows
        examples = self.examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(f"{where}: {reason}")
        if self._rejects is not None:
            raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
            shown = raw[:_TEXT].decode(errors="backslashreplace")
            entry = {"file": str(file), **place, "rows": rows, "reason": reason, "text": shown}
            try:
                self._rejects.write(json.dumps(entry) + "\n")
            except OSError as error:  # of the disk, not of the file that is being read
                raise UserError(f"The rejects file can't be written ({one_line(error)}).") from error


def in_words(kind: str, detail: str = "") -> str:
    """What is wrong, with what is particular to it behind it."""
    return f"{kind} ({detail})" if detail else kind


def listed(names: Iterable[object]) -> str:
    """Names from a file in a message: in quotes, each short, some twenty at most."""
    shown = [json.dumps(str(name)) for name in names]
    short = [name if len(name) <= 40 else f'{name[:37]}..."' for name in shown[:_NAMES]]
    return ", ".join([*short, "..."] if len(shown) > _NAMES else short) or "nothing"


def one_line(error: Exception) -> str:
    """What a library says of a file it can't read, in one line and without the file's name where the system says it."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return " ".join(str(error).split())[:200]


def where_in(file: Path, place: Mapping[str, int]) -> str:
    """`"rows.jsonl, line 7"`."""
    return ", ".join([str(file), *(f"{name.replace('_', ' ')} {value}" for name, value in place.items())])


@contextlib.contextmanager
def taking_faults(on_error: OnError = "fail", rejects: Path | None = None) -> Iterator[Faults]:
    """Take faults while the block runs.

    Args:
        on_error: `fail` raises `UserError` at the first one; `skip` leaves the row out, counts it and goes on.
        rejects: a file for what was left out, a line of JSON each: `file`, its place there (`line`, or `row_group` and
            `row`), `rows`, `reason`, and the beginning of the row's `text`. It appears when the block has ended.

    Raises:
        UserError: `on_error` is neither, or `rejects` can't be written.
    """
    if on_error not in ("fail", "skip"):
        raise UserError(f"--on-error is {on_error!r}; it must be fail or skip.")
    if rejects is None:
        yield Faults(on_error, None)
        return
    with replacing_file(rejects) as part, part.open("w", encoding="utf-8") as stream:
        yield Faults(on_error, stream)
