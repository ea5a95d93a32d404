"""Floor 8, evaluation: what a model made of each held-out record, and the file that keeps it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Protocol, TypeVar

from serpentune.common.errors import UserError
from serpentune.common.files import write_text

T = TypeVar("T")


@dataclass(frozen=True)
class MeasuredRecord:
    """A record with the model's prediction of its completion and the model's own answer.

    Attributes:
        prompt: as it stands in the record.
        completion: as it stands in the record.
        answer: the model's greedy answer as text; None for a record that the model's context doesn't hold, of which
            nothing was measured.
        limit: most tokens that the answer could have, its end token included.
        cut: whether the answer was ended by that limit.
        tokens: tokens of the completion and of what ends it.
        nll: the sum of their negative log-likelihoods in nats; infinite or NaN where the model gives none.
        right: how many of them the model ranks first, given the right tokens before.
        game: the game that the record is of, as the record names it; None where it names none. Records of one game
            resemble each other, so that tests take games whole.
    """

    prompt: str
    completion: str
    answer: str | None
    limit: int
    cut: bool = False
    tokens: int = 0
    nll: float = 0.0
    right: int = 0
    game: str | None = None

    def to_json(self) -> str:
        """The record as one line; a likelihood that is no finite number is null."""
        return json.dumps(asdict(self) | {"nll": self.nll if math.isfinite(self.nll) else None})

    @classmethod
    def from_json(cls, line: str) -> MeasuredRecord:
        """The inverse of `to_json`; a likelihood that is null is NaN.

        Raises:
            ValueError: the line is no JSON object of this form.
        """
        data = json.loads(line)
        if not isinstance(data, dict) or data.keys() != {field.name for field in fields(cls)}:
            raise ValueError("it has not the fields of a measured record")
        named = [data[name] for name in ("answer", "game") if data[name] is not None]
        texts = (data["prompt"], data["completion"], *named)
        counts = (data["limit"], data["tokens"], data["right"])
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("its prompt, completion, answer or game is no text")
        if not all(isinstance(count, int) and count >= 0 for count in counts) or data["right"] > data["tokens"]:
            raise ValueError("its counts of tokens are impossible")
        unlikely = data["nll"]
        if not isinstance(unlikely, int | float | None) or (unlikely or 0) < 0 or not isinstance(data["cut"], bool):
            raise ValueError("its likelihood is no number, or whether it was cut is not said")
        return cls(**data | {"nll": math.nan if unlikely is None else unlikely})


class _Line(Protocol):
    """What is kept as a line of JSON."""

    def to_json(self) -> str: ...


def save_lines(path: Path, items: Iterable[_Line]) -> None:
    """Write measured records or explained moves, a line each; the file is there whole or not at all.

    Raises:
        UserError: the file can't be written.
    """
    write_text(path, "".join(item.to_json() + "\n" for item in items))


def load_lines(path: Path, read: Callable[[str], T]) -> list[T]:
    """Read what `save_lines` wrote, each line by `read`.

    Raises:
        UserError: the file can't be read, or `read` refuses a line; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read ({error}).") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(read(line))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number}: {error}. Measure the model's language again.") from error
    return found


def load_records(path: Path) -> list[MeasuredRecord]:
    """Read measured records; errors as of `load_lines`."""
    return load_lines(path, MeasuredRecord.from_json)
