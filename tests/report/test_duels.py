"""Two games of one seed: where they part, with which pair replays begin, and what is packed of players' thoughts."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.evaluation import EvaluationSettings, evaluate_contestant, teacher_contestant
from serpentune.evaluation.judging import fatal_moves
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import Ending, GameRecord, from_letters, states_before
from serpentune.report import _replays, write_report
from serpentune.report._duels import Duel, describe, first_difference, opening_duel
from serpentune.teachers import get
from tests.report.parsed import Page
from tests.report.players import UNRULY, cycle, greedy, play


def game(moves: str) -> GameRecord:
    return GameRecord("p", 4, 4, from_letters(moves), (0,), Ending.RUNNING, 0, len(moves), 1)


def unpacked(packed: _replays.Replays) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(zlib.decompress(base64.b64decode(packed.data)))
    return rows


@pytest.mark.parametrize(
    ("left", "right", "at"),
    [("", "", None), ("UR", "UR", None), ("UR", "UL", 1), ("RU", "UR", 0), ("URD", "UR", 2), ("", "U", 0)],
)
def test_where_two_games_part(left: str, right: str, at: int | None) -> None:
    assert first_difference(game(left), game(right)) == first_difference(game(right), game(left)) == at


def test_the_first_duel_is_a_win_against_a_death_where_there_is_one(
    results: list[EvaluationResult], tmp_path: Path
) -> None:
    walker, eater, winner = results
    duel = opening_duel([eater, winner])
    assert duel is not None and (duel.left, duel.right) == (0, 1)
    dead = [game.record for game in eater.games if game.record.ending in (Ending.WALL, Ending.SELF)]
    assert duel.seed == min(record.seed or 0 for record in dead)
    (other,) = [game.record for game in winner.games if game.record.seed == duel.seed]
    assert duel.at == first_difference(next(record for record in dead if record.seed == duel.seed), other)
    assert opening_duel([replace(winner, name="again"), winner]) == Duel(1000, 0, 1, None)
    assert opening_duel([walker]) == Duel(1000, 0)
    assert opening_duel([replace(walker, games=())]) is None
    elsewhere = play(tmp_path / "elsewhere", "elsewhere", cycle, [5])
    assert opening_duel([walker, elsewhere, winner]) == replace(opening_duel([walker, winner]), right=2)  # type: ignore[type-var]


def test_fatal_moves_and_scores_stand_beside_the_games(results: list[EvaluationResult]) -> None:
    rows, thought = unpacked(_replays.pack(results))
    assert thought == []
    for model, result in enumerate(results):
        fatal = fatal_moves(result.games)
        assert [row[1][model][5:] for row in rows] == [
            [each.record.score, places] for each, places in zip(result.games, fatal, strict=True)
        ]


def test_chances_and_equally_good_moves_are_packed_move_by_move(
    results: list[EvaluationResult], tmp_path: Path
) -> None:
    record = results[1].games[2].record
    chances = np.random.default_rng(0).dirichlet(np.ones(5), len(record.moves))[:, :4].astype(np.float32)
    model = replace(results[1], top_moves={record.seed or 0: chances})
    settings = EvaluationSettings(games=30, seed=1000)
    teacher = evaluate_contestant(teacher_contestant("BFS"), tmp_path / "t", settings, measures="play", quiet=True)
    packed = _replays.pack([model, teacher])
    rows, thoughts = unpacked(packed)
    assert packed.thought == (1, 25) and packed.kept == 40
    assert len(rows) == 40 and len(thoughts) == 25
    thought, equal = thoughts[2]
    np.testing.assert_allclose(np.array(thought).reshape(-1, 4) / 1000, chances, atol=6e-4)
    played = teacher.games[2].record
    _, masks = get("BFS").choices(states_before(played, range(len(played.moves))))
    assert [int(digit, 16) for digit in equal] == masks.tolist()
    few = _replays.pack([model, teacher], thought_budget=2_000)
    assert 0 < few.thought[1] < 25 and few.kept == 40
    assert len(few.data) <= len(_replays.pack([model, teacher], thought_budget=0).data) + 2_000


def test_without_javascript_the_first_difference_stands_there_in_words(
    results: list[EvaluationResult], tmp_path: Path
) -> None:
    duel = opening_duel(results[1:])
    assert duel is not None and duel.at is not None
    text = write_report(results[1:], tmp_path / "r.html", title="t")[0].read_text(encoding="utf-8")
    still = text[text.index('<figure id="still">') : text.index('<div id="player"')]
    assert still.count("<svg") == 2 and still.count('style="fill:none;stroke:var(--ink') == 2
    assert f"Game seed {duel.seed}. Move {duel.at + 1}, the first that differs: greedy goes " in still
    assert "cycle: board filled after" in still
    alone = write_report(results[2:], tmp_path / "alone.html", title="t")[0].read_text(encoding="utf-8")
    assert "The last board. cycle: board filled after" in alone


@pytest.mark.parametrize("name", ["\u202emodel", "half \ud800"])
def test_scripts_get_names_as_the_page_shows_them(results: list[EvaluationResult], name: str) -> None:
    shown = describe([replace(results[0], name=name), results[1]])["page_data"]["models"]
    assert shown == [repr(name)[1:-1], "greedy"]


def test_of_whom_top_moves_were_kept_is_said(results: list[EvaluationResult], tmp_path: Path) -> None:
    record = results[0].games[0].record
    chances = np.full((len(record.moves), 4), 0.25, np.float32)
    shown = [replace(results[0], top_moves={record.seed or 0: chances}), results[1]]
    page = Page(write_report(shown, tmp_path / "r.html", title="t")[0].read_text(encoding="utf-8"))
    assert f"{UNRULY}: what it gives each move, in 1 of 40 games." in page.text
    assert "greedy: nothing was kept." in page.text


def test_a_wall_is_hit_by_a_fatal_move_unless_nothing_was_safe(tmp_path: Path) -> None:
    result = play(tmp_path / "r", "greedy", greedy, range(20))
    places = fatal_moves(result.games)
    died = [each.record.ending in (Ending.WALL, Ending.SELF) for each in result.games]
    assert any(died) and all(bool(found) for found, dead in zip(places, died, strict=True) if dead)
