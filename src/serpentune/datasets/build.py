"""Floor 4, datasets: game logs in, a data set of prompts and completions out.

The games are read once and held as moves. One pass over them counts what there is to learn from, by kind; a second
draws the records, writes their texts to a spool on the disk and keeps a few numbers of each; what these numbers show to
be wrong is left out; the rest is written in random order.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune import __version__
from serpentune import teachers as registry
from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free
from serpentune.common.progress import Phases, unseen
from serpentune.common.threads import mapped
from serpentune.datasets._games import Gathered, Piece, gather, lost
from serpentune.datasets._moments import LEGAL, NEW_STATE, USABLE, Moments, moments
from serpentune.datasets._render import Facts, Renderer, may_mirror, salt
from serpentune.datasets._short import SHORT
from serpentune.datasets._spool import Spool
from serpentune.datasets._verdicts import Kept, judge
from serpentune.datasets.completions import CompletionStyle, get_style
from serpentune.datasets.recipe import Recipe
from serpentune.datasets.records import MANIFEST, RUNS, SPLITS
from serpentune.datasets.sampling import Strata, quotas
from serpentune.datasets.splits import TRAIN
from serpentune.datasets.store import DatasetWriter, writing_dataset
from serpentune.datasets.texts import TokenLengths

_CELLS_AT_ONCE = 1 << 27
"""Cells of the boards that are written at once: one long game on a large board has gigabytes of text."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatasetStats:
    """What was built, and what was left out and why.

    Attributes:
        path: the data set's folder.
        records: records by split.
        by_teacher: records by teacher and split.
        by_player: records by whose games they come from and split; as `by_teacher`, unless the recipe has a label.
        games: accepted games by player.
        refused: games whose moves don't make their score, length or end, by file and reason.
        manifest: everything that the data set's `manifest.json` holds.
    """

    path: Path
    records: dict[str, int]
    by_teacher: dict[str, dict[str, int]]
    by_player: dict[str, dict[str, int]]
    games: dict[str, int]
    refused: tuple[dict[str, str], ...]
    manifest: dict[str, Any]


def build_dataset(
    sources: Recipe | Sequence[str | Path],
    output: Path,
    *,
    overwrite: bool = False,
    token_lengths: TokenLengths | None = None,
    progress: Phases = unseen,
    **settings: Any,
) -> DatasetStats:
    """Build a data set of prompts and completions from game logs.

    The same recipe and logs give the same bytes. Every record can be traced to its game.

    Args:
        sources: a recipe; or run folders and globs, with the recipe's other settings as `settings`.
        output: the folder to make.
        overwrite: whether a data set in that folder may be replaced; a folder with other files never is.
        token_lengths: measures prompts and completions where the recipe bounds their tokens.
        progress: called as the work goes on (`common.progress.phase_bars` hands out such a function).
        settings: of `Recipe`.

    Raises:
        UserError: an impossible recipe, no logs, a player without games, a check that leaves nothing, or an output
            folder that holds files, or with `overwrite` the logs themselves.
    """
    recipe = sources if isinstance(sources, Recipe) else Recipe(sources=sources, **settings)
    if isinstance(sources, Recipe) and settings:
        raise UserError(f"A recipe was given, and beside it {', '.join(settings)}. Say it in the recipe.")
    if recipe.checks.max_tokens is not None and token_lengths is None:
        raise UserError("max_tokens needs a tokenizer to measure with; pass token_lengths, or build by the pipeline.")
    ensure_free(output, overwrite=overwrite, marker=MANIFEST)
    done: list[DatasetStats] = []

    def manifest(writer: DatasetWriter) -> dict[str, Any]:
        about = _manifest(recipe, gathered, plan, kept, writer)
        by_teacher = {name: of["records"] for name, of in about["teachers"].items()}
        games, refused = dict(gathered.games), tuple(gathered.refused)
        done.append(DatasetStats(output, about["records"], by_teacher, kept.by_teacher, games, refused, about))
        return about

    with writing_dataset(output, manifest, formats=recipe.formats, overwrite=overwrite) as writer:
        total = sum(len(order.teachers) * order.games for order in recipe.generate)
        gathered = gather(recipe, output, writer.folder / RUNS, lambda more: progress("Playing games", more, total))
        if gathered.refused:
            _LOG.warning(
                "%d games were left out; `serpentune logs check` lists them with the reasons", len(gathered.refused)
            )
        plan = _count(recipe, gathered, progress)
        with tempfile.TemporaryDirectory(prefix="spool.", dir=writer.folder) as folder:
            spool = Spool(Path(folder), SHORT, plan.expected, recipe.seed)
            pieces = itertools.chain.from_iterable(gathered.pieces.values())
            renderer = Renderer(recipe, pieces, token_lengths)
            kept = judge(recipe, gathered, plan.expected, _draw(recipe, gathered, plan, renderer, spool, progress))
            _refuse_nothing(kept)
            for split, table in spool.shuffled(kept.kept, kept.splits, renderer.names.written_out):
                writer.write(SPLITS[split], table)
                progress("Writing records", table.num_rows, int(kept.kept.sum()))
    return done[0]


@dataclass
class _Plan:
    """What there is to draw from, and how much is drawn.

    Attributes:
        strata: by teacher and style.
        expected: records to be drawn in all.
        candidates: moments there were to choose from, by teacher and style.
        without_answer: entries of move lists from which there is nothing to learn, by teacher: sentinels and reversals,
            which don't move the snake, and moves on a board without a visible apple. With a label, entries before which
            no apple is visible or the board is still the one of the entry before; the three that follow are empty then.
        without_apple: moves after the last apple of a game, from which no plan can start, by teacher.
        fatal: moves into a wall or the snake, by teacher.
        in_tail: moves in the dropped tails of lost games, by teacher.
    """

    strata: dict[tuple[str, str], Strata]
    expected: int
    candidates: dict[tuple[str, str], int]
    without_answer: Counter[str]
    without_apple: Counter[str]
    fatal: Counter[str]
    in_tail: Counter[str]


def _count(recipe: Recipe, gathered: Gathered, progress: Phases) -> _Plan:
    answering = list(_by_teacher(recipe, gathered))
    if recipe.symmetries != "none" and not any(may_mirror(recipe.symmetries, name) for name in answering):
        raise UserError(
            f"None of {', '.join(answering)} is symmetric, so nothing would be mirrored. With the symmetries "
            "'checked', records of registered teachers are mirrored where the teacher itself gives the mirrored answer."
        )
    styles = [get_style(name) for name in recipe.styles]
    strata = {
        (teacher, style.name): Strata(gathered.boards, recipe.balance, _at_apples(recipe, style))
        for teacher in gathered.pieces
        for style in styles
    }
    plan = _Plan(strata, 0, {}, Counter(), Counter(), Counter(), Counter())
    total = sum(gathered.games.values())
    for piece, found in _traced(gathered):
        tail = _tail(recipe, piece, found)
        usable = (found.flags & (USABLE if recipe.label is None else NEW_STATE)) != 0
        plan.without_answer[piece.teacher] += int((~usable).sum())
        if recipe.label is None:
            plan.without_apple[piece.teacher] += int((usable & (found.plan == 0)).sum())
            plan.fatal[piece.teacher] += int((usable & ((found.flags & LEGAL) == 0)).sum())
            plan.in_tail[piece.teacher] += int((usable & (found.left <= tail)).sum())
        for style in styles:
            strata[piece.teacher, style.name].count(found, piece.board, _candidates(recipe, piece, found, style, tail))
        progress("Counting moves", len(piece.games), total)
    strictly = recipe.between if recipe.moves == "apples" else None
    plan.candidates = {kind: of.available(strictly) for kind, of in strata.items()}
    for (teacher, name), count in plan.candidates.items():
        if not count:
            explains = get_style(name).explains and recipe.label is None
            why = " It is no registered teacher, and only those can explain." if explains else ""
            raise UserError(f"No game of {teacher} holds a move to learn from in the style {name}.{why}")
    wanted = {}
    for teacher, name in strata:
        share = (recipe.teachers or {}).get(teacher)
        samples = recipe.samples_per_teacher if share is None or share.samples is None else share.samples
        wanted[teacher, name] = samples * (share.weight if share else 1) * recipe.styles[name]
    shares = quotas(wanted, plan.candidates, "teacher" in recipe.balance)
    for number, (kind, of) in enumerate(strata.items()):
        of.share_out(shares[kind], recipe.between, np.random.default_rng([recipe.seed, 1, number]))
    plan.expected = sum(shares.values())
    for (teacher, name), number in shares.items():
        if not number:
            raise UserError(
                f"The share of {teacher} in the style {name} is less than one of {plan.expected} records. Ask for more "
                "samples or games, or give it a larger share."
            )
    return plan


def _draw(
    recipe: Recipe,
    gathered: Gathered,
    plan: _Plan,
    renderer: Renderer,
    spool: Spool,
    progress: Phases,
) -> Iterator[tuple[str, Facts]]:
    """The records that were drawn, with their teachers, in the order of teachers, run folders and games."""
    styles = [get_style(name) for name in recipe.styles]
    salts = {kind: salt(recipe.seed, 2, number) for number, kind in enumerate(plan.strata)}

    def tasks() -> Iterator[tuple[Piece, Moments, dict[int, NDArray[np.int64]], int]]:
        first = 0
        for piece, found in _traced(gathered):
            tail = _tail(recipe, piece, found)
            drawn = {}
            for number, style in enumerate(styles):
                kind = piece.teacher, style.name
                candidates = _candidates(recipe, piece, found, style, tail)
                drawn[number] = plan.strata[kind].draw(found, piece.board, candidates, salts[kind])
            for part in _parts(drawn, max(1, _CELLS_AT_ONCE // (piece.games.width * piece.games.height))):
                yield piece, found, part, first
                first += sum(map(len, part.values()))

    def render(task: tuple[Piece, Moments, dict[int, NDArray[np.int64]], int]) -> tuple[str, Any, Facts]:
        return task[0].teacher, *renderer.render(*task)

    for teacher, table, facts in mapped(render, tasks()):
        spool.add(table)
        progress("Drawing records", table.num_rows, plan.expected)
        yield teacher, facts


def _parts(drawn: dict[int, NDArray[np.int64]], most: int) -> Iterator[dict[int, NDArray[np.int64]]]:
    """Places drawn for each style in parts of about `most` records, in ascending order over all styles."""
    places = np.sort(np.concatenate(list(drawn.values())))
    bounds = np.unique([*places[::most], *places[-1:] + 1])
    for low, high in itertools.pairwise(bounds.tolist()):
        yield {style: own[slice(*np.searchsorted(own, (low, high)))] for style, own in drawn.items()}


def _refuse_nothing(kept: Kept) -> None:
    """Refuse a data set that nothing can be learnt from; say it where nothing is left to judge a student by."""
    there = np.bincount(kept.splits[kept.kept], minlength=len(SPLITS))
    if not there[TRAIN]:
        what = "record to train on" if there.any() else "record"
        raise UserError(f"The checks leave no {what}: {kept.words()}.")
    for split, count in zip(SPLITS, there.tolist(), strict=True):
        if not count:
            _LOG.warning("the %s split is empty; more games or samples would fill it", split)


def _traced(gathered: Gathered) -> Iterator[tuple[Piece, Moments]]:
    pieces = [piece for of_teacher in gathered.pieces.values() for piece in of_teacher]
    return zip(pieces, mapped(lambda piece: moments(piece.games), pieces), strict=True)


def _at_apples(recipe: Recipe, style: CompletionStyle) -> bool:
    return recipe.moves == "apples" or (recipe.moves == "auto" and style.whole_plan)


def _tail(recipe: Recipe, piece: Piece, found: Moments) -> NDArray[np.int64]:
    """How many of the last moves of the game of each moment are dropped, int64 `(m,)`."""
    dropped = np.where(lost(piece.games), recipe.checks.drop_tail, 0)
    return np.repeat(dropped, np.diff(piece.games.move_offsets))


def _candidates(
    recipe: Recipe, piece: Piece, found: Moments, style: CompletionStyle, tail: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Among which moments may be drawn for a style."""
    if style.explains and recipe.label is None and piece.teacher not in registry.names():
        return np.zeros(len(found), np.bool_)
    allowed: NDArray[np.bool_]
    if recipe.label is not None:
        allowed = (found.flags & NEW_STATE) != 0
    elif style.whole_plan:
        allowed = (found.plan > 0) & (found.left - (found.plan - 1) > tail)
    else:
        allowed = ((found.flags & (LEGAL if recipe.checks.legal else USABLE)) != 0) & (found.left > tail)
    if recipe.moves == "every":
        allowed &= found.step % recipe.every == 0
    return allowed


def _manifest(recipe: Recipe, gathered: Gathered, plan: _Plan, kept: Kept, writer: DatasetWriter) -> dict[str, Any]:
    checks = recipe.checks
    counted = {
        "replay": {"count": len(gathered.refused), "action": "games left out"},
        "repeated_games": {"count": gathered.repeated, "action": "games left out"},
        "min_score": {
            "count": gathered.below_score,
            "action": f"fewer than {checks.min_score} apples: left out",
        },
        "legal": {
            "count": sum(plan.fatal.values()),
            "action": _legal_in_words(recipe),
        },
        "drop_tail": {
            "count": sum(plan.in_tail.values()),
            "action": f"the last {checks.drop_tail} moves of lost games left out",
        },
        **kept.counted,
    }
    players = {name: _about([name], recipe, gathered, plan, kept) for name in gathered.pieces}
    by_teacher = _by_teacher(recipe, gathered)
    teachers = {name: _about(own, recipe, gathered, plan, kept) for name, own in by_teacher.items()}
    return {
        "serpentune": __version__,
        "seed": recipe.seed,
        "recipe": recipe.model_dump(mode="json"),
        "encodings": recipe.encodings,
        "styles": recipe.styles,
        "train_share": recipe.split.train,
        "records": dict(writer.records),
        "teachers": teachers,
        **({} if recipe.label is None else {"players": players}),
        "checks": counted,
        "games_refused": len(gathered.refused),
        "games_repeated": gathered.repeated,
        "games_of_other_players": dict(gathered.passed_over),
        "games_on_other_boards": gathered.off_board,
    }


def _by_teacher(recipe: Recipe, gathered: Gathered) -> dict[str, list[str]]:
    """Who answers, in alphabetical order, each with the players whose states are answered."""
    result: dict[str, list[str]] = {}
    for player in gathered.pieces:
        result.setdefault(recipe.who_answers(player), []).append(player)
    return dict(sorted(result.items()))


def _about(players: Sequence[str], recipe: Recipe, gathered: Gathered, plan: _Plan, kept: Kept) -> dict[str, Any]:
    """What the manifest says of the games of some players and of the records that were made of them."""
    pieces = [piece for name in players for piece in gathered.pieces[name]]
    return {
        "games": sum(gathered.games[name] for name in players),
        "seeds": _ranges(np.unique(np.concatenate([gathered.seeds[name] for name in players]))),
        "boards": sorted({f"{piece.games.width}x{piece.games.height}" for piece in pieces}),
        "records": {split: sum(kept.by_teacher[name][split] for name in players) for split in SPLITS},
        "candidates": {style: sum(plan.candidates[name, style] for name in players) for style in recipe.styles},
        "drawn": {
            style: sum(int(plan.strata[name, style].wanted.sum()) for name in players) for style in recipe.styles
        },
        "mirrored": sum(kept.mirrored[name] for name in players),
        "moves_without_a_further_apple": sum(plan.without_apple[name] for name in players),
        "moves_without_answer": sum(plan.without_answer[name] for name in players),
        "fatal_moves": sum(plan.fatal[name] for name in players),
    }


def _legal_in_words(recipe: Recipe) -> str:
    if recipe.label is not None:
        return "off: every answer is the teacher's own"
    return "moves into walls and bodies left out" if recipe.checks.legal else "off"


def _ranges(seeds: NDArray[np.int64]) -> str:
    """Ascending seeds as `"0-499, 1000"`, at most ten ranges; empty where games have none."""
    cuts = np.flatnonzero(np.diff(seeds) > 1)
    first, last = np.concatenate([seeds[:1], seeds[cuts + 1]]), np.concatenate([seeds[cuts], seeds[-1:]])
    said = [f"{low}-{high}" if low < high else str(low) for low, high in zip(first[:10], last[:10], strict=True)]
    return ", ".join(said) + (f" and {len(first) - 10} more ranges" if len(first) > 10 else "")
