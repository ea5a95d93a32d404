"""Whether a model plays the same move with and without its reasons: asked for, counted, kept and computed again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.datasets.completions import explanations, parse_prompt, read_moves
from serpentune.evaluation import EvaluationSettings, ModelPlayer, evaluate_contestant, model_contestant, recompute
from serpentune.evaluation.language import (
    ExplainedMove,
    MeasuredRecord,
    ask_plainly,
    explained_figures,
    load_explained,
    save_lines,
)
from serpentune.evaluation.play import answers_to
from serpentune.game import letters, random_states
from serpentune.models import LoadedModel
from serpentune.statistics import wilson_interval
from serpentune.teachers import get

STATES = random_states(40, 6, 6, seed=5)
GRID = get_encoding("grid")


def explained(teacher: str = "BFS", style: str = "explain") -> list[ExplainedMove]:
    """A teacher's own words on 40 boards of eight games, and the same moves without them."""
    moves = get(teacher).moves(STATES).astype(np.uint8)
    asked = prompts(STATES, teacher, GRID, get_style(style))
    told = explanations(STATES, moves, teacher, short=get_style(style).short)
    alone = [f" {letters(bytes([move]))}" for move in moves.tolist()]
    return [
        ExplainedMove(prompt, f"run/{number % 8}", text, {"move": move, "plan": f"{move} U"})
        for number, (prompt, text, move) in enumerate(zip(asked, told, alone, strict=True))
        if text is not None
    ]


def turned(move: ExplainedMove, style: str) -> ExplainedMove:
    """Another move in one style."""
    other = " U" if read_moves(move.answer)[:1] != b"\x00" else " D"
    return replace(move, plain={**move.plain, style: other})


def test_a_teacher_says_what_it_plays() -> None:
    moves = explained()
    found = explained_figures(moves)
    assert (found["states"], found["games"]) == (len(moves), 8)
    assert found["same_as_move"] == found["same_as_plan"] == found["truth"] == 1
    assert found["same_as_move_states"] == len(moves) and found["claims"] >= 2 * len(moves)
    assert found["unusable"] == {"explain": 0, "move": 0, "plan": 0}
    # Where no state differs there is no spread between games; Wilson's interval over games tells what is known.
    assert "the same share" in found["undefined"]["same_as_move_low"]
    whole = wilson_interval(8, 8).interval
    assert whole is not None and (found["same_as_move_games"], found["same_as_move_games_low"]) == (1, whole.low)
    json.dumps(found, allow_nan=False)


def test_every_difference_is_counted_where_it_is() -> None:
    moves = explained()
    moves[3], moves[11], moves[20] = (turned(moves[at], "move") for at in (3, 11, 20))  # games 3, 3 and 4
    moves[5] = replace(moves[5], plain={**moves[5].plain, "move": ""})
    moves[6] = replace(moves[6], answer="I don't know", plain={"move": "nor I", "plan": " U"})
    found = explained_figures(moves)
    differ = {3, 11, 20, 5, 6}
    assert found["same_as_move_states"] == len(moves) - 5 and found["same_as_plan_states"] == len(moves) - 1
    assert found["same_as_move"] == pytest.approx(1 - 5 / len(moves))
    assert found["same_as_move_low"] < found["same_as_move"] < found["same_as_move_high"]
    assert found["same_as_move_games"] == 1 - len({moves[at].game for at in differ}) / 8
    assert found["unusable"] == {"explain": 1, "move": 2, "plan": 0}
    rows = found["by_length"]
    assert sum(row["states"] for row in rows) == len(moves)
    boards = [parse_prompt(move.prompt) or pytest.fail("no prompt of ours") for move in moves]
    lengths = [len(GRID.decode(text).body) for _, text, _ in boards]
    for row in rows:
        at = [n for n, length in enumerate(lengths) if row["length_from"] <= length <= (row["length_to"] or 99)]
        assert row["same_as_move_states"] == len(set(at) - differ)
    assert sum(row["claims"] for row in rows) == found["claims"]


def test_each_style_that_asks_for_reasons_has_its_own_figures() -> None:
    whole, short = explained(), explained(style="explain-short")
    alone = explained_figures(short)
    short[2] = replace(turned(short[2], "move"), answer="Well")
    whole[4] = turned(whole[4], "plan")
    found = explained_figures([*short, *whole])
    assert found["unusable"] == {"explain": 0, "explain-short": 1, "move": 0, "plan": 0}
    assert list(found["by_style"]) == ["explain", "explain-short"]
    assert found["by_style"]["explain"]["same_as_plan_states"] == len(whole) - 1
    assert found["by_style"]["explain"]["same_as_move"] == 1
    assert found["by_style"]["explain-short"]["same_as_move_states"] == len(short) - 1
    assert sum(row["claims"] for row in found["by_style"].values()) == found["claims"]
    (only,) = alone["by_style"].values()
    assert {**alone, "by_style": None, "by_length": None} == {**only, "by_style": None, "by_length": None}


def test_a_style_that_no_record_asks_for_is_not_compared() -> None:
    found = explained_figures([replace(move, plain={"move": move.plain["move"]}) for move in explained()])
    assert found["same_as_plan"] is found["same_as_plan_states"] is None and found["same_as_move"] == 1
    assert "no record asks for a plan" in found["undefined"]["same_as_plan"]


def test_a_model_is_asked_about_the_same_boards(nano: LoadedModel, caplog: pytest.LogCaptureFixture) -> None:
    few = STATES.take(np.arange(6))
    asked = {name: prompts(few, "BFS", GRID, get_style(name)) for name in ("explain", "explain-short", "move")}
    records = [
        MeasuredRecord(prompt, " U", " U\nBecause.", 9, tokens=2, right=1, game="run/1")
        for prompt in (*asked["explain"], asked["explain"][0], *asked["explain-short"], *asked["move"])
    ]
    hidden = prompts(few, "BFS", get_encoding("simple"), get_style("explain"))[0]
    unread = replace(records[0], prompt=asked["explain"][0].replace("Player BFS", "Player DFS"), answer=None)
    found = ask_plainly(nano, [*records, replace(records[0], prompt=hidden), unread])
    assert [move.prompt for move in found] == asked["explain"] + asked["explain-short"]
    assert "2 prompts that ask for reasons" in caplog.text
    player = ModelPlayer(nano, teacher="BFS", encoding=GRID, style=get_style("move"), max_new_tokens=8)
    assert [move.plain for move in found] == 2 * [{"move": answer.text} for answer in answers_to(player, few)]
    assert ask_plainly(nano, [record for record in records if record.prompt in asked["move"]]) == []


def test_an_evaluation_of_language_keeps_it_and_computes_it_again(nano: LoadedModel, tmp_path: Path) -> None:
    few = random_states(3, 4, 4, seed=1)
    records = [
        {"prompt": prompts(few, "BFS", GRID, get_style(style))[at], "completion": " U", "game": f"run/{at}"}
        for style in ("explain", "move")
        for at in range(3)
    ]
    result = evaluate_contestant(
        model_contestant(nano),
        tmp_path / "r",
        EvaluationSettings(width=4, height=4),
        measures=["language"],
        test_records=records,
        quiet=True,
    )
    assert result.explained is not None and result.explained["states"] == 3
    kept = load_explained(tmp_path / "r" / "explained.jsonl")
    assert explained_figures(kept) == result.explained
    save_lines(tmp_path / "r" / "explained.jsonl", kept[:2])
    again = recompute(tmp_path / "r")
    assert again.explained == explained_figures(kept[:2])
    assert json.loads((tmp_path / "r" / "explained.json").read_text())["figures"] == again.explained
    plain = evaluate_contestant(
        model_contestant(nano),
        tmp_path / "r",
        EvaluationSettings(width=4, height=4),
        measures=["language"],
        test_records=records[3:],
        quiet=True,
    )
    assert plain.explained is None and not list((tmp_path / "r").glob("explained.*"))  # of the other records


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "explained.jsonl"
    moves = explained()[:3]
    save_lines(path, moves)
    assert load_explained(path) == moves
    lines = path.read_text().splitlines()
    for change in ({"prompt": "Which way?"}, {"answer": None}, {"plain": {"wink": "U"}}, {"plain": 3}):
        path.write_text("\n".join([*lines[:2], json.dumps({**json.loads(lines[2]), **change})]) + "\n")
        with pytest.raises(UserError, match=r"explained\.jsonl, line 3"):
            load_explained(path)
    save_lines(path, [*moves[:2], replace(moves[2], plain={"move": " U"})])
    with pytest.raises(UserError, match=r"line 3: asked in other styles than line 1"):
        load_explained(path)
