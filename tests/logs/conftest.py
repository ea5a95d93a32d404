from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from serpentune.game import GameRecord, LockstepGames
from serpentune.logs import write_run

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"


@pytest.fixture(scope="session")
def random_games() -> Callable[..., list[GameRecord]]:
    """Finished games of a player that moves at random, mostly legally."""

    def play(
        count: int, width: int = 6, height: int = 6, first_seed: int = 0, player: str = "RANDOM"
    ) -> list[GameRecord]:
        rng = np.random.default_rng(first_seed)
        games = LockstepGames(range(first_seed, first_seed + count), width, height)
        while len(games.running):
            legal = games.legal()
            weights = legal + 0.01 * rng.random(legal.shape)
            games.step(np.argmax(weights * rng.random(legal.shape), axis=1).astype(np.int8))
        return games.records(player)

    return play


@pytest.fixture
def samples() -> Path:
    """Real logs of two other programs, where they are at hand."""
    if not SAMPLES.is_dir():
        pytest.skip(f"no sample logs at {SAMPLES}")
    return SAMPLES


@pytest.fixture
def json_run(tmp_path, random_games) -> Path:
    return write_run(random_games(4), tmp_path / "json", metadata={}, format="json")


@pytest.fixture
def parquet_run(tmp_path, random_games) -> Path:
    return write_run(random_games(4), tmp_path / "parquet", metadata={})
