"""Floor 4, datasets: the games of a recipe, gathered once: played or read, replayed, each taken once, split by seed."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError, unknown_name
from serpentune.datasets.recipe import Recipe
from serpentune.datasets.splits import assign_splits, game_key
from serpentune.game import Ending, GameBatch, parse_board
from serpentune.logs import Refusal, find_logs, generate_runs, iter_batches
from serpentune.teachers import NOISY

_MOVES_AT_ONCE = 1 << 17
"""Moves of a piece of work: small enough for its states to stay in a few tens of megabytes."""


@dataclass(frozen=True)
class Piece:
    """Some games of one player on one board from one run folder, to be worked on at once.

    Attributes:
        teacher: the player's name in capitals.
        folder: the run folder's name, with as many folders above it as tell it from the others.
        games: the games.
        splits: int8 `(games,)`, places in `SPLITS`.
        first: the number of the first game among all games of the recipe, in the order in which they were gathered.
    """

    teacher: str
    folder: str
    games: GameBatch
    splits: NDArray[np.int8]
    first: int

    @property
    def board(self) -> tuple[int, int]:
        """Width and height."""
        return self.games.width, self.games.height


@dataclass
class Gathered:
    """The games that may become records, and what was left out.

    Attributes:
        pieces: by teacher, in alphabetical order, each in the order of run folders and games. All of them are held in
            memory: a byte a move, two an apple.
        games: how many games of each teacher.
        seeds: the game seeds of each teacher.
        boards: every board size, ascending.
        refused: games that don't replay, by file and reason.
        repeated: games that the logs hold twice.
        passed_over: games of players that were not asked for.
        off_board: games on boards that were not asked for.
        below_score: games with fewer apples than asked for.
    """

    pieces: dict[str, list[Piece]]
    games: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    boards: tuple[tuple[int, int], ...] = ()
    refused: list[dict[str, str]] = field(default_factory=list)
    repeated: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    off_board: int = 0
    below_score: int = 0


def gather(recipe: Recipe, output: Path, runs: Path, progress: Callable[[int], None]) -> Gathered:
    """Play and read the games of a recipe.

    Args:
        recipe: says which.
        output: the data set's final folder, which may not hold the logs.
        runs: where the games to be played are written.
        progress: called with a number of games when so many more were played.

    Raises:
        UserError: no logs, logs within `output`, a player without an accepted game or without a teacher to answer for
            it, or too few games to be split.
    """
    for number, order in enumerate(recipe.generate, 1):
        width, height = parse_board(order.grid_size)
        generate_runs(
            order.teachers,
            order.games,
            width,
            height,
            order.first_seed,
            runs,
            noise=order.noise,
            # No clock: the number of the order, in the form of a time.
            timestamp=f"{number:08}_000000",
            progress=progress,
        )
    folders = find_logs(recipe.sources) if recipe.sources else []
    if inside := [folder for folder in folders if folder.resolve().is_relative_to(output.resolve())]:
        raise UserError(
            f"{output} holds the logs {inside[0]}, which would be overwritten. Choose another output folder."
        )
    if recipe.generate:
        folders += find_logs([runs])
    result = Gathered({})
    found = list(_batches(recipe, folders, result))
    names = _names([folder for folder, _ in found], runs)
    batches = [(names[folder], batch) for folder, batch in found]
    _check_teachers(recipe, {batch.player.upper() for _, batch in batches}, result)
    keys = [key for _, batch in batches for key in _keys(batch)]
    only_test = _held_out(recipe, batches)
    splits = assign_splits(keys, recipe.split.train, recipe.seed, only_test)
    pieces: defaultdict[str, list[Piece]] = defaultdict(list)
    seeds: defaultdict[str, list[NDArray[np.int64]]] = defaultdict(list)
    first = 0
    for folder, batch in batches:
        name = batch.player.upper()
        own = splits[first : first + len(batch)]
        result.games[name] += len(batch)
        seeds[name].append(batch.seeds[batch.seeded])
        pieces[name] += [
            Piece(name, folder, batch[start:stop], own[start:stop], first + start) for start, stop in _cuts(batch)
        ]
        first += len(batch)
    result.pieces = dict(sorted(pieces.items()))
    result.seeds = {name: np.unique(np.concatenate(parts)) for name, parts in seeds.items()}
    result.boards = tuple(sorted({(batch.width, batch.height) for _, batch in batches}))
    return result


def _names(folders: Sequence[Path], runs: Path) -> dict[Path, str]:
    """What records call each run folder: its name, or more of its path where another one has that name too.

    Those in `runs` keep their names, since what is above them isn't there for long.
    """
    paths = {folder: folder.absolute().parts for folder in folders}
    names = {}
    for folder, parts in paths.items():
        others = [other for other in paths.values() if other != parts]
        depth = 1
        while not folder.is_relative_to(runs) and any(other[-depth:] == parts[-depth:] for other in others):
            depth += 1
        names[folder] = "/".join(parts[-depth:])
    return names


def _batches(recipe: Recipe, folders: list[Path], result: Gathered) -> Iterator[tuple[Path, GameBatch]]:
    """The games to be used with their run folders; what is left out is counted in `result`."""
    players = None if recipe.teachers is None else list(recipe.teachers)
    seen: set[bytes] = set()
    for folder in folders:
        for item in iter_batches([folder], players=players, passed_over=result.passed_over):
            if isinstance(item, Refusal):
                result.refused.append({"file": str(item.file), "reason": item.explanation})
                continue
            if recipe.grid_sizes is not None and f"{item.width}x{item.height}" not in recipe.grid_sizes:
                result.off_board += len(item)
                continue
            fresh = np.fromiter((_is_new(item, game, seen) for game in range(len(item))), np.bool_, len(item))
            result.repeated += int((~fresh).sum())
            enough = item.scores >= recipe.checks.min_score
            result.below_score += int((fresh & ~enough).sum())
            kept = item.take(np.flatnonzero(fresh & enough))
            if len(kept):
                yield folder, kept


def _is_new(batch: GameBatch, game: int, seen: set[bytes]) -> bool:
    moves = batch.moves[batch.move_offsets[game] : batch.move_offsets[game + 1]]
    apples = batch.apples[batch.apple_offsets[game] : batch.apple_offsets[game + 1]]
    seed = batch.seeds[game] if batch.seeded[game] else None
    digest = hashlib.blake2b(f"{batch.player.upper()} {seed} {batch.width}x{batch.height}".encode(), digest_size=16)
    digest.update(apples.tobytes())
    digest.update(moves.tobytes())
    key = digest.digest()
    if key in seen:
        return False
    seen.add(key)
    return True


def _check_teachers(recipe: Recipe, found: set[str], result: Gathered) -> None:
    noisy = sorted(name for name in found if name.endswith(NOISY))
    if noisy and recipe.label is None:
        raise UserError(
            f"Some moves of {noisy[0]} are random, and a student would learn them as answers. Name the teacher who "
            "answers instead, or player for its own (label, --label), or leave the player out (teachers, --algorithms)."
        )
    for name in sorted(found):
        recipe.who_answers(name)
    missing = [name for name in recipe.teachers or () if name not in found]
    if not missing and found:
        return
    counts = (
        (len(result.refused), "games were refused: `serpentune logs check` says why."),
        (result.off_board, "games are on other boards than asked for."),
        (result.below_score, f"games have fewer than {recipe.checks.min_score} apples."),
    )
    problem = "The logs hold no usable game."
    if missing and (held := {*found, *(name.upper() for name in result.passed_over)}):
        problem = str(unknown_name("player of a usable game in these logs", missing[0], held))
    raise UserError(problem + "".join(f" {count} {what}" for count, what in counts if count))


def _keys(batch: GameBatch) -> Iterator[str]:
    starts = batch.apple_offsets.tolist()
    for game, (seed, seeded) in enumerate(zip(batch.seeds.tolist(), batch.seeded.tolist(), strict=True)):
        if seeded:
            yield game_key(batch.width, batch.height, seed, ())
        else:
            yield game_key(batch.width, batch.height, None, batch.apples[starts[game] : starts[game + 1]][:3].tolist())


def _held_out(recipe: Recipe, batches: list[tuple[str, GameBatch]]) -> NDArray[np.bool_]:
    """Which games may only be in the test split, in the order of the batches."""
    held = recipe.split.hold_out
    names, boards = {batch.player.upper() for _, batch in batches}, {f"{b.width}x{b.height}" for _, b in batches}
    for name in held.teachers:
        if name not in names:
            raise unknown_name("player to hold out", name, names)
    for board in held.grid_sizes:
        if board not in boards:
            raise unknown_name("board to hold out", board, boards)
    marks = [
        np.full(len(batch), batch.player.upper() in held.teachers or f"{batch.width}x{batch.height}" in held.grid_sizes)
        for _, batch in batches
    ]
    return np.concatenate(marks)


def _cuts(batch: GameBatch) -> Iterator[tuple[int, int]]:
    """Where to cut a batch so that a piece has about `_MOVES_AT_ONCE` moves."""
    offsets = batch.move_offsets - batch.move_offsets[0]
    start = 0
    while start < len(batch):
        stop = int(np.searchsorted(offsets, offsets[start] + _MOVES_AT_ONCE, "right")) - 1
        stop = min(max(stop, start + 1), len(batch))
        yield start, stop
        start = stop


def lost(games: GameBatch) -> NDArray[np.bool_]:
    """Which games ended without a full board."""
    result: NDArray[np.bool_] = games.endings != int(Ending.WIN)
    return result
