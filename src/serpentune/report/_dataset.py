"""Floor 10, report: one page about a data set, from its description: words first, then tables and charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from serpentune.common.files import write_text
from serpentune.datasets.description import DatasetDescription, Tokens, describe
from serpentune.datasets.texts import TokenLengths
from serpentune.models import open_tokenizer, token_lengths
from serpentune.report import _dataset_tables
from serpentune.report._charts import Histograms, SharesRow, counted_histograms, shares
from serpentune.report._dataset_tables import EVERYONE, NO_MOVE, first_move_bits
from serpentune.report._format import count, number, percent
from serpentune.report._heat import HeatBoard, heat_board
from serpentune.report._provenance import leaves
from serpentune.report._templates import page

Counts = NDArray[np.int64]

_SAID_ELSEWHERE = ("records", "teachers", "styles", "encodings", "encoding", "checks", "recipe")
"""Parts of a manifest that the page shows in tables of their own, or that it counts itself."""


def write_dataset_report(
    dataset: Path | DatasetDescription,
    path: Path,
    *,
    title: str | None = None,
    tokenizer: str | TokenLengths | None = None,
    token_records: int = 2_000,
    states: int = 5_000,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Write one HTML file about a data set that opens from disk without a network.

    Args:
        dataset: its folder; or what `datasets.describe` says of it, for whoever has that already. Then only `title`
            is heeded.
        path: the file to write, replaced if it exists.
        title: the page's headline; the folder's name without.
        tokenizer: measures records in tokens: a base model by name or folder, or a function of `n` prompts and their
            completions; None measures nothing.
        token_records: how many records are measured, drawn at random.
        states: in how many states registered teachers are compared, drawn at random.
        seed: decides what is drawn.
        progress: called with the number of records read since the last call.

    Returns:
        `path`.

    Raises:
        UserError: as `datasets.describe`, there is no such tokenizer, or the file can't be written.
    """
    if isinstance(dataset, DatasetDescription):
        described = dataset
    else:
        measured = partial(token_lengths, open_tokenizer(tokenizer)) if isinstance(tokenizer, str) else tokenizer
        described = describe(
            dataset,
            states=states,
            token_lengths=measured,
            token_records=token_records,
            seed=seed,
            progress=progress,
        )
    name = title or f"Data set {described.folder.resolve().name}"
    write_text(path, page("dataset.html", name, ("page.js",), _context(described, tokenizer)))
    return path


def _context(described: DatasetDescription, tokenizer: str | TokenLengths | None) -> dict[str, Any]:
    manifest, tokens = described.manifest, described.tokens
    rest = {key: value for key, value in manifest.items() if key not in _SAID_ELSEWHERE}
    lengths = _known_lengths(described)
    recipe = manifest.get("recipe")
    return {
        "described": described,
        "total": sum(described.records.values()),
        "summary": _summary(described),
        "facts": _facts(described),
        "teacher_table": _dataset_tables.teachers(described),
        "kinds_table": _dataset_tables.kinds(described),
        "snakes": _histograms(described, lengths, "snake length", "records"),
        "snake_heat": _histograms(described, lengths, "snake length", "records", common=True),
        "plans": _histograms(described, described.plans, "plan length", "answers"),
        "first_moves": _first_moves(described),
        "answers_table": _dataset_tables.answers(described),
        "boards": _boards(described),
        "agreement": _dataset_tables.agreement(described),
        "labelled": any(not pair.asked for pair in described.pairs),
        "tokens": None if tokens is None else _token_histograms(described, tokens),
        "tokens_table": None if tokens is None else _dataset_tables.tokens(described, tokens),
        "tokenizer": tokenizer if isinstance(tokenizer, str) else "the given tokenizer",
        "checks_table": _dataset_tables.checks(manifest.get("checks")),
        "recipe": None if recipe is None else yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True),
        "provenance": list(leaves(rest)),
    }


def _histograms(
    described: DatasetDescription, counts: dict[str, NDArray[np.int64]], noun: str, things: str, **options: bool
) -> Histograms | None:
    rows = [(name, colour, counts[name]) for colour, name in enumerate(described.teachers) if counts[name].any()]
    return counted_histograms(rows, noun, things, **options) if rows else None


def _token_histograms(described: DatasetDescription, tokens: Tokens) -> Histograms | None:
    counts = {name: np.bincount(own) for name, own in tokens.lengths.items()}
    return _histograms(described, counts, "token count", "records", from_zero=False)


def _first_moves(described: DatasetDescription) -> tuple[list[str], tuple[SharesRow, ...]]:
    """Kinds of first moves that occur, and each player's shares of them."""
    kinds = ["UP", "RIGHT", "DOWN", "LEFT", NO_MOVE]
    rows = [(name, dict(zip(kinds, own.tolist(), strict=True))) for name, own in described.first_moves.items()]
    used = [kind for kind in kinds if any(own[kind] for _, own in rows)]
    return used, shares(rows, used)


def _boards(described: DatasetDescription) -> list[tuple[str, list[tuple[str, int | None, list[HeatBoard]]]]]:
    """By board, by player and first for all of them together: where heads and apples lay."""
    boards = []
    for board, cells in described.cells.items():
        width, height = map(int, board.split("x"))
        rows: list[tuple[str, int | None, Counts, Counts]] = [
            (name, described.teachers.index(name), own.heads, own.apples) for name, own in cells.items()
        ]
        heads = np.sum([own.heads for own in cells.values()], axis=0)
        apples = np.sum([own.apples for own in cells.values()], axis=0)
        drawn = [(EVERYONE, None, heads, apples), *rows] if len(rows) > 1 else rows
        boards.append(
            (
                f"{width} × {height}",
                [
                    (
                        name,
                        colour,
                        [
                            heat_board(heads, width, height, "Heads", f"heads of {name}"),
                            heat_board(apples, width, height, "Apples", f"apples of {name}"),
                        ],
                    )
                    for name, colour, heads, apples in drawn
                ],
            )
        )
    return boards


def _facts(described: DatasetDescription) -> list[tuple[str, str]]:
    facts = [(split.capitalize(), count(records)) for split, records in described.records.items()]
    boards = ", ".join(board.replace("x", " × ") for board in described.counts["board"])
    players = ("Players", count(len(described.teachers)))
    return [*facts, players, ("Boards", boards), ("Different states", count(described.states))]


def _summary(described: DatasetDescription) -> list[str]:
    """What a careful reader asks first, a sentence each."""
    total = sum(described.records.values())
    sentences = [
        f"{_many(total, 'record')} of {_listed(described.teachers)}.",
        *_balance(described),
        *_snakes(described, total),
    ]
    answers = described.answers
    if answers.several:
        sentences.append(
            f"Several answers follow {count(answers.several)} of {_many(answers.prompts, 'different prompt')}: "
            f"{number(answers.bits, 3)} bits of an answer, on average, can't be learnt."
        )
    else:
        sentences.append(f"Each of {_many(answers.prompts, 'different prompt')} has one answer.")
    sentences += _agreement(described)
    if described.with_state < total:
        sentences.append(
            f"From {_many(total - described.with_state, 'record')} no state could be read: positions and agreement are "
            f"about the other {count(described.with_state)}."
        )
    bits, _ = first_move_bits(described)
    sentences.append(f"Given nothing, the first move has {number(bits, 3)} bits of entropy, of 2 at most.")
    return sentences


def _known_lengths(described: DatasetDescription) -> dict[str, Counts]:
    """Records by snake length, without those that don't say it."""
    return {name: np.concatenate([[0], own[1:]]) for name, own in described.lengths.items()}


def _snakes(described: DatasetDescription, total: int) -> list[str]:
    known = list(_known_lengths(described).values())
    longest = max(map(len, known))
    lengths = np.sum([np.pad(own, (0, longest - len(own))) for own in known], axis=0)
    sentences = []
    if lengths.any():
        half = int(np.searchsorted(np.cumsum(lengths), lengths.sum() / 2))
        sentences.append(f"Half of the snakes have {half} cells or fewer; the longest has {longest - 1}.")
    if unknown := total - int(lengths.sum()):
        sentences.append(f"{_many(unknown, 'record')} of {count(total)} don't say how long the snake is.")
    return sentences


def _balance(described: DatasetDescription) -> list[str]:
    records = {name: sum(of.values()) for name, of in described.counts["teacher"].items()}
    if len(records) < 2:
        return []
    least, most = min(records, key=records.__getitem__), max(records, key=records.__getitem__)
    if records[least] == records[most]:
        return ["All players give equally many records."]
    total = sum(records.values())
    return [f"{most} gives most, {percent(records[most] / total)}; {least} fewest, {percent(records[least] / total)}."]


def _agreement(described: DatasetDescription) -> list[str]:
    known = [pair for pair in described.pairs if pair.states]
    if not known:
        return []
    low, high = (choose(known, key=lambda pair: pair.agree / pair.states) for choose in (min, max))
    rarely, often = (f"{pair.a} and {pair.b} in {percent(pair.agree / pair.states)}" for pair in (low, high))
    if low is high:
        return [f"In the same states, two players move alike: {rarely}."]
    return [f"In the same states, two players move alike: {rarely} (least often) to {often} (most often)."]


def _many(things: int, noun: str) -> str:
    return f"{count(things)} {noun}{'' if things == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
