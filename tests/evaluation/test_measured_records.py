"""What is kept of each record: answers as `generate` gives them, and a file from which every figure comes again."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import after_moves, get_encoding, get_style, prompts
from serpentune.evaluation.language import (
    MeasuredRecord,
    language_figures,
    language_metrics,
    load_records,
    measure_records,
    save_lines,
)
from serpentune.game import random_states
from serpentune.models import LoadedModel, prompt_ids
from serpentune.models.decoding import decode, greedy


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    """Prompts of three styles and two board sizes, and one that isn't ours, in mixed order."""
    asked = [
        (side, style, prompt)
        for side, style in ((4, "plan"), (6, "move"), (6, "explain"), (5, "plan"))
        for prompt in prompts(random_states(4, side, side, side), "BFS", get_encoding("grid"), get_style(style))
    ]
    own = [{"prompt": prompt, "completion": " U R U"[: 2 * (5 - side)] or " D"} for side, _, prompt in asked]
    return [*own[::2], {"prompt": "Which way?", "completion": "Up, I think."}, *own[1::2]]


@pytest.fixture(scope="module")
def measured(nano: LoadedModel, records: list[dict[str, str]]) -> list[MeasuredRecord]:
    return measure_records(nano.model, nano.tokenizer, records, max_new_tokens=12)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_answers_are_those_of_generate_one_by_one_at_every_batch_size(
    batch_size: int, nano: LoadedModel, records: list[dict[str, str]], measured: list[MeasuredRecord]
) -> None:
    ids = prompt_ids(nano.tokenizer, [record["prompt"] for record in records])
    rows = [greedy(nano.model, nano.tokenizer, [row], 12)[0] for row in ids]
    assert [record.answer for record in measured] == decode(nano.tokenizer, rows)
    assert [record.cut for record in measured] == [row[-1] != nano.tokenizer.eos_token_id for row in rows]
    assert len({len(row) for row in rows}) > 2
    again = measure_records(nano.model, nano.tokenizer, records, max_new_tokens=12, batch_size=batch_size)
    for one, other in zip(again, measured, strict=True):
        assert one.nll == pytest.approx(other.nll, abs=1e-4)
        assert replace(one, nll=0.0) == replace(other, nll=0.0)


def test_records_keep_their_order_and_their_words(
    records: list[dict[str, str]], measured: list[MeasuredRecord]
) -> None:
    assert [{"prompt": each.prompt, "completion": each.completion} for each in measured] == records


def test_a_style_alone_has_the_figures_that_stand_under_its_name(
    nano: LoadedModel, records: list[dict[str, str]], measured: list[MeasuredRecord]
) -> None:
    figures = language_figures(measured)
    assert list(figures["by_style"]) == ["explain", "move", "other", "plan"]
    assert sum(style["records"] for style in figures["by_style"].values()) == figures["records"] == len(records)
    plans = [record for record in records if record["prompt"].endswith("Moves:")]
    alone = language_metrics(nano.model, nano.tokenizer, plans, max_new_tokens=12)
    for name, value in figures["by_style"]["plan"].items():
        if name != "undefined":
            assert alone[name] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value)


def test_every_figure_comes_again_from_the_file(measured: list[MeasuredRecord], tmp_path: Path) -> None:
    odd = [
        replace(measured[0], nll=math.inf),
        replace(measured[1], nll=math.nan, answer="U\u2028\r\n\ud800"),
        MeasuredRecord("long", " U", None, 8),
    ]
    for kept in (measured, odd, odd[2:]):
        save_lines(tmp_path / "language.jsonl", kept)
        assert language_figures(load_records(tmp_path / "language.jsonl")) == language_figures(kept)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"right": 99}, "counts of tokens are impossible"),
        ({"tokens": -1}, "counts of tokens are impossible"),
        ({"prompt": 3}, "is no text"),
        ({"nll": "much"}, "likelihood is no number"),
        ({"extra": 1}, "has not the fields"),
    ],
)
def test_a_damaged_line_is_named(
    change: dict[str, object], answer: str, measured: list[MeasuredRecord], tmp_path: Path
) -> None:
    path = tmp_path / "language.jsonl"
    save_lines(path, measured[:2])
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{json.dumps(json.loads(second) | change)}\n")
    with pytest.raises(UserError, match=rf"language.jsonl, line 2: .*{answer}"):
        load_records(path)


def test_a_torn_or_missing_file_is_named(measured: list[MeasuredRecord], tmp_path: Path) -> None:
    path = tmp_path / "language.jsonl"
    with pytest.raises(UserError, match="can't be read"):
        load_records(path)
    save_lines(path, measured[:2])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match="line 2"):
        load_records(path)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (" U\nBFS plays UP, from (1, 2).", "BFS plays UP, from (1, 2)."),
        ("U, R,DOWN  left: done", "left: done"),
        (" U R U", ""),
        ("", ""),
        ("\u00a0up , because", "because"),
        ("I go up", "I go up"),
    ],
)
def test_what_stands_behind_the_moves(text: str, rest: str) -> None:
    assert after_moves(text) == rest
