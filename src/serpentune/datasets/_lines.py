"""Floor 4, datasets: the lines of a file of any size, which may be no text at all; a long one is never in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from serpentune.datasets._faults import UNREADABLE, Faults, one_line

MAX_LINE = 16 << 20
"""Bytes of a line at most; a record is a thousand times shorter."""

_SKIPPED = 1 << 20
_BOM = b"\xef\xbb\xbf"
_OTHER_FILES = {
    b"\xff\xfe": "UTF-16 or UTF-32",
    b"\xfe\xff": "UTF-16 or UTF-32",
    b"\x1f\x8b": "compressed with gzip",
    b"PK\x03\x04": "a ZIP archive",
    b"PAR1": "Parquet",
    b"\0\0\0\0": "full of zero bytes",
}
"""How files begin that are no lines of UTF-8."""

MENDED_BOM = "byte order mark at the start of the file"
MENDED_CRLF = "line ended with CR LF"


def text_lines(path: Path, faults: Faults, mended: Counter[str] | None) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that hold anything, with their numbers from 1, without their line ends.

    Lines above `MAX_LINE` bytes are faults. A file that can't be read, in which lines end otherwise (UTF-16, UTF-32) or
    that holds no lines at all, is one as a whole.

    Args:
        path: the file.
        faults: what can't be used goes there.
        mended: counts what was put right; None makes a byte order mark a fault of line 1.

    Raises:
        UserError: a fault on the policy `fail`.
    """
    try:
        with path.open("rb") as file:
            if (what := _other_than_text(file.read(4))) is not None:
                faults.add(path, {}, f"the file is not UTF-8 text but {what}")
                return
            file.seek(0)
            number = 0
            while line := file.readline(MAX_LINE + 2):
                number += 1
                if len(line) > MAX_LINE and len(line.rstrip(b"\r\n")) > MAX_LINE:
                    beginning, length, last = line[:_SKIPPED], len(line), line[-1:]
                    del line
                    while last != b"\n" and (more := file.readline(_SKIPPED)):
                        length, last = length + len(more), more[-1:]
                    kind = f"the line is longer than {MAX_LINE >> 20} MiB"
                    faults.add(path, {"line": number}, kind, f"{length} bytes", text=beginning)
                    continue
                if number == 1 and line.startswith(_BOM):
                    line = line.removeprefix(_BOM)
                    if mended is None:
                        kind = "the file begins with a byte order mark, which is no part of JSON or CSV"
                        faults.add(path, {"line": 1}, kind, text=line)
                        continue
                    mended[MENDED_BOM] += 1
                if mended is not None and line.endswith(b"\r\n"):
                    mended[MENDED_CRLF] += 1
                line = line.rstrip(b"\r\n")
                if line and not line.isspace():
                    yield number, line
    except OSError as error:
        faults.add(path, {}, UNREADABLE, one_line(error))


def _other_than_text(start: bytes) -> str | None:
    """What a file is whose first bytes are none of lines of UTF-8."""
    for beginning, what in _OTHER_FILES.items():
        if start.startswith(beginning):
            return what
    return "UTF-16 or UTF-32" if 0 in start[:2] else None
