"""Floor 4, datasets: a whole data set in figures, read once, a row group at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets._agreement import Pair, StateSample, compare_players
from serpentune.datasets._answers import NO_MOVE, Ambiguity, ambiguity, entropy, first_moves
from serpentune.datasets._columns import Codes, Counts, Vocabulary, added, count_names
from serpentune.datasets._understand import known_states
from serpentune.datasets.completions import STYLES
from serpentune.datasets.records import NAMES, SPLITS, iter_records
from serpentune.datasets.store import ensure_dataset, read_manifest
from serpentune.datasets.texts import Texts, TokenLengths
from serpentune.game import DIRECTIONS, States

__all__ = ["Ambiguity", "Cells", "DatasetDescription", "Pair", "Tokens", "describe", "entropy"]

_COLUMNS = ("prompt", "completion", "snake_length", *NAMES)


@dataclass(frozen=True)
class Cells:
    """How often something lay on each cell of a board.

    Attributes:
        heads: int64 `(cells,)`, of the snake's head; a cell is `y * width + x` with `(0, 0)` at the bottom left.
        apples: int64 `(cells,)`.
    """

    heads: NDArray[np.int64]
    apples: NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """Lengths of drawn records in tokens.

    Attributes:
        lengths: by teacher, int64, prompt and completion together.
        records: how many were drawn of the whole data set.
    """

    lengths: dict[str, NDArray[np.int64]]
    records: int


@dataclass(frozen=True)
class DatasetDescription:
    """A data set in figures.

    Attributes:
        folder: where it lies.
        manifest: what its `manifest.json` says.
        seed: decides what is drawn.
        counts: records by value and split, for the columns teacher, style, board and encoding.
        lengths: by teacher, int64: the records with a snake of so many cells; 0 where it isn't known.
        with_state: records whose prompts hold a state that was read; the next three are about these alone.
        states: different ones.
        cells: by board and teacher.
        pairs: each two players in the same states, once.
        sampled: states in which registered teachers were asked.
        first_moves: by teacher, int64 `(5,)`: answers that begin with UP, RIGHT, DOWN, LEFT, with none of them.
        plans: by teacher, int64: answers of so many moves, from 0, in styles that lead to the apple.
        answers: how far prompts leave their answers open; `by_group` is in the order of `teachers`.
        tokens: None where nothing measured them.
    """

    folder: Path
    manifest: dict[str, Any]
    seed: int
    counts: dict[str, Counts]
    lengths: dict[str, NDArray[np.int64]]
    with_state: int
    states: int
    cells: dict[str, dict[str, Cells]]
    pairs: tuple[Pair, ...]
    sampled: int
    first_moves: dict[str, NDArray[np.int64]]
    plans: dict[str, NDArray[np.int64]]
    answers: Ambiguity
    tokens: Tokens | None

    @property
    def teachers(self) -> list[str]:
        """The players who gave the answers, in alphabetical order."""
        return list(self.counts["teacher"])

    @property
    def records(self) -> dict[str, int]:
        """Records by split."""
        return {split: sum(of[split] for of in self.counts["teacher"].values()) for split in SPLITS}


def describe(
    folder: Path,
    *,
    states: int = 5_000,
    token_lengths: TokenLengths | None = None,
    token_records: int = 2_000,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> DatasetDescription:
    """Describe a data set. Beside one row group, some 30 bytes a record are held, and at the end 250 for a moment.

    Prompts, answers and states are compared by hashes of 64 bits.

    Args:
        folder: the data set's.
        states: in how many different states, drawn at random, registered teachers are asked.
        token_lengths: measures records in tokens; without it, none are.
        token_records: how many are drawn for that.
        seed: decides what is drawn.
        progress: called with the number of records read since the last call.

    Raises:
        UserError: no data set, a file that can't be read, no records, a negative number, or a teacher that broke its
            contract.
    """
    ensure_dataset(folder)
    if min(states, token_records, seed) < 0:
        raise UserError("The numbers of states and of records and the seed are 0 or more.")
    counts = count_names(folder)
    total = sum(sum(of.values()) for of in counts["teacher"].values())
    if not total:
        raise UserError(f"{folder} holds no records. Build the data set again.")
    wanted = token_records if token_lengths is not None else 0
    drawn = np.sort(np.random.default_rng([seed, 1]).choice(total, min(wanted, total), replace=False))
    reading = _Reading(list(counts["teacher"]), StateSample(states, seed))
    texts: list[tuple[str, str, str]] = []
    first = 0
    for split in SPLITS:
        for table in iter_records(folder, split, _COLUMNS):
            reading.add(table)
            own = drawn[(drawn >= first) & (drawn < first + table.num_rows)] - first
            some = table.select(["teacher", "prompt", "completion"]).take(own)
            texts += zip(*(column.to_pylist() for column in some.columns), strict=True)
            first += table.num_rows
            progress(table.num_rows)
    sample = reading.sample.drawn()
    prompts, answers, codes, hashes, moves, read = map(np.concatenate, zip(*reading.kept, strict=True))
    reading.kept.clear()
    return DatasetDescription(
        folder=folder,
        manifest=read_manifest(folder),
        seed=seed,
        counts=counts,
        lengths=reading.lengths,
        with_state=int(read.sum()),
        states=_different(hashes[read]),
        cells={board: dict(sorted(of.items())) for board, of in sorted(reading.cells.items())},
        pairs=compare_players(reading.teachers, sample, hashes[read], codes[read], moves[read]),
        sampled=sum(map(len, sample)),
        first_moves={
            name: np.bincount(np.where(own == NO_MOVE, len(DIRECTIONS), own), minlength=len(DIRECTIONS) + 1)
            for name, own in ((name, moves[codes == code]) for code, name in enumerate(reading.teachers))
        },
        plans=reading.plans,
        answers=ambiguity(prompts, answers, codes.astype(np.int64), len(reading.teachers)),
        tokens=_tokens(reading.teachers, texts, token_lengths),
    )


def _different(hashes: NDArray[np.uint64]) -> int:
    """How many different ones there are; `np.unique` would hold a table of them."""
    ordered = np.sort(hashes)
    return int((ordered[1:] != ordered[:-1]).sum()) + (len(ordered) > 0)


class _Reading:
    """What is gathered while the records go by."""

    def __init__(self, teachers: list[str], sample: StateSample) -> None:
        self.teachers = teachers
        self.sample = sample
        self.lengths = {name: np.zeros(1, np.int64) for name in teachers}
        self.plans = {name: np.zeros(1, np.int64) for name in teachers}
        self.cells: dict[str, dict[str, Cells]] = {}
        self.kept: list[tuple[NDArray[Any], ...]] = []
        """Prompt and answer as hashes, teacher, state as a hash, first move, whether the state was read."""
        self._vocabularies = {name: Vocabulary() for name in NAMES}
        self._vocabularies["teacher"].places.update({name: place for place, name in enumerate(teachers)})

    def add(self, table: Any) -> None:
        """Take a row group in."""
        table = table.combine_chunks()
        codes = {name: self._vocabularies[name].codes(table.column(name)) for name in NAMES}
        names = {name: vocabulary.names for name, vocabulary in self._vocabularies.items()}
        said = Texts.of_arrow(table.column("completion"))
        moves, count = first_moves(said)
        whole = np.array([style in STYLES and STYLES[style].whole_plan for style in names["style"]], np.bool_)
        plans = whole[codes["style"]]
        snakes = table.column("snake_length").fill_null(0).to_numpy().astype(np.int64)
        for code in np.unique(codes["teacher"]).tolist():
            own, name = codes["teacher"] == code, self.teachers[code]
            self.lengths[name] = added(self.lengths[name], np.bincount(snakes[own]))
            self.plans[name] = added(self.plans[name], np.bincount(count[own & plans]))
        hashes, read = np.zeros(len(moves), np.uint64), np.zeros(len(moves), np.bool_)
        for known in known_states(table):
            rows, first = known.rows, known.first
            hashes[rows], read[rows] = self.sample.add(known.states), True
            moves[rows] = np.where(first == NO_MOVE, moves[rows], first)
            self._place(known.states, codes["teacher"][rows])
        asked = Texts.of_arrow(table.column("prompt")).hashes()
        self.kept.append((asked, said.hashes(), codes["teacher"].astype(np.int32), hashes, moves, read))

    def _place(self, states: States, codes: Codes) -> None:
        """Count heads and apples of states of one board."""
        cells = states.width * states.height
        of_board = self.cells.setdefault(f"{states.width}x{states.height}", {})
        for code in np.unique(codes).tolist():
            own = codes == code
            apples = states.apple[own]
            cell = Cells(
                np.bincount(states.body[own, 0], minlength=cells), np.bincount(apples[apples >= 0], minlength=cells)
            )
            before = of_board.get(self.teachers[code])
            if before is not None:
                cell = Cells(before.heads + cell.heads, before.apples + cell.apples)
            of_board[self.teachers[code]] = cell


def _tokens(
    teachers: list[str], texts: list[tuple[str, str, str]], token_lengths: TokenLengths | None
) -> Tokens | None:
    if token_lengths is None:
        return None
    lengths = np.asarray(token_lengths([prompt for _, prompt, _ in texts], [answer for *_, answer in texts]), np.int64)
    names = np.array([name for name, *_ in texts], np.object_)
    return Tokens({name: lengths[names == name] for name in teachers}, len(texts))
