"""Which games may be paired: by seed, under the same conditions; what differs is refused by name, or said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import compare_results
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from tests.comparison.players import greedy, play, save

Played = dict[str, list[GameResult]]


def test_unpaired_games_are_counted_and_left_out(tmp_path: Path, base: EvaluationResult, played: Played) -> None:
    other = save(tmp_path / "part", "part", played["greedy"][30:90], games=100)
    report = compare_results(base, other)
    assert (report.pairs, report.dropped) == (60, 40)
    assert next(row for row in report.rows if row.metric == "score").mean_a == pytest.approx(base.scores[30:90].mean())
    notes = " ".join(report.notes)
    assert "40 of the untuned base's games and 0 of part's were left out" in notes
    assert "part has 60 of its 100 games" in notes


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("limits", {"max_steps": 50}, "limits (max_steps: 0 and 50"),
        ("policy", "sampled", "policy ('greedy' and 'sampled')"),
        ("decoding", "sampled", "decoding (None and 'sampled')"),
        ("rules", 2, "rules (None and 2)"),
        ("opening", "CELL 20", "opening (None and 'CELL 20')"),
    ],
)
def test_different_conditions_are_refused_by_name(
    tmp_path: Path, base: EvaluationResult, played: Played, field: str, value: object, words: str
) -> None:
    other = save(tmp_path / "other", "other", played["greedy"], **{field: value})
    with pytest.raises(UserError, match="differ in") as refusal:
        compare_results(base, other)
    assert words in str(refusal.value)


def test_different_ways_of_asking_are_said(tmp_path: Path, base: EvaluationResult, played: Played) -> None:
    other = save(tmp_path / "other", "other", played["greedy"], mode="move")
    assert "The models were asked differently: mode is None for" in " ".join(compare_results(base, other).notes)


def test_players_that_read_no_prompt_are_not_said_to_be_asked_differently(
    tmp_path: Path, base: EvaluationResult, played: Played
) -> None:
    """Their manifests hold the settings of the evaluation all the same."""
    asked = {"style": "plan", "encoding": "grid", "mode": "plan", "max_new_tokens": 64}
    player = save(tmp_path / "player", "CELL", played["greedy"], player="CELL", **asked)
    other = save(tmp_path / "other", "random", played["careless-2"], player="random", teacher="CELL")
    for pair in ((base, player), (player, base), (player, other)):
        notes = " ".join(compare_results(*pair).notes)
        assert "prompted" not in notes and "asked differently" not in notes
    assert "The decisions of CELL are held against 'BFS' and those of random against 'CELL'." in notes


def test_different_boards_are_refused(tmp_path: Path, base: EvaluationResult) -> None:
    other = save(tmp_path / "small", "small", play(greedy, range(1000, 1003), 4))
    with pytest.raises(UserError, match=r"differ in grid \(\[5, 5\] and \[4, 4\]\)"):
        compare_results(base, other)
    edited = save(tmp_path / "edited", "edited", play(greedy, range(1000, 1003), 4), grid=[5, 5])
    with pytest.raises(UserError, match="seed 1000 was played on 4x4, but the manifest says"):
        compare_results(base, edited)


def test_a_manifest_without_conditions_is_refused(base: EvaluationResult, student: EvaluationResult) -> None:
    bare = replace(student, manifest={"name": "LoRA", "grid": [5, 5]})
    with pytest.raises(UserError, match="LoRA: the manifest doesn't say limits"):
        compare_results(base, bare)


def test_no_common_seed_is_refused(tmp_path: Path, base: EvaluationResult) -> None:
    other = save(tmp_path / "other", "other", play(greedy, range(5), 5))
    with pytest.raises(UserError, match=r"no game seed in common \(seeds 1000 to 1099 and seeds 0 to 4\)"):
        compare_results(base, other)
    with pytest.raises(UserError, match="no games"):
        compare_results(base, replace(other, games=()))


def test_games_of_falsely_equal_seeds_are_refused(base: EvaluationResult, student: EvaluationResult) -> None:
    """A hand-edited seed: the first apple follows from the seed, so it gives the edit away."""
    shifted = tuple(
        replace(game, record=replace(game.record, seed=(game.record.seed or 0) + 1)) for game in student.games
    )
    with pytest.raises(UserError, match="the first apple of seed"):
        compare_results(base, replace(student, games=shifted))
