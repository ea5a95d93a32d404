"""Games as picture files: every picture is the replayed board, in order, and what can't be written is said."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from serpentune.common.errors import UserError
from serpentune.game import GameRecord, LockstepGames, Move, states_before
from serpentune.game.animation import save_animation, save_picture
from serpentune.game.render import rgb
from tests.game.reference_rules import hamiltonian_cycle


@pytest.fixture(scope="module")
def game() -> GameRecord:
    """A won game on a 6x4 board."""
    games = LockstepGames([3], 6, 4)
    cycle = hamiltonian_cycle(6, 4)
    while games.running.size:
        state = games.states()[0]
        games.step([cycle[state.xy(state.head)]])
    return games.records("cyclist")[0]


def pictures(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """The pictures of a file in RGB, and for how many milliseconds each is shown."""
    with Image.open(path) as image:
        frames = [(np.asarray(frame.convert("RGB")), frame.info.get("duration", 0)) for frame in
                  ImageSequence.Iterator(image)]  # fmt: skip
    return [frame for frame, _ in frames], [int(shown) for _, shown in frames]


@pytest.mark.parametrize("every", [1, 3, 10_000])
def test_a_gif_shows_the_game_and_ends_with_the_last_board(every: int, game: GameRecord, tmp_path: Path) -> None:
    save_animation(game, tmp_path / "game.gif", cell_size=8, milliseconds=70, every=every)
    shown, durations = pictures(tmp_path / "game.gif")
    last = len(game.moves)
    states = states_before(game, [*range(0, last, every), last])
    assert len(shown) == len(states)
    for picture, state in zip(shown, states, strict=True):
        assert (picture == rgb(state, cell_size=8)).all()
    assert durations == [70] * (len(shown) - 1) + [2000]
    with Image.open(tmp_path / "game.gif") as image:
        assert image.info["loop"] == 0, "it starts again, for ever"


def test_steps_without_a_change_take_their_time(tmp_path: Path) -> None:
    games = LockstepGames([3], 6, 6)
    for move in (Move.UP, Move.DOWN, Move.DOWN, Move.UP):
        games.step([move])
    (record,) = games.records("undecided")
    save_animation(record, tmp_path / "game.gif", milliseconds=100)
    shown, durations = pictures(tmp_path / "game.gif")
    assert len(shown) == 3 and durations == [100, 300, 2000]


def test_a_long_game_is_replayed_in_pieces(tmp_path: Path) -> None:
    games = LockstepGames([1], 4, 4)
    cycle = hamiltonian_cycle(4, 4)
    while games.running.size:
        state = games.states()[0]
        games.step([cycle[state.xy(state.head)]] if games.steps[0] % 9 == 0 else [Move.EMPTY])
    (record,) = games.records("sleepy")
    long = replace(record, moves=bytes([Move.EMPTY] * 2000) + record.moves, steps=record.steps + 2000)
    save_animation(long, tmp_path / "game.gif", cell_size=6, milliseconds=20)
    _, durations = pictures(tmp_path / "game.gif")
    assert sum(durations) == 20 * len(long.moves) + 2000


def test_a_png_shows_the_last_board_or_a_chosen_one(game: GameRecord, tmp_path: Path) -> None:
    save_animation(game, tmp_path / "end.png")
    save_picture(game, tmp_path / "too.PNG")
    assert (tmp_path / "end.png").read_bytes() == (tmp_path / "too.PNG").read_bytes()
    for step in (0, 5, len(game.moves)):
        save_picture(game, tmp_path / "step.png", step=step, cell_size=10)
        (picture,), _ = pictures(tmp_path / "step.png")
        assert (picture == rgb(states_before(game, [step])[0], cell_size=10)).all()
    (picture,), _ = pictures(tmp_path / "end.png")
    assert (picture == rgb(states_before(game, [len(game.moves)])[0])).all()


def test_a_game_without_moves(tmp_path: Path) -> None:
    (record,) = LockstepGames([1], 4, 4).records("nobody")
    save_animation(record, tmp_path / "game.gif")
    shown, _ = pictures(tmp_path / "game.gif")
    assert len(shown) == 1 and (shown[0] == rgb(states_before(record, [0])[0])).all()


@pytest.mark.parametrize("name", ["game.gif", "game.png"])
def test_the_same_game_gives_the_same_bytes(name: str, game: GameRecord, tmp_path: Path) -> None:
    save_animation(game, tmp_path / "1" / name)
    save_animation(replace(game, player="somebody else", number=7), tmp_path / "2" / name)
    assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_what_cannot_be_written_is_said_and_leaves_nothing(game: GameRecord, tmp_path: Path) -> None:
    path = tmp_path / "game.gif"
    for name in ("game.mp4", "game", "gif"):
        with pytest.raises(UserError, match=f"{name} is no picture"):
            save_animation(game, tmp_path / name)
    with pytest.raises(UserError, match=r"name a \.png file"):
        save_picture(game, path)
    for milliseconds in (19, 655_351):
        with pytest.raises(UserError, match=f"20 to 655350 ms, not for {milliseconds}"):
            save_animation(game, path, milliseconds=milliseconds)
    with pytest.raises(UserError, match="Every 0 steps"):
        save_animation(game, path, every=0)
    for step in (-1, len(game.moves) + 1):
        with pytest.raises(UserError, match=f"no step {step}: choose one from 0 to {len(game.moves)}"):
            save_picture(game, tmp_path / "x.png", step=step)
    with pytest.raises(ValueError, match="too small"):
        save_animation(game, path, cell_size=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_gif_too_large_for_the_memory_is_refused_with_a_way_out(game: GameRecord, tmp_path: Path) -> None:
    huge = {"cell_size": 400}
    with pytest.raises(UserError, match=r"Show one every (\d+) steps \(--every \1\)") as refused:
        save_animation(game, tmp_path / "game.gif", **huge)
    every = int(str(refused.value).rsplit(" ", 1)[1].rstrip(")."))
    save_animation(game, tmp_path / "game.gif", every=every, **huge)
    with pytest.raises(UserError, match="too many"):
        save_animation(game, tmp_path / "game.gif", every=every - 1, **huge)
    with pytest.raises(UserError, match="Choose smaller cells"):
        save_animation(game, tmp_path / "game.gif", cell_size=3000)


def test_without_pillow_the_extra_is_named(game: GameRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)  # what Python does when there is no such package
    for name in ("game.gif", "game.png"):
        with pytest.raises(UserError, match=r"serpentune\[images\]"):
            save_animation(game, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="paths of Unix")
def test_a_place_that_cannot_be_written(game: GameRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="can't be written"):
        save_animation(game, tmp_path / "file" / "game.gif")
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(UserError, match="can't be written"):
        save_animation(game, tmp_path / "folder.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.gif"]
