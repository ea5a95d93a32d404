"""Replays in a real browser: they go by the rules, two in step, and are found, shared and read out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from serpentune.evaluation.judging import fatal_moves
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import DIRECTIONS, Ending, states_before
from serpentune.report import write_report
from serpentune.report._duels import first_difference, opening_duel
from tests.report.opened import Opened
from tests.report.players import UNRULY, greedy, play, walk

pytestmark = pytest.mark.browser

WIDE = {"width": 1280, "height": 900}


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    """The session's report on its first game, at its first move."""
    result = Opened(browser, report, viewport=WIDE)
    page = result.ready()
    page.select_option("#seed", index=0)
    yield result
    assert result.complaints == []
    result.context.close()


@pytest.fixture(scope="module")
def told(results: list[EvaluationResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which the greedy player's first games carry chances."""
    rng = np.random.default_rng(0)
    chances = {
        game.record.seed or 0: (0.9 * rng.dirichlet(np.ones(4), len(game.record.moves))).astype(np.float32)
        for game in results[1].games[:30]
    }
    shown = [results[0], replace(results[1], top_moves=chances), results[2]]
    return write_report(shown, tmp_path_factory.mktemp("told") / "r.html", title="t")[0]


def replayed(page: Any) -> list[list[list[Any]]]:
    """(score, steps, ending, complete) of every embedded game as the page's own rules play it."""
    found = page.evaluate(
        """async () => {
            const player = await Page.ready;
            return player.rows.map(([seed, games], row) => games.map((game, model) => {
                if (!game) return null;
                const played = player.replay(row, model);
                return [seed, played.score, played.steps, played.ending, played.complete];
            }));
        }"""
    )
    assert isinstance(found, list)
    return found


def test_every_replay_ends_as_its_record(opened: Opened, results: list[EvaluationResult]) -> None:
    rows = replayed(opened.page)
    for model, result in enumerate(results):
        for row, game in zip(rows, result.games, strict=True):
            record = game.record
            assert row[model] == [str(record.seed), record.score, record.steps, record.ending.name, True]


def test_every_state_of_a_replay_is_the_rules_state(opened: Opened, results: list[EvaluationResult]) -> None:
    for model, result in enumerate(results):
        record = result.games[5].record
        states = states_before(record, np.arange(len(record.moves) + 1))
        shown = opened.page.evaluate(
            """async (model) => {
                const played = (await Page.ready).replay(5, model);
                return played.frames.map((_, at) => {
                    const state = Rules.stateAt(played, at);
                    return [state.body, state.apple, state.direction];
                });
            }""",
            model,
        )
        expected = [[list(s.body), s.apple, -1 if s.direction is None else int(s.direction)] for s in states]
        assert shown == expected


def test_other_boards_sentinels_giving_up_and_large_seeds_replay(browser: Any, tmp_path: Path) -> None:
    seeds = [3, 2**64 - 1, 2**53 + 1]
    wide = play(tmp_path / "wide", "wide", walk, seeds, (9, 5))
    line = {"seed": 11, "grid": [9, 5], "score": 0, "steps": 3, "end": "NO_PATH_FOUND", "moves": "EUIN", "apples": [0]}
    line |= {"answers": 4, "invalid": {}, "agreed": 0, "asked": 0, "ms": 1.0}
    with (tmp_path / "wide" / "games.jsonl").open("a") as stream:
        stream.write(json.dumps(line) + "\n")
    wide = EvaluationResult.load(tmp_path / "wide")
    tall = play(tmp_path / "tall", "tall", greedy, seeds, (4, 7))
    opened = Opened(browser, write_report([wide, tall], tmp_path / "r.html", title="t")[0])
    rows = {row[0][0]: row for row in replayed(opened.ready())}
    for model, result in enumerate((wide, tall)):
        for game in result.games:
            record = game.record
            assert rows[str(record.seed)][model] == [
                str(record.seed),
                record.score,
                record.steps,
                record.ending.name,
                True,
            ]
    assert rows["11"][1] is None
    assert opened.page.locator("#seed option").count() == 3
    opened.page.select_option("#right", "")
    assert opened.page.locator("#seed option").count() == 4
    opened.page.select_option("#seed", label="11 (0)")
    assert "next unreadable answer" in opened.text("#side-left .player-step")
    opened.page.click("#last")
    assert "gave up" in opened.text("#side-left .player-step")
    assert opened.complaints == []


def test_controls_move_both_sides_in_step(opened: Opened, results: list[EvaluationResult]) -> None:
    page = opened.page
    first, second = results[0].games[0].record, results[1].games[0].record
    end = max(len(first.moves), len(second.moves))
    assert opened.text("#step") == f"0 of {end}"
    page.click("#forward")
    page.click("#forward")
    page.click("#back")
    assert opened.text("#step") == f"1 of {end}"
    page.click("#last")
    assert opened.text("#side-left .player-score") == f"score {first.score}"
    assert opened.text("#side-right .player-score") == f"score {second.score}"
    page.click("#differ")
    differ = next(at for at in range(end) if first.moves[at : at + 1] != second.moves[at : at + 1])
    assert opened.text("#step") == f"{differ} of {end}"
    page.locator("#position").fill("2")
    assert opened.text("#step") == f"2 of {end}"
    page.click("#side-right .quiet")
    assert opened.text("#step") == f"{len(second.moves)} of {end}"
    page.select_option("#right", "2")
    page.click("#next-seed")
    assert page.evaluate("document.getElementById('seed').selectedOptions[0].text").startswith("1001 ")


def test_keyboard_plays_steps_and_jumps(opened: Opened) -> None:
    page = opened.page
    end = int(opened.text("#step").split(" of ")[1])
    page.focus("#stage")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert opened.text("#step") == f"1 of {end}"
    page.keyboard.press("End")
    assert opened.text("#step") == f"{end} of {end}"
    page.keyboard.press("Home")
    page.select_option("#speed", "80")
    page.focus("#stage")
    page.keyboard.press("Space")
    assert opened.text("#play") == "Pause"
    page.locator("#play:text-is('Play')").wait_for()
    assert opened.text("#step") == f"{end} of {end}"
    assert page.evaluate("scrollX") == 0


def test_games_can_be_found_by_who_did_better(opened: Opened, results: list[EvaluationResult]) -> None:
    page = opened.page
    page.select_option("#filter", "right")
    better = int((results[1].scores > results[0].scores).sum())
    assert page.locator("#seed option").count() == better
    page.select_option("#right", "2")
    page.select_option("#filter", "right-wins")
    assert page.locator("#seed option").count() == int((results[2].wins & ~results[0].wins).sum())
    page.select_option("#filter", "left-wins")
    assert page.is_visible("#no-games") and page.is_hidden("#stage")


def pair(results: list[EvaluationResult], seed: int, *models: int) -> list[Any]:
    """The records of a seed's games."""
    return [next(game.record for game in results[model].games if game.record.seed == seed) for model in models]


def test_it_begins_where_the_first_duel_parts_and_says_so(
    browser: Any, report: Path, results: list[EvaluationResult]
) -> None:
    opened = Opened(browser, report, viewport=WIDE)
    opened.ready()
    duel = opening_duel(results)
    assert duel is not None and duel.at is not None
    left, right = pair(results, duel.seed, 0, 1)
    assert opened.text("#step") == f"{duel.at} of {max(len(left.moves), len(right.moves))}"
    words = opened.text("#caption")
    assert (
        words.startswith(f"Move {duel.at + 1}: {UNRULY} ") and ", greedy goes " in words and "Here they part" in words
    )
    assert words in opened.page.inner_text("#status")


def test_keys_jump_to_the_difference_and_from_fatal_move_to_fatal_move(
    browser: Any, report: Path, results: list[EvaluationResult]
) -> None:
    fatal = {
        game.record.seed: places for game, places in zip(results[1].games, fatal_moves(results[1].games), strict=True)
    }
    seed = next(seed for seed, places in fatal.items() if len(places) > 1)
    opened = Opened(browser, report, viewport=WIDE, at=f"#duel=cycle,greedy,{seed},0")
    page = opened.ready()
    cycle, eater = pair(results, seed, 2, 1)
    end = max(len(cycle.moves), len(eater.moves))
    page.keyboard.press("d")
    assert opened.text("#step") == f"{first_difference(cycle, eater)} of {end}"
    page.keyboard.press("Home")
    for key, place in zip("fF" * len(fatal[seed]), [*fatal[seed], fatal[seed][0]], strict=False):
        page.keyboard.press(key)
        assert opened.text("#step") == f"{place} of {end}"
        assert "greedy’s move is fatal" in opened.text("#caption")
        assert page.locator("#side-right .board-next.is-fatal").count() == 1
    page.click("#fatal")
    assert opened.text("#step") == f"{fatal[seed][1]} of {end}"
    assert page.locator("#marks .mark-fatal").count() == len(fatal[seed])
    page.keyboard.press("End")
    death = "hit itself" if eater.ending == Ending.SELF else "hit a wall"
    assert opened.text("#caption") == (
        f"cycle filled the board at step {cycle.steps}; greedy {death} at step {eater.steps}."
    )


def test_the_one_that_ended_stays_at_its_last_board(opened: Opened, results: list[EvaluationResult]) -> None:
    page = opened.page
    page.select_option("#left", "1")
    page.select_option("#right", "2")
    eater, cycle = pair(results, 1000, 1, 2)
    assert len(eater.moves) < len(cycle.moves)
    page.locator("#position").fill(str(len(eater.moves)))
    before = page.inner_html("#side-left .board")
    page.click("#forward")
    assert page.inner_html("#side-left .board") == before
    assert f"step {eater.steps}, hit" in opened.text("#side-left .player-step")
    assert f"step {len(eater.moves) + 1}" in opened.text("#side-right .player-step")
    assert f"greedy hit itself at step {eater.steps}, cycle goes " in opened.text("#caption")


def test_a_link_opens_a_moment_whatever_the_models_are_called(browser: Any, report: Path) -> None:
    opened = Opened(browser, report, viewport=WIDE, at=f"#duel={quote(UNRULY, safe='')},cycle,1003,7")
    page = opened.ready()
    assert opened.text("#step").startswith("7 of ")
    assert opened.text("#side-left .player-name") == UNRULY and opened.text("#side-right .player-name") == "cycle"
    page.keyboard.press("ArrowRight")
    address = page.get_attribute("#link", "href")
    page.click("#link")
    assert opened.text("#step").startswith("8 of ")
    again = Opened(browser, report, viewport=WIDE, at=address)
    again.ready()
    for selector in ("#step", "#caption", "#seed option:checked"):
        assert again.page.text_content(selector) == page.text_content(selector)
    assert opened.complaints == again.complaints == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [("\u202emodel", r"\u202emodel"), pytest.param("half \ud800", r"half \ud800", marks=pytest.mark.slow)],
)
def test_marks_in_a_name_are_shown_and_turn_or_break_nothing(
    browser: Any, results: list[EvaluationResult], tmp_path: Path, name: str, shown: str
) -> None:
    pair = [replace(results[0], name=name), results[2]]
    opened = Opened(browser, write_report(pair, tmp_path / "r.html", title="t")[0], viewport=WIDE)
    page = opened.ready()
    assert shown in opened.text("#caption") and opened.text("#side-left .player-name") == shown
    assert page.text_content("#left option") == shown
    again = Opened(browser, tmp_path / "r.html", viewport=WIDE, at=page.get_attribute("#link", "href"))
    again.ready()
    assert again.text("#caption") == opened.text("#caption")
    assert opened.complaints == again.complaints == []


def test_an_address_of_no_game_changes_nothing(browser: Any, report: Path) -> None:
    opened = Opened(browser, report, viewport=WIDE, at="#duel=nobody,cycle,1003")
    page = opened.ready()
    first = opened.text("#caption")
    assert opened.text("#side-right .player-name") == "greedy" and "Here they part" in first
    for address in ("#duel=greedy,cycle,7", "#duel=%,cycle,1003", "#duel=", "#duel=greedy", "#replays"):
        page.evaluate("address => { location.hash = address }", address)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        assert opened.text("#caption") == first
    page.evaluate("location.hash = '#duel=greedy,,1004'")
    page.wait_for_selector("#side-right[hidden]", state="attached")
    assert opened.text("#side-left .player-name") == "greedy"
    assert opened.complaints == []


def test_games_that_one_wins_and_the_other_loses_are_listed(opened: Opened, results: list[EvaluationResult]) -> None:
    page = opened.page
    page.select_option("#left", "1")
    page.select_option("#right", "2")
    lost = [game.record for game in results[1].games if game.record.ending != Ending.WIN]
    lists = page.locator("#duels .duel-list")
    assert lists.nth(0).inner_text().startswith("Where greedy wins and cycle dies: no game")
    assert f": {len(lost)} games" in lists.nth(1).locator("h3").inner_text()
    links = lists.nth(1).locator("a")
    assert links.all_inner_texts() == [str(record.seed) for record in lost]
    links.nth(2).click()
    page.wait_for_selector("#stage:focus")
    assert page.text_content("#seed option:checked").startswith(f"{lost[2].seed} ")
    assert opened.text("#step").startswith(f"{first_difference(lost[2], pair(results, lost[2].seed or 0, 2)[0])} of ")
    assert f"score {lost[2].score}" in lists.nth(1).locator("li").nth(2).inner_text()


def test_where_nobody_wins_the_largest_leads_are_listed(browser: Any, tmp_path: Path) -> None:
    weak = [play(tmp_path / name, name, choose, range(12), (8, 8)) for name, choose in (("w", walk), ("g", greedy))]
    opened = Opened(browser, write_report(weak, tmp_path / "r.html", title="t")[0], viewport=WIDE)
    page = opened.ready()
    listed = page.locator("#duels .duel-list").nth(1)
    assert "g is furthest ahead in:" in listed.inner_text()
    leads = weak[1].scores - weak[0].scores
    best = weak[1].seeds[int(leads.argmax())]
    assert listed.locator("a").count() == min(8, int((leads > 0).sum()))
    assert leads[weak[1].seeds.index(int(listed.locator("a").first.inner_text()))] == leads[weak[1].seeds.index(best)]


def test_bars_show_what_the_model_gives_each_move(browser: Any, told: Path, results: list[EvaluationResult]) -> None:
    opened = Opened(browser, told, viewport=WIDE, at="#duel=greedy,cycle,1002,3")
    page = opened.ready()
    bars = page.locator("#side-left .share-row")
    shares = [float(value.removesuffix("%")) for value in page.locator("#side-left .share-value").all_inner_texts()]
    assert bars.count() == 4 and sum(shares) == pytest.approx(90, abs=0.5)
    assert "something else 10" in opened.text("#side-left .duel-thought")
    record = pair(results, 1002, 1)[0]
    chosen = page.locator("#side-left .share-row.chosen .share-name").inner_text()
    assert chosen.endswith(DIRECTIONS[record.moves[3]].name.lower())
    assert page.locator("#side-right .share-row").count() == 0
    assert opened.text("#side-right .duel-thought") == "Its top moves were not kept."
    page.select_option("#seed", index=35)
    assert opened.text("#side-left .duel-thought") == "Its top moves were not kept."
    assert opened.complaints == []


def test_on_a_narrow_screen_boards_stand_below_each_other_and_controls_stay_in_sight(browser: Any, told: Path) -> None:
    opened = Opened(browser, told, viewport={"width": 320, "height": 640}, at="#duel=greedy,cycle,1002,3")
    page = opened.ready()
    tops = page.evaluate("[...document.querySelectorAll('#stage .board')].map((e) => e.getBoundingClientRect().top)")
    assert tops[1] > tops[0] + 200
    page.evaluate("document.getElementById('side-left').scrollIntoView({behavior: 'instant', block: 'start'})")
    box = page.locator("#play").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 640
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
