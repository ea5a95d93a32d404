"""How fast language models play: answers in slots against transformers' `generate`, on the same games.

    python benchmarks/play.py [--quick] [--json] [--model MODEL]

Without a GPU `nano`, untuned, plays 200 games on 6x6. With one, a student plays 1,000 games on 10x10: name one that
plays well, such as that of recipes/smollm2-h100.yaml, since the games of a bad one are over soon. `generate` answers a
batch of 256 games and waits for the longest answer; slots take the next prompt as soon as an answer ends. In both a
place takes the next game as soon as one ends; on a GPU `generate`, which would take minutes for all, plays the first
512, two for each of its places as the slots do. A game's time holds everything: prompts, answers, rules. Before the
clock starts the model is loaded and a few games are played, which is a figure of its own. In 32 bits both play the same
games, move for move.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say
from serpentune.datasets import STYLES, get_encoding
from serpentune.evaluation import GameResult, ModelPlayer, play_games
from serpentune.models import LoadedModel, open_model

if TYPE_CHECKING:
    from serpentune.models.decoding import DecoderKind

SEED = 1_000_000
PLAIN_PLACES = 256


@dataclass(frozen=True)
class Setting:
    """What is played on a device.

    Attributes:
        side: cells a row and a column.
        games: how many.
        plain_games: how many of them `generate` plays.
        moved_games: how many are played by one pass a move.
        teacher: whom the prompt names.
        repeats: turns of each decoder.
        most: seconds that all games may take.
        ratio: times as many games a second as `generate` that are the target; None for none.
    """

    side: int
    games: int
    plain_games: int
    moved_games: int
    teacher: str
    repeats: int
    most: float
    ratio: float | None


CPU = Setting(side=6, games=200, plain_games=200, moved_games=200, teacher="BFS", repeats=3, most=60, ratio=None)
GPU = Setting(side=10, games=1000, plain_games=512, moved_games=128, teacher="CELL", repeats=1, most=120, ratio=10)


@dataclass(frozen=True)
class Turn:
    """What one turn of games took."""

    seconds: float
    results: tuple[GameResult, ...]

    @property
    def games(self) -> list[tuple[int | None, bytes]]:
        return sorted((result.record.seed, result.record.moves) for result in self.results)

    @property
    def moves(self) -> int:
        return sum(result.record.steps for result in self.results)


def play(base: LoadedModel, setting: Setting, decoder: DecoderKind, games: int, *, mode: str = "plan") -> Turn:
    player = ModelPlayer(
        base,
        teacher=setting.teacher,
        encoding=get_encoding("grid"),
        style=STYLES["move" if mode == "move" else "plan"],
        mode=mode,
        decoder=decoder,
        places=PLAIN_PLACES if decoder == "plain" else None,
    )
    began = time.perf_counter()
    results = tuple(play_games(player, range(SEED, SEED + games), setting.side, setting.side))
    return Turn(time.perf_counter() - began, results)


def measure(quick: bool, model: str) -> Iterator[Figure]:
    """The figures of this page."""
    import torch

    setting = GPU if torch.cuda.is_available() else CPU
    cut, repeats = (8, 1) if quick else (1, setting.repeats)
    games = {"plain": setting.plain_games // cut, "slots": setting.games // cut}
    say(f"{torch.get_num_threads()} threads (OMP_NUM_THREADS sets them); loading {model} ...")
    began = time.perf_counter()
    base = open_model(model)
    yield Figure("warm-up", f"loading {model}", time.perf_counter() - began, "s", "lower")
    turns: dict[str, list[Turn]] = {"plain": [], "slots": []}
    decoders: tuple[DecoderKind, ...] = ("plain", "slots")
    for decoder in decoders:
        taken = play(base, setting, decoder, 8).seconds
        yield Figure("warm-up", f"eight games, {decoder}", taken, "s", "lower")
    for number in range(repeats):
        for decoder in decoders:
            say(f"{decoder}: {games[decoder]} games, turn {number + 1} of {repeats} ...")
            turns[decoder].append(play(base, setting, decoder, games[decoder]))
    for kind, of in turns.items():
        seconds = median(turn.seconds for turn in of)
        most = setting.most if kind == "slots" and not quick else None
        yield Figure(f"plan, {kind}", f"{games[kind]} games", seconds, "s", "lower", most)
        yield Figure(f"plan, {kind}", "games per second", games[kind] / seconds, "games/s")
        yield Figure(f"plan, {kind}", "moves per second", of[0].moves / seconds, "moves/s")
        tokens = sum(result.tokens for result in of[0].results)
        yield Figure(f"plan, {kind}", "tokens written per second", tokens / seconds, "tokens/s")
    ratio = median(
        (a.seconds / games["plain"]) / (b.seconds / games["slots"])
        for a, b in zip(turns["plain"], turns["slots"], strict=True)
    )
    yield Figure("plan", "slots over generate", ratio, "times", target=None if quick else setting.ratio)
    slots = dict(turns["slots"][0].games)
    same = sum(slots[seed] == moves for seed, moves in turns["plain"][0].games) / games["plain"]
    exact = 1.0 if base.model.dtype == torch.float32 else None
    yield Figure("plan", "games that are the same move for move", same, "share", target=exact)
    wins = sum(result.record.score == setting.side**2 - 1 for result in turns["slots"][0].results)
    yield Figure("plan", "boards filled", wins / games["slots"], "share")
    of = setting.moved_games // cut
    say(f"one pass a move: {of} games ...")
    moved = play(base, setting, "auto", of, mode="move")
    yield Figure("move", "games per second", of / moved.seconds, "games/s")
    yield Figure("move", "moves per second", moved.moves / moved.seconds, "moves/s")


if __name__ == "__main__":
    run(__doc__ or "", measure, options={"model": ("nano", "who plays: a student's folder, or what evaluate takes")})
