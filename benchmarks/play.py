"""How fast `nano` plays: 200 games on 6x6 side by side, asked for whole plans and for single moves.

    python benchmarks/play.py [--quick] [--json]

The untuned model plays on as many threads as torch takes by default (OMP_NUM_THREADS sets it). A game's time holds
everything: prompts, the model's answers, the rules, and the teacher that each move is compared with; ms per move counts
the answers alone, and games run side by side, so it is what a move costs, not how long one waits for it. Before the
clock starts the model is loaded and a few games are played, which is a figure of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say
from serpentune.datasets import STYLES, get_encoding
from serpentune.evaluation import ModelPlayer, play_games
from serpentune.models import LoadedModel, load_base
from serpentune.teachers import BFS

SIDE = 6
SEED = 1000


@dataclass(frozen=True)
class Turn:
    """What one turn of games took."""

    seconds: float
    ms_per_move: float
    tokens_per_second: float


def play(base: LoadedModel, style: str, games: int) -> Turn:
    player = ModelPlayer(base, teacher=BFS.name, encoding=get_encoding("grid"), style=STYLES[style])
    began = time.perf_counter()
    results = list(play_games(player, range(SEED, SEED + games), SIDE, SIDE))
    taken = time.perf_counter() - began
    moves = sum(result.record.steps for result in results)
    return Turn(taken, 1000 * player.seconds / moves, player.tokens / player.seconds)


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    import torch

    games, repeats = (24, 1) if quick else (200, 3)
    say(f"{torch.get_num_threads()} threads (OMP_NUM_THREADS sets them); loading nano ...")
    began = time.perf_counter()
    base = load_base("nano")
    yield Figure("warm-up", "loading nano", time.perf_counter() - began, "s", "lower")
    yield Figure("warm-up", "two games", play(base, "plan", 2).seconds, "s", "lower")
    for style in STYLES:
        say(f"style {style}: {games} games, {repeats} times ...")
        turns = [play(base, style, games) for _ in range(repeats)]
        middle = median(turn.seconds for turn in turns)
        yield Figure(f"style {style}", "games per second", games / middle, "games/s")
        yield Figure(f"style {style}", "time per move", median(turn.ms_per_move for turn in turns), "ms", "lower")
        yield Figure(
            f"style {style}", "tokens per second", median(turn.tokens_per_second for turn in turns), "tokens/s"
        )


if __name__ == "__main__":
    run(__doc__ or "", measure)
