"""How true a model's explanations are: answers that are right, wrong, beside the point, or no explanations at all."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest

from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.datasets.completions import explanations, parse_prompt
from serpentune.evaluation.language import MeasuredRecord, language_figures, language_metrics
from serpentune.game import random_states
from serpentune.models import LoadedModel
from serpentune.statistics import clustered_share
from serpentune.teachers import check_explanation, get, names

SIDE = 6


def explained(
    teacher: str, count: int, *, encoding: str = "grid", style: str = "explain", seed: int = 0
) -> list[MeasuredRecord]:
    """Records of a style that explains whose answers are the teacher's own words."""
    states = random_states(count, SIDE, SIDE, seed)
    short = get_style(style).short
    texts = explanations(states, get(teacher).moves(states).astype(np.uint8), teacher, short=short)
    asked = prompts(states, teacher, get_encoding(encoding), get_style(style))
    return [
        MeasuredRecord(prompt, text, text, limit=200, tokens=50, nll=1.0, right=50)
        for prompt, text in zip(asked, texts, strict=True)
        if text is not None
    ]


@pytest.mark.parametrize("teacher", names())
@pytest.mark.parametrize(("encoding", "style"), [("grid", "explain"), ("coordinates", "explain-short")])
def test_what_a_teacher_says_is_true(teacher: str, encoding: str, style: str) -> None:
    records = explained(teacher, 20, encoding=encoding, style=style)
    figures = language_figures(records)
    assert figures["explanations"] == len(records) > 0
    assert figures["explanation_truth"] == figures["explanation_faultless"] == figures["reference_truth"] == 1
    assert figures["explanation_claims"] == figures["reference_claims"] >= 2 * len(records)
    assert figures["explanation_unreadable"] == figures["explanation_missing"] == 0
    assert figures["explanation_truth_low"] is figures["explanation_truth_high"] is None
    assert "the same share" in figures["undefined"]["explanation_truth_low"]


def test_words_about_other_boards_are_as_true_as_the_checker_says() -> None:
    records = explained("BFS", 30)
    swapped = [replace(record, answer=other.answer) for record, other in zip(records, records[::-1], strict=True)]
    figures = language_figures(swapped)

    checks = []
    for record in swapped:
        _, board, _ = parse_prompt(record.prompt) or pytest.fail("no prompt of ours")
        state = get_encoding("grid").decode(board)
        checks.append(check_explanation(state, (record.answer or "").partition("\n")[2], get("BFS")))
    true, false = [len(check.true) for check in checks], [len(check.false) for check in checks]
    assert 0 < sum(true) < sum(true) + sum(false) == figures["explanation_claims"]
    assert figures["explanation_truth"] == pytest.approx(sum(true) / (sum(true) + sum(false)))
    assert figures["explanation_faultless"] == sum(not count for count in false) / len(records)
    expected = clustered_share(true, np.add(true, false), np.random.default_rng(0))
    low, high = figures["explanation_truth_low"], figures["explanation_truth_high"]
    assert expected.interval is not None and figures["methods"]["explanation_truth"].endswith("over explanations")
    assert (low, high) == (expected.interval.low, expected.interval.high)
    assert low < figures["explanation_truth"] < high
    assert figures["reference_truth"] == 1  # the records' own words still stand with their boards
    json.dumps(figures, allow_nan=False)
    assert (
        language_figures(random.Random(0).sample(swapped, len(swapped)))["explanation_truth"]
        == figures["explanation_truth"]
    )


def test_explanations_of_one_game_are_drawn_together() -> None:
    told = explained("BFS", 80)
    right, wrong = told[:40], told[40:]
    swapped = right + [replace(one, answer=other.answer) for one, other in zip(wrong, wrong[::-1], strict=True)]
    of_games = [replace(record, game=f"run/{place // 4}") for place, record in enumerate(swapped)]
    alone, together = language_figures(swapped), language_figures(of_games)
    assert together["methods"]["explanation_truth"].endswith("over games")
    assert together["explanation_truth"] == alone["explanation_truth"]
    widths = [found["explanation_truth_high"] - found["explanation_truth_low"] for found in (alone, together)]
    assert widths[0] < widths[1]
    assert language_figures(of_games[::-1]) == together
    one_without = [replace(of_games[0], game=None), *of_games[1:]]
    assert language_figures(one_without)["explanation_truth_low"] == alone["explanation_truth_low"]


def test_claims_are_pooled_and_chatter_counts_neither_way() -> None:
    first, second, third, fourth = explained("BFS", 4)
    wrong = "BFS plays UP because the apple at (99, 99) is good."
    figures = language_figures(
        [
            replace(first, answer=f"{first.answer} I like apples."),
            replace(second, answer=f" U\n{wrong} Who knows?"),  # nothing that the checker can read
            replace(third, answer=" U"),
            replace(fourth, answer=""),
        ]
    )
    assert (figures["explanations"], figures["explanation_missing"]) == (4, 2)
    assert figures["explanation_unreadable"] == 3
    assert figures["explanation_truth"] == figures["explanation_faultless"] == 1  # of the one that makes claims


def test_an_explanation_that_nobody_asked_for_counts_where_it_makes_a_claim() -> None:
    told = explained("BFS", 6)
    states = random_states(6, SIDE, SIDE, 0)
    asked = prompts(states, "BFS", get_encoding("grid"), get_style("plan"))
    plans = [replace(record, prompt=prompt, completion=" U R") for record, prompt in zip(told, asked, strict=True)]
    figures = language_figures([*plans[:4], *(replace(plan, answer=" U, R and so on") for plan in plans[4:])])
    assert (figures["explanations"], figures["explanation_truth"]) == (4, 1)
    assert figures["explanation_unreadable"] == 0
    assert figures["reference_truth"] is None


def test_there_is_a_reason_where_there_is_nothing_to_check() -> None:
    records = explained("BFS", 3)
    mute = language_figures([replace(record, answer=" U") for record in records])
    assert mute["explanation_truth"] is mute["explanation_faultless"] is None
    assert mute["undefined"]["explanation_truth"] == "no explanation makes a claim that can be checked"

    hidden = language_figures(explained("BFS", 3, encoding="simple"))
    assert hidden["explanations"] == 0 and "don't show the state" in hidden["undefined"]["explanation_truth"]

    foreign = language_figures([replace(record, prompt="Which way?") for record in records])
    assert "no prompt asks for an explanation" in foreign["undefined"]["explanation_faultless"]

    # A teacher that is registered nowhere: what is said of the board alone is checked all the same.
    unknown = [replace(record, prompt=record.prompt.replace("Player BFS", "Player Jo")) for record in records]
    assert language_figures(unknown)["explanation_truth"] == 1


def test_a_model_is_judged_by_what_it_really_writes(nano: LoadedModel) -> None:
    records = [{"prompt": record.prompt, "completion": record.completion} for record in explained("BFS", 6)]
    figures = language_metrics(nano.model, nano.tokenizer, records, max_new_tokens=40)
    assert (figures["explanations"], figures["reference_truth"]) == (6, 1)
    assert figures["by_style"].keys() == {"explain"}
