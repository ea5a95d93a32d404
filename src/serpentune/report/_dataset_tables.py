"""Floor 10, report: the tables of a page about a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from serpentune.datasets.description import DatasetDescription, Pair, Tokens, entropy
from serpentune.datasets.records import SPLITS
from serpentune.report import _format
from serpentune.report._tables import Cell, Column, Row, Table, between, figure, plain, without_empty_columns, words
from serpentune.statistics import wilson_interval

EVERYONE = "all together"
NO_MOVE = "NO_MOVE"


def teachers(described: DatasetDescription) -> Table:
    """Records of each player by split, and its games as far as the manifest says."""
    total = sum(described.records.values())
    about = described.manifest.get("teachers", {})
    games = Column("games", "from which the records come, as the manifest says")
    columns = (games, *(Column(split) for split in SPLITS), Column("all"), Column("share"))
    rows = [
        Row(
            name,
            (
                figure(about.get(name, {}).get("games"), _format.count),
                *(figure(of[split], _format.count) for split in SPLITS),
                figure(sum(of.values()), _format.count),
                figure(sum(of.values()) / total, _format.percent),
            ),
            colour,
        )
        for colour, (name, of) in enumerate(described.counts["teacher"].items())
    ]
    return without_empty_columns(Table("Records by player and split", "Player", columns, tuple(rows)))


def kinds(described: DatasetDescription) -> Table:
    """Records of each style, encoding and board by split."""
    total = sum(described.records.values())
    columns = (Column("what", figures=False), *(Column(split) for split in SPLITS), Column("all"), Column("share"))
    rows = [
        Row(
            name,
            (
                words(what),
                *(figure(of[split], _format.count) for split in SPLITS),
                figure(sum(of.values()), _format.count),
                figure(sum(of.values()) / total, _format.percent),
            ),
        )
        for what in ("style", "encoding", "board")
        for name, of in described.counts[what].items()
    ]
    return Table("Records by style, encoding and board", "Kind", columns, tuple(rows))


def first_move_bits(described: DatasetDescription) -> tuple[float, dict[str, float]]:
    """The entropy of the first move in bits, of all together and by player; answers without a move don't count."""
    of = {name: counts[:4] for name, counts in described.first_moves.items()}
    return entropy(np.sum(list(of.values()), axis=0)), {name: entropy(own) for name, own in of.items()}


def answers(described: DatasetDescription) -> Table:
    """How much is open about an answer, given nothing and given the prompt."""
    together, bits = first_move_bits(described)
    silent = {name: int(counts[4]) for name, counts in described.first_moves.items()}
    columns = (
        Column("Entropy of the first move", "in bits, given nothing; 2 where all four moves are equally frequent"),
        Column("Entropy of the answer, given its prompt", "in bits; 0 where each prompt has one answer"),
        Column("Answers without a move", "that begin with no word for a move"),
    )

    def row(name: str, first: float, answer: float, without: int, colour: int | None) -> Row:
        return Row(name, (figure(first, _three), figure(answer, _three), figure(without, _format.count)), colour)

    rows = [row(EVERYONE, together, described.answers.bits, sum(silent.values()), None)]
    for colour, name in enumerate(described.teachers):
        rows.append(row(name, bits[name], described.answers.by_group[colour], silent[name], colour))
    return Table("What is open about an answer", "Player", columns, tuple(rows))


def _three(value: object) -> str:
    return _format.number(value, 3)


def agreement(described: DatasetDescription) -> Table | None:
    """How often each two players move alike, with Wilson's interval; None where there is one player."""
    if not described.pairs:
        return None
    found = {frozenset((pair.a, pair.b)): pair for pair in described.pairs}
    names = described.teachers
    columns = tuple(Column(name) for name in names)
    rows = tuple(
        Row(a, tuple(Cell("–") if a == b else _agreed(found[frozenset((a, b))]) for b in names), colour)
        for colour, a in enumerate(names)
    )
    return Table("Share of states in which two players move alike", "Player", columns, rows, titled=True)


def _agreed(pair: Pair) -> Cell:
    if not pair.states:
        return Cell("no common state")
    found = wilson_interval(pair.agree, pair.states)
    assert found.interval is not None and found.estimate is not None
    interval = between(found.interval.low, found.interval.high, _format.percent)
    states = "" if pair.asked else f", {_format.count(pair.states)} states"
    return Cell(_format.percent(found.estimate), interval + states, found.estimate, shade=found.estimate)


def tokens(described: DatasetDescription, found: Tokens) -> Table:
    """Lengths of records in tokens."""
    columns = (
        Column("Records", "drawn of the whole data set"),
        Column("Shortest"),
        Column("Median"),
        Column("95% are at most"),
        Column("Longest"),
    )
    rows = []
    for colour, name in enumerate(described.teachers):
        own = found.lengths[name]
        known = [own.min(), np.median(own), np.quantile(own, 0.95), own.max()] if len(own) else [None] * 4
        cells = tuple(figure(None if value is None else float(value), _format.count) for value in known)
        rows.append(Row(name, (figure(len(own), _format.count), *cells), colour))
    return Table("Tokens of a record", "Player", columns, tuple(rows))


def checks(found: Mapping[str, Any] | None) -> Table | None:
    """What the checks of the build found and did; None where the manifest doesn't say."""
    if not found:
        return None
    rows = tuple(
        Row(
            str(name).replace("_", " "),
            (figure(about.get("count"), _format.count), words(plain(about.get("action")))),
        )
        for name, about in found.items()
    )
    return Table("Checks of the build", "Check", (Column("count"), Column("what was done", figures=False)), rows)
