"""A game that was played before is shown again as it was, without its player, and is refused where it can't be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import (
    Contestant,
    EvaluationResult,
    EvaluationSettings,
    evaluate_contestant,
    model_contestant,
    teacher_contestant,
)
from serpentune.evaluation.results import GAMES, MANIFEST
from serpentune.evaluation.watch import WatchedGame, is_recording, open_game, open_recorded, show_game
from serpentune.game import MOVE_LETTERS, Ending, Limits, Move, State
from serpentune.logs import Format, generate_runs, read_logs
from serpentune.models import LoadedModel
from serpentune.report import save_game
from serpentune.teachers import BFS
from tests.evaluation.players import Scripted
from tests.evaluation.test_watch_show import facts, keys, scenes, terminal

SETTINGS = EvaluationSettings(games=8, width=6, height=6, seed=500)
OF_NANO = replace(SETTINGS, games=3, seed=503, teacher="ASTAR", limits=Limits(max_steps_per_apple=30), top_moves=1)


def stubborn(state: State) -> str:
    """BFS's move, but on some cells a turn back, nothing, or no move."""
    kind = (state.head + len(state.body)) % 6
    if kind == 0 and state.direction is not None:
        return f" {MOVE_LETTERS[(state.direction + 2) % 4]}"
    move = BFS.decide(state).move
    return "" if kind == 1 else "I don't know" if kind == 2 or move > 3 else f" {MOVE_LETTERS[move]}"


STUBBORN = Contestant("stubborn", {"player": "stubborn"}, lambda _: Scripted(stubborn, "stubborn"))


def as_played(game: WatchedGame) -> list[tuple[int, State, int, Move, str, bool]]:
    """What the moments of a game have in common with those of its recording."""
    return [
        (moment.step, moment.state, moment.score, moment.move, moment.by, bool(moment.answer.unusable))
        for moment in game
    ]


def evaluated(contestant: Contestant, folder: Path, settings: EvaluationSettings) -> EvaluationResult:
    evaluate_contestant(contestant, folder, settings, measures="play", quiet=True)
    return EvaluationResult.load(folder)


@pytest.fixture(scope="module")
def played(nano: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of a real model that loses, with what it gave the moves of its first game."""
    folder = tmp_path_factory.mktemp("recorded") / "nano"
    evaluated(model_contestant(nano), folder, OF_NANO)
    return folder


def test_a_model_s_games_are_shown_as_they_were_played(played: Path, nano: LoadedModel) -> None:
    result = EvaluationResult.load(played)
    assert set(result.endings) == {"SELF", "MAX_STEPS_REACHED"}, "it loses"
    for game in result.games:
        seed = game.record.seed or 0
        shown = open_recorded(played, seed=seed)
        settings = replace(OF_NANO, seed=seed)
        live = open_game(model_contestant(nano), settings, details=seed in result.top_moves)
        assert as_played(shown) == as_played(live)
        assert shown.record == live.record and replace(shown.record, number=0) == game.record
        assert shown.teacher.name == "ASTAR" and not shown.unknown
        told = [moment.probabilities for moment in shown.moments]
        if seed in result.top_moves:
            expected = [moment.probabilities for moment in live.moments]
            assert told == [pytest.approx(shares, abs=1e-4) for shares in expected]
        else:
            assert set(told) == {None} and not shown.tells_probabilities


@pytest.mark.parametrize(
    ("contestant", "asked", "ends"),
    [
        (STUBBORN, {}, {"MAX_CONSECUTIVE_EMPTY_MOVES_REACHED", "MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED"}),
        (STUBBORN, {"limits": Limits(max_consecutive_empty_moves=2)}, {"MAX_CONSECUTIVE_EMPTY_MOVES_REACHED"}),
        (STUBBORN, {"limits": Limits(max_steps=9), "policy": "random"}, {"MAX_STEPS_REACHED"}),
        (STUBBORN, {"policy": "fallback BFS", "opening": "HAMILTONIAN 5"},
         {"MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED"}),
        (Contestant("mute", {"player": "mute"}, lambda _: Scripted(lambda _: "", "mute")), {"policy": "fallback BFS"},
         {"NO_PATH_FOUND"}),
        (teacher_contestant("BFS"), {}, {"NO_PATH_FOUND"}),
        (teacher_contestant("HAMILTONIAN"), {"opening": "BFS 20"}, {"WIN", "NO_PATH_FOUND"}),
    ],
)  # fmt: skip
def test_answers_that_cannot_be_used_lead_to_the_same_end(
    contestant: Contestant, asked: dict[str, object], ends: set[str], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, **asked)  # type: ignore[arg-type]
    result = evaluated(contestant, tmp_path / "r", settings)
    assert ends <= result.endings.keys()
    for game in result.games:
        seed = game.record.seed or 0
        shown, live = open_recorded(tmp_path / "r", seed=seed), open_game(contestant, replace(settings, seed=seed))
        assert shown.opening == live.opening == game.opening
        assert as_played(shown) == as_played(live)
        assert shown.record == live.record and replace(shown.record, number=0) == game.record


def test_the_game_and_the_teacher_are_chosen(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_recording(played) and not is_recording(played.parent)
    monkeypatch.chdir(played.parent)
    assert is_recording("./nano") and not is_recording("nano"), "who is called so plays, whatever folders there are"
    first = open_recorded(str(played))
    assert (first.seed, first.teacher.name, first.state.width) == (503, "ASTAR", 6)
    assert open_recorded(played, teacher="cell").teacher.name == "CELL"
    with pytest.raises(UserError, match="nano has no game with seed 8: its 3 games have seeds from 503 to 505"):
        open_recorded(played, seed=8)
    with pytest.raises(UserError, match="There is no teacher named 'CELLO'"):
        open_recorded(played, teacher="CELLO")


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_a_teacher_s_run_is_shown_as_it_was_played(form: Format, tmp_path: Path) -> None:
    bfs, cell = generate_runs(["BFS", "CELL"], 3, 6, 6, 20, tmp_path / "logs", format=form, noise=0.05)
    for record in read_logs([bfs]).games:
        shown = open_recorded(bfs, seed=record.seed)
        assert replace(shown.play_to_the_end(), number=record.number, player=record.player) == record
        assert bytes(moment.move for moment in shown.moments)[: len(record.moves)] == record.moves
        assert shown.teacher.name == "BFS"
    assert any(moment.differs for moment in shown.moments), "a move in twenty is drawn at random"
    assert (open_recorded(cell).seed, open_recorded(cell).teacher.name) == (20, "CELL")
    assert open_recorded(cell, teacher="BFS").teacher.name == "BFS"
    assert is_recording(bfs) and is_recording(tmp_path / "logs") and not is_recording(tmp_path)
    with pytest.raises(UserError, match=r"logs holds 2 runs\. Name one of them, such as .*bfs"):
        open_recorded(tmp_path / "logs")
    with pytest.raises(UserError, match="has no game with seed 23: its 3 games have seeds from 20 to 22"):
        open_recorded(bfs, seed=23)
    for nothing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="is no results folder"):
            open_recorded(nothing)


def test_a_run_without_seeds_or_with_a_damaged_game_is_refused(tmp_path: Path) -> None:
    (run,) = generate_runs(["BFS"], 2, 6, 6, 0, tmp_path / "logs", format="json")
    file = run / "game_1.json"
    game = json.loads(file.read_text())
    file.write_text(json.dumps(game | {"score": game["score"] + 1}))
    with pytest.raises(UserError, match=r"game_1\.json: .*score"):
        open_recorded(run)
    del game["serpentune"]
    file.write_text(json.dumps(game))
    with pytest.raises(UserError, match="The game has no seed, without which its apples"):
        open_recorded(run)


def test_nobody_takes_over(played: Path, tmp_path: Path) -> None:
    console, stream = terminal()
    game = open_recorded(played, seed=503)
    show_game(game, console, fps=0.1, keyboard=keys(" ", "\x1b[C", ".", "\x1b[D", "."))
    (recorded,) = [result.record for result in EvaluationResult.load(played).games if result.record.seed == 503]
    assert game.record.moves == recorded.moves[:2] and {moment.by for moment in game.moments} == {"player"}
    shown = scenes(stream.getvalue())
    assert [line for line in shown[0] if "quit" in line] == ["recorded  space pause   . step   q quit   "]
    assert any(line.startswith("recorded, paused  space go on   . step") for line in shown[1])
    told = facts(shown[0], game.moments[0].state)
    assert told["player"] == "nano" and told["UP"].endswith("%") and "ASTAR" in told
    with pytest.raises(UserError, match="seed 503 is a recording: nobody can take over"):
        game.play_instead(Move.UP)
    game.play_to_the_end()
    assert "nano plays Snake" in save_game(game, tmp_path / "game.html").read_text()


def test_what_does_not_go_on_as_it_is_recorded_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    evaluated(teacher_contestant("HAMILTONIAN"), folder, replace(SETTINGS, games=2, teacher="BFS"))
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"teacher": "GONE"}))
    with pytest.raises(UserError, match=r"teacher GONE, which is not registered here\. Name one with --teacher"):
        open_recorded(folder)
    assert open_recorded(folder, teacher="BFS").play_to_the_end().ending == Ending.WIN
    (folder / MANIFEST).write_text(json.dumps(manifest | {"limits": {"max_steps": 3}}))
    with pytest.raises(UserError, match=r"seed 500 can't be shown again.*MAX_STEPS_REACHED.* not to the WIN and 35"):
        open_recorded(folder)
    lines = (folder / GAMES).read_text().splitlines(keepends=True)
    (folder / GAMES).write_text(lines[0].replace('"seed":500', '"seed":900') + lines[1])
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="seed 900 can't be shown again"):
        open_recorded(folder, seed=900)
    (folder / GAMES).unlink()
    with pytest.raises(UserError, match=r"games\.jsonl can't be read"):
        open_recorded(folder)
