"""Floor 8, evaluation: files of figures that say what raw file they were computed from, so that stale ones are seen."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from serpentune.common.files import read_json, write_json
from serpentune.teachers import fingerprint, get, names

_LOG = logging.getLogger(__name__)

FORMAT = 5
"""Counts up whenever figures get another meaning, so that those of older files are computed again."""


def origin(raw: bytes, teachers: Iterable[str], **others: Any) -> dict[str, Any]:
    """What figures are made of: the format, the raw file's SHA-256, the teachers with their fingerprints, and `others`.

    The fingerprint of a teacher that isn't registered here is None.
    """
    known = names()
    return {
        "format": FORMAT,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "teachers": {name: fingerprint(get(name)) if name in known else None for name in teachers},
        **others,
    }


def write_figures(path: Path, figures: Mapping[str, Any], made_of: Mapping[str, Any]) -> None:
    """Write figures with what they are made of.

    Raises:
        UserError: the file can't be written.
    """
    write_json(path, {"made_of": dict(made_of), "figures": dict(figures)})


def read_figures(path: Path, made_of: Mapping[str, Any]) -> dict[str, Any] | None:
    """The figures of a file; None where there is none or it was made of something else, which is logged.

    Figures by a teacher that isn't registered here are believed: they couldn't be computed again.

    Raises:
        UserError: the file can't be read or is no JSON.
    """
    if not path.exists():
        _LOG.info("there is no %s; its figures are computed again", path)
        return None
    document = read_json(path)
    before = document.get("made_of") if isinstance(document, dict) else None
    figures = document.get("figures") if isinstance(document, dict) else None
    if not isinstance(before, dict) or not isinstance(figures, dict) or not _same(before, made_of):
        _LOG.warning(
            "%s is not of the games and answers beside it, or of another teacher; its figures are computed again",
            path,
        )
        return None
    return figures


def _same(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    then = before.get("teachers")
    if not isinstance(then, dict):
        return False
    believed = {name: then.get(name) if print_ is None else print_ for name, print_ in now["teachers"].items()}
    return {**before} == {**now, "teachers": believed}
