"""The chances that a model gave the four moves: kept beside its games, gone on with, and never shown beside others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import (
    EvaluationResult,
    EvaluationSettings,
    evaluate_contestant,
    model_contestant,
    open_contestant,
    teacher_contestant,
)
from serpentune.evaluation.results import GAMES
from serpentune.evaluation.top_moves import TOP_MOVES, read_top_moves
from serpentune.game import states_before
from serpentune.models import LoadedModel

SETTINGS = EvaluationSettings(games=4, width=4, height=4, top_moves=3)


@pytest.fixture(scope="module")
def folder(nano: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("top moves") / "nano"
    evaluate_contestant(model_contestant(nano), folder, SETTINGS, measures="play", quiet=True)
    return folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_they_are_what_the_model_gives_in_each_state(folder: Path, nano: LoadedModel) -> None:
    result = EvaluationResult.load(folder)
    assert tuple(result.top_moves) == result.seeds[:3]
    player = model_contestant(nano).player(SETTINGS)
    for game in result.games[:3]:
        record = game.record
        expected = player.probabilities(states_before(record, range(len(record.moves))))  # type: ignore[attr-defined]
        np.testing.assert_allclose(result.top_moves[record.seed or 0], expected, atol=1e-4)


def test_a_model_in_mode_move_plays_the_likeliest(nano: LoadedModel, tmp_path: Path) -> None:
    settings = replace(SETTINGS, mode="move", style="move")
    result = evaluate_contestant(model_contestant(nano), tmp_path / "r", settings, measures="play", quiet=True)
    for seed, chances in result.top_moves.items():
        (record,) = [game.record for game in result.games if game.record.seed == seed]
        assert bytes(chances.argmax(axis=1).tolist()) == record.moves


def test_more_games_are_asked_about_and_none_twice(copy: Path, nano: LoadedModel) -> None:
    before = (copy / TOP_MOVES).read_text().splitlines()
    marked = [json.loads(line) for line in before]
    marked[1]["chances"][0] = [0.25] * 4  # would be gone if it were asked about again
    torn = before[2][: len(before[2]) // 2]
    (copy / TOP_MOVES).write_text(f"{before[0]}\n{json.dumps(marked[1])}\n{torn}")
    settings = replace(SETTINGS, games=5, top_moves=5)
    result = evaluate_contestant(model_contestant(nano), copy, settings, measures="play", quiet=True)
    assert tuple(result.top_moves) == result.seeds
    assert result.top_moves[result.seeds[1]][0].tolist() == [0.25] * 4
    assert (copy / TOP_MOVES).read_text().splitlines()[2] == before[2]


def test_without_the_option_what_is_kept_stays(copy: Path, nano: LoadedModel) -> None:
    without = replace(SETTINGS, top_moves=0)
    kept = evaluate_contestant(model_contestant(nano), copy, without, measures="play", quiet=True)
    assert len(kept.top_moves) == 3
    again = evaluate_contestant(model_contestant(nano), copy, without, measures="play", overwrite=True, quiet=True)
    assert again.top_moves == {} and not (copy / TOP_MOVES).exists()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda line: {**line, "game_sha256": "0" * 64}, "another game"),
        (lambda line: {**line, "chances": line["chances"][1:]}, "another game"),
        (lambda line: {**line, "chances": [[0.9, 0.9, 0, 0], *line["chances"][1:]]}, "no probabilities"),
        (lambda line: {**line, "chances": [[float("nan")] * 4, *line["chances"][1:]]}, "no probabilities"),
        (lambda line: {**line, "chances": [[-0.1, 0, 0, 0], *line["chances"][1:]]}, "no probabilities"),
        (lambda line: {**line, "chances": "high"}, "no top moves"),
        (lambda line: [line], "no top moves"),
    ],
)
def test_lines_that_are_not_of_the_games_are_refused_with_file_and_line(
    copy: Path, change: object, problem: str
) -> None:
    lines = (copy / TOP_MOVES).read_text().splitlines()
    lines[1] = json.dumps(change(json.loads(lines[1])))  # type: ignore[operator]
    (copy / TOP_MOVES).write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=rf"{TOP_MOVES}, line 2: .*{problem}.*--top-moves"):
        dict(EvaluationResult.load(copy).top_moves)


def test_a_torn_last_line_is_told_from_damage_and_hinders_replays_alone(copy: Path, nano: LoadedModel) -> None:
    whole = (copy / TOP_MOVES).read_bytes()
    (copy / TOP_MOVES).write_bytes(whole[:-40])
    result = EvaluationResult.load(copy)
    assert result.play["games"] == 4
    with pytest.raises(UserError, match=rf"{TOP_MOVES}, line 3: it is torn.*again with --top-moves; it goes on"):
        len(result.top_moves)
    mended = evaluate_contestant(model_contestant(nano), copy, SETTINGS, measures="play", quiet=True)
    assert len(mended.top_moves) == 3 and (copy / TOP_MOVES).read_bytes() == whole


def test_a_seed_that_stands_twice_is_refused(copy: Path) -> None:
    lines = (copy / TOP_MOVES).read_text().splitlines(keepends=True)
    (copy / TOP_MOVES).write_text("".join([*lines, lines[0]]))
    with pytest.raises(UserError, match=rf"{TOP_MOVES}, line 4: seed \d+ stands in line 1 already"):
        dict(EvaluationResult.load(copy).top_moves)


def test_games_that_are_not_there_any_more_are_no_fault(copy: Path) -> None:
    lines = (copy / GAMES).read_text().splitlines(keepends=True)
    (copy / GAMES).write_text("".join(line for line in lines if json.loads(line)["seed"] != SETTINGS.seed))
    assert len(EvaluationResult.load(copy).top_moves) == 2
    assert read_top_moves(copy, []) == {}


@pytest.mark.parametrize("player", ["BFS", "random"])
def test_who_is_no_language_model_keeps_none_and_that_is_said(
    tmp_path: Path, player: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = evaluate_contestant(open_contestant(player), tmp_path / "r", SETTINGS, measures="play", quiet=True)
    assert result.top_moves == {} and not (tmp_path / "r" / TOP_MOVES).exists()
    assert f"top moves are not kept: {player} is no language model" in caplog.text


def test_fewer_than_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="of -1"):
        evaluate_contestant(teacher_contestant("BFS"), tmp_path / "r", replace(SETTINGS, top_moves=-1), measures="play")
