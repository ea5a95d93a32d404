from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import EvaluationResult, GameResult, figures, play_games, results_folders
from serpentune.evaluation.judging import judge
from serpentune.game import Ending
from serpentune.teachers import get
from tests.evaluation.players import Scripted, plan


@pytest.fixture(scope="module")
def games() -> list[GameResult]:
    """A few won games, and lost ones with unreadable answers."""
    player = Scripted(lambda state: "" if state.apple == 0 else plan("BFS")(state), name="mine")
    played = list(play_games(player, range(30), 4, 4))
    assert any(game.invalid for game in played) and any(not game.invalid for game in played)
    return played


@pytest.fixture
def folder(games: list[GameResult], tmp_path: Path) -> Path:
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "mine", "grid": [4, 4], "teacher": "BFS"}))
    (tmp_path / "games.jsonl").write_text("".join(game.to_json() + "\n" for game in games))
    return tmp_path


def test_a_game_comes_back_from_its_line(games: list[GameResult]) -> None:
    for game in games:
        again = GameResult.from_json(game.to_json(), "mine")
        assert again.ms == pytest.approx(game.ms, abs=0.001)
        assert again.to_json() == game.to_json()
        assert (again.answers, again.invalid) == (game.answers, game.invalid)
        record = game.record
        assert again.record.moves == record.moves
        assert (again.record.apples, again.record.ending, again.record.seed) == (
            record.apples,
            record.ending,
            record.seed,
        )


def test_a_folder_comes_back_in_the_order_of_seeds(folder: Path, games: list[GameResult]) -> None:
    result = EvaluationResult.load(folder)
    assert result.seeds == tuple(range(30))
    assert result.name == "mine"
    assert result.scores.sum() == sum(game.record.score for game in games)
    assert result.steps.sum() == sum(game.record.steps for game in games)
    assert result.wins.sum() == sum(game.record.ending == Ending.WIN for game in games)
    assert sum(result.endings.values()) == 30
    assert result.invalid == {"empty": sum(game.invalid.get("empty", 0) for game in games)}
    found = judge(games, get("BFS"))
    assert result.agreement == found.exact.sum() / found.decisions.sum()
    assert (result.language, result.performance) == (None, None)


def test_figures_are_numbers_or_none(folder: Path) -> None:
    measured = figures(EvaluationResult.load(folder))
    json.dumps(measured, allow_nan=False)
    assert measured["games"] == 30
    assert 0 < measured["win_rate"] < 1 and 0 < measured["agreement"] < 1
    assert all(measured[name] is None for name in ("perplexity", "bleu", "rouge_l", "ms_per_move", "peak_memory_mb"))
    assert not any(isinstance(value, float) and math.isnan(value) for value in measured.values())


def change(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda game: {**game, **changes}


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (lambda game: {**game, "score": game["score"] + 1}, "its score is"),
        (lambda game: {**game, "steps": game["steps"] - 1}, "steps, its moves make"),
        (lambda game: {**game, "moves": game["moves"][1:]}, ""),
        (lambda game: {**game, "apples": game["apples"][::-1] or [99]}, ""),
        (lambda game: {**game, "end": "WALL" if game["end"] != "WALL" else "WIN"}, "its ending is"),
        (lambda game: {key: value for key, value in game.items() if key != "answers"}, "'answers'"),
        (change(moves="XYZ"), "'X' is no move"),
        (change(end="VICTORY"), "VICTORY"),
        (change(seed=None), "not a game"),
        (change(grid=[4]), "not a game"),
        (change(grid=7), "not a game"),
        (change(grid=[4000, 4]), "outside the rules"),
        (change(invalid=[]), "not a game"),
        (change(score=float("inf")), "not a game"),
        (change(ms=float("nan")), "impossible"),
        (change(answers=-1), "impossible"),
        (change(cut=10**6), "impossible"),
        (change(constrained=[10**6]), "none of its moves"),
        (change(invalid={"reversal": -1}), "impossible"),
        (lambda game: [game], "not a game"),
    ],
)
def test_a_tampered_line_is_refused_with_file_and_line(
    folder: Path, tamper: Callable[[dict[str, Any]], Any], reason: str
) -> None:
    path = folder / "games.jsonl"
    lines = path.read_text().splitlines()
    lines[4] = json.dumps(tamper(json.loads(lines[4])))
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError) as caught:
        EvaluationResult.load(folder)
    assert f"{path}, line 5: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("line", ["", "{", "null", "[" * 100_000, '{"seed": 1}', "\x00", '"text"', "1e999"])
def test_a_line_that_is_no_game_is_refused(folder: Path, line: str) -> None:
    with (folder / "games.jsonl").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(UserError, match=r"games\.jsonl, line 31: "):
        EvaluationResult.load(folder)


def test_a_game_on_another_board_is_refused(folder: Path) -> None:
    (other,) = play_games(Scripted(plan("BFS")), [77], 5, 4)
    with (folder / "games.jsonl").open("a") as stream:
        stream.write(other.to_json() + "\n")
    with pytest.raises(UserError, match=r"games\.jsonl, line 31: the game was played on another board"):
        EvaluationResult.load(folder)


def test_a_seed_that_stands_twice_is_refused(folder: Path) -> None:
    lines = (folder / "games.jsonl").read_text().splitlines()
    (folder / "games.jsonl").write_text("\n".join([*lines, lines[3]]) + "\n")
    with pytest.raises(UserError, match="stands more than once"):
        EvaluationResult.load(folder)


def test_a_torn_or_empty_file_says_how_to_finish(folder: Path) -> None:
    path = folder / "games.jsonl"
    whole = path.read_text()
    path.write_text(whole[:-20])
    with pytest.raises(UserError, match=r"line 30: it is torn.*goes on where it stopped"):
        EvaluationResult.load(folder)
    path.write_text("")
    with pytest.raises(UserError, match="no game is finished"):
        EvaluationResult.load(folder)
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(UserError, match="can't be read"):
        EvaluationResult.load(folder)
    path.unlink()
    with pytest.raises(UserError, match="can't be read"):
        EvaluationResult.load(folder)


@pytest.mark.parametrize("text", ["[]", "{}", '{"name": 3}', "{"])
def test_a_folder_without_a_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json"):
        EvaluationResult.load(folder)


@pytest.mark.parametrize("name", ["language.json", "performance.json"])
def test_damaged_figures_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("[1]")
    with pytest.raises(UserError, match=name):
        EvaluationResult.load(folder)


def test_the_results_of_an_ablation_are_found_and_those_without_games_are_named(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    ablation = tmp_path_factory.mktemp("ablation")
    places = [ablation / "evaluation" / name for name in ("baseline/seed=0", "baseline/seed=1", "alpha=8/seed=0")]
    for place in places:
        shutil.copytree(folder, place)
    language = ablation / "evaluation" / "alpha=8" / "seed=1"
    for other, manifest in ((language, {"name": "a", "first_seed": 0}), (ablation / "evaluation/data", {"rows": 9})):
        other.mkdir()
        (other / "manifest.json").write_text(json.dumps(manifest))
    for given in (ablation, ablation / "evaluation"):
        caplog.clear()
        assert results_folders(given) == places
        (said,) = caplog.messages
        assert said == f"{language} is left out: it is an evaluation without games, and has no games.jsonl"
    assert results_folders(ablation / "evaluation" / "baseline") == places[:2]
    assert results_folders(places[2]) == [places[2]]
