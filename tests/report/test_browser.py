"""The page in a real browser: it replays by the rules, can be used by keyboard, and fits any screen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.evaluation.results import EvaluationResult
from serpentune.game import states_before
from serpentune.report import write_report
from tests.report.opened import Opened
from tests.report.players import UNRULY, greedy, play, walk

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    result = Opened(browser, report, viewport={"width": 1280, "height": 900})
    result.ready()
    yield result
    assert result.complaints == []
    result.context.close()


def test_page_is_quiet_and_alone(opened: Opened, report: Path) -> None:
    opened.page.click("#last")
    outside = [url for url in opened.requests if not url.startswith(("data:", "blob:")) and url != report.as_uri()]
    assert outside == []
    assert opened.page.evaluate("window.alert.toString()").count("native code") == 1
    assert UNRULY in opened.text("h1") and UNRULY in opened.page.title()


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
    opened = Opened(browser, write_report([wide, tall], tmp_path / "r.html", title="t"))
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


def test_tables_sort_and_keep_what_is_missing_last(opened: Opened) -> None:
    page = opened.page
    names = "Array.from(document.querySelectorAll('#models table tbody'))[%d].innerText"
    page.click("#models table >> nth=0 >> button:has-text('Mean score')")
    assert page.evaluate(names % 0).startswith("cycle")
    page.click("#models table >> nth=0 >> button:has-text('Mean score')")
    assert page.evaluate(names % 0).startswith(UNRULY)
    page.click("#models table >> nth=1 >> button:has-text('Perplexity')")
    assert page.evaluate(names % 1).startswith("greedy")
    page.click("#models table >> nth=1 >> button:has-text('Perplexity')")
    assert page.evaluate(names % 1).startswith("greedy")


def test_tables_say_by_which_column_they_are_sorted_and_sort_by_keyboard(opened: Opened) -> None:
    page = opened.page
    head = page.locator("#lengths .scroll:not(details .scroll) >> nth=0 >> th >> nth=1")
    assert head.get_attribute("aria-sort") is None
    head.locator("button").focus()
    for order in ("descending", "ascending"):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == order
    page.locator("#lengths .scroll:not(details .scroll) >> nth=0 >> th >> nth=0 >> button").press("Space")
    assert head.get_attribute("aria-sort") is None


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_no_screen_scrolls_sideways(browser: Any, report: Path, width: int) -> None:
    opened = Opened(browser, report, viewport={"width": width, "height": 800})
    page = opened.ready()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = "e => { const b = e.getBoundingClientRect(); return b.left >= 0 && b.right <= innerWidth + 0.5 }"
    for part in ("#stage .board", "#last", "#position", "figure .plot", "h1", "pre"):
        assert page.locator(part).first.evaluate(inside), part


def test_colours_follow_the_system_and_the_button(browser: Any, report: Path) -> None:
    opened = Opened(browser, report, color_scheme="dark")
    page = opened.ready()

    def brightness() -> int:
        colours = re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
        return sum(map(int, colours[:3]))

    assert brightness() < 150
    page.click("#theme")
    assert brightness() > 600
    page.emulate_media(color_scheme="dark", media="print")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert brightness() > 600


def test_without_javascript_charts_tables_and_a_last_frame_are_there(browser: Any, report: Path) -> None:
    opened = Opened(browser, report, java_script_enabled=False)
    page = opened.page
    assert page.is_visible("#still svg.board") and page.is_hidden("#player")
    assert page.locator("svg.plot circle.estimate").count() >= 3
    assert page.is_visible("#models table") and page.is_hidden("#theme")
    assert page.locator("#models polygon.band").count() == 3 and page.is_visible("#lengths polygon.band")
    assert page.locator("#training circle.estimate, #training polyline.curve").count() == 2


def test_controls_and_charts_have_names(opened: Opened) -> None:
    unnamed = opened.page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, svg[role=img], section, [tabindex]')]
            .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim()
                || e.closest('label')))
            .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []


def test_page_is_ready_within_a_second(browser: Any, report: Path) -> None:
    opened = Opened(browser, report)
    opened.ready()
    assert opened.page.evaluate("performance.now()") < 5_000
    assert opened.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") < 1_000


@pytest.fixture
def opened_dataset(browser: Any, dataset_page: Path) -> Iterator[Opened]:
    result = Opened(browser, dataset_page, viewport={"width": 1280, "height": 900})
    yield result
    assert result.complaints == []
    result.context.close()


def test_a_data_set_s_page_is_quiet_and_its_parts_have_names(opened_dataset: Opened, dataset_page: Path) -> None:
    outside = [url for url in opened_dataset.requests if not url.startswith("data:") and url != dataset_page.as_uri()]
    assert outside == []
    assert UNRULY in opened_dataset.text("h1")
    unnamed = opened_dataset.page.evaluate(
        """() => [...document.querySelectorAll('button, svg[role=img], section, [tabindex]')]
            .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim()))
            .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []


def test_a_data_set_s_tables_sort_by_keyboard(opened_dataset: Opened) -> None:
    page = opened_dataset.page
    page.locator("#records table >> nth=0 >> button:has-text('train')").focus()
    page.keyboard.press("Enter")
    rows = page.evaluate("[...document.querySelectorAll('#records table')[0].tBodies[0].rows].map((r) => r.innerText)")
    assert [UNRULY in row for row in rows] == [False, False, True]
    page.keyboard.press("Enter")
    rows = page.evaluate("[...document.querySelectorAll('#records table')[0].tBodies[0].rows].map((r) => r.innerText)")
    assert UNRULY in rows[0]


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_a_data_set_s_page_fits_any_screen(browser: Any, dataset_page: Path, width: int) -> None:
    page = Opened(browser, dataset_page, viewport={"width": width, "height": 800}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = "e => { const b = e.getBoundingClientRect(); return b.left >= 0 && b.right <= innerWidth + 0.5 }"
    for part in ("figure .plot", ".heat-board svg", ".heat-pair", "h1", "pre"):
        found = page.locator(part)
        assert all(found.nth(place).evaluate(inside) for place in range(found.count())), part


def test_a_data_set_s_charts_are_there_without_javascript(browser: Any, dataset_page: Path) -> None:
    page = Opened(browser, dataset_page, java_script_enabled=False, color_scheme="dark").page
    assert page.locator(".heat-board path.heat").count() > 10 and page.locator("svg.plot rect.bar").count() > 10
    for part in ("#agreement table", "#tokens svg.plot", "#positions svg"):
        assert page.locator(part).first.is_visible()
    assert page.is_hidden("#theme")
