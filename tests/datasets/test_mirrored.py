"""Records whose boards are turned and mirrored: still true of their games."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import build_dataset, get_encoding, load_splits, read_moves
from serpentune.datasets.completions import parse_prompt
from serpentune.datasets.symmetries import inverse, transformed, transformed_moves
from serpentune.game import States, states_before
from serpentune.logs import generate_runs, read_logs
from serpentune.teachers import get


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Games on a square board and on one that isn't."""
    folder = tmp_path_factory.mktemp("mirrored")
    for width, height in ((6, 6), (6, 5)):
        generate_runs(["BFS", "CELL"], 12, width, height, 0, folder, timestamp=f"2025010{height - 4}_000000")
    return folder


@pytest.mark.parametrize("policy", ["any", pytest.param("checked", marks=pytest.mark.slow)])
def test_state_and_answer_are_images_of_what_was_played(runs: Path, tmp_path: Path, policy: str) -> None:
    stats = build_dataset(
        [runs], tmp_path / "set", styles=["plan", "move"], encodings="grid", symmetries=policy, balance=[]
    )
    reading = read_logs([runs])
    games = {f"{folder.name}/{game.number}": game for game, folder in zip(reading.games, reading.folders, strict=True)}
    seen: Counter[tuple[str, int]] = Counter()
    mirrored: Counter[str] = Counter()
    for split in load_splits(tmp_path / "set").values():
        for row in split:
            game = games[row["game"]]
            parsed = parse_prompt(row["prompt"])
            assert parsed is not None
            shown = States.stack([get_encoding(row["encoding"]).decode(parsed[1])])
            moves = np.frombuffer(read_moves(row["completion"]), np.uint8)
            back = int(inverse(row["symmetry"]))
            played = states_before(game, range(row["step"], row["step"] + len(moves)))
            assert transformed(shown, back)[0] == played[0]
            assert transformed_moves(moves, back).tobytes() == game.moves[row["step"] : row["step"] + len(moves)]
            seen[row["board"], row["symmetry"]] += 1
            mirrored[row["teacher"]] += row["symmetry"] != 0
            if policy == "checked" and row["symmetry"]:
                images = transformed(played, row["symmetry"])
                assert (get(row["teacher"]).moves(images) == moves).all()
    assert {symmetry for board, symmetry in seen if board == "6x6"} == set(range(8))
    assert len({symmetry for board, symmetry in seen if board == "6x5"}) == 4
    assert {name: about["mirrored"] for name, about in stats.manifest["teachers"].items()} == mirrored
    if policy == "any":
        counts = [seen["6x6", symmetry] for symmetry in range(8)]
        assert max(counts) < 1.25 * min(counts)


def test_teachers_that_are_not_symmetric_are_left_alone(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="None of BFS, CELL is symmetric"):
        build_dataset([runs], tmp_path / "set", symmetries="symmetric")
