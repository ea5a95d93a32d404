"""How fast language models play: answers in slots against transformers' `generate`, on the same games.

    python benchmarks/play.py [--quick] [--json] [--model MODEL]

Without a GPU `nano`, untuned, plays 200 games on 6x6. With one, a student plays on 10x10: name one that plays well,
such as that of recipes/smollm2-h100.yaml, since the games of a bad one are over soon. There both ways play the same 256
games side by side, and slots 1,000 games besides. `generate` answers a batch and waits for the longest answer; slots
take the next prompt as soon as an answer ends. A game's time holds everything: prompts, answers, rules. Before the
clock starts the model is loaded and games are begun, which is a figure of its own. In 32 bits both play the same games,
move for move.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
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
from serpentune.game import Ending, Limits
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
        games: how many both ways play.
        more: how many slots play besides; 0 for none.
        moved: how many are played by one pass a move.
        teacher: whom the prompt names.
        repeats: turns of each decoder.
        most: seconds that the games may take in slots, all that there are.
        ratio: times as many games a second as `generate` that are the target; None for none.
    """

    side: int
    games: int
    more: int
    moved: int
    teacher: str
    repeats: int
    most: float
    ratio: float | None


CPU = Setting(side=6, games=200, more=0, moved=200, teacher="BFS", repeats=3, most=60, ratio=None)
GPU = Setting(side=10, games=256, more=1000, moved=128, teacher="CELL", repeats=1, most=120, ratio=10)


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

    @property
    def tokens(self) -> int:
        return sum(result.tokens for result in self.results)

    @property
    def wins(self) -> int:
        return sum(result.record.ending == Ending.WIN for result in self.results)


def play(
    base: LoadedModel, setting: Setting, decoder: DecoderKind, games: int, *, mode: str = "plan", steps: int = 0
) -> Turn:
    player = ModelPlayer(
        base,
        teacher=setting.teacher,
        encoding=get_encoding("grid"),
        style=STYLES["move" if mode == "move" else "plan"],
        mode=mode,
        decoder=decoder,
        places=PLAIN_PLACES if decoder == "plain" else None,
        most=games,
    )
    began = time.perf_counter()
    seeds, limits = range(SEED, SEED + games), Limits(max_steps=steps)
    results = tuple(play_games(player, seeds, setting.side, setting.side, limits=limits))
    return Turn(time.perf_counter() - began, results)


def measure(quick: bool, model: str) -> Iterator[Figure]:
    """The figures of this page."""
    import torch

    setting = GPU if torch.cuda.is_available() else CPU
    cut, repeats = (8, 1) if quick else (1, setting.repeats)
    games = setting.games // cut
    say(f"{torch.get_num_threads()} threads (OMP_NUM_THREADS sets them); loading {model} ...")
    began = time.perf_counter()
    base = open_model(model)
    yield Figure("warm-up", f"loading {model}", time.perf_counter() - began, "s", "lower")
    turns: dict[str, list[Turn]] = {"plain": [], "slots": []}
    decoders: tuple[DecoderKind, ...] = ("plain", "slots")
    for decoder in decoders:
        taken = play(base, setting, decoder, 8, steps=20).seconds
        yield Figure("warm-up", f"20 steps of eight games, {decoder}", taken, "s", "lower")
    for number in range(repeats):
        for decoder in decoders:
            say(f"{decoder}: {games} games, turn {number + 1} of {repeats} ...")
            turns[decoder].append(play(base, setting, decoder, games))
    most = None if quick else setting.most
    for kind, of in turns.items():
        yield from figures(kind, of, most if kind == "slots" and not setting.more else None)
    ratio = median(a.seconds / b.seconds for a, b in zip(turns["plain"], turns["slots"], strict=True))
    yield Figure("plan", "slots over generate", ratio, "times", target=None if quick else setting.ratio)
    same = sum(a == b for a, b in zip(turns["plain"][0].games, turns["slots"][0].games, strict=True)) / games
    exact = 1.0 if base.model.dtype == torch.float32 else None
    yield Figure("plan", "games that are the same move for move", same, "share", target=exact)
    if setting.more:
        say(f"slots: {setting.more // cut} games ...")
        yield from figures("slots", [play(base, setting, "slots", setting.more // cut)], most)
    say(f"one pass a move: {setting.moved // cut} games ...")
    yield from figures("move", [play(base, setting, "auto", setting.moved // cut, mode="move")])


def figures(kind: str, turns: Sequence[Turn], most: float | None = None) -> Iterator[Figure]:
    """Of turns of the same games; `most` is the target in seconds."""
    games, seconds = len(turns[0].games), median(turn.seconds for turn in turns)
    subject = f"{kind}, {games} games"
    yield Figure(subject, "time", seconds, "s", "lower", most)
    yield Figure(subject, "games per second", games / seconds, "games/s")
    yield Figure(subject, "moves per second", turns[0].moves / seconds, "moves/s")
    yield Figure(subject, "tokens written per second", turns[0].tokens / seconds, "tokens/s")
    yield Figure(subject, "boards filled", turns[0].wins / games, "share")


if __name__ == "__main__":
    run(__doc__ or "", measure, options={"model": ("nano", "who plays: a student's folder, or what evaluate takes")})
