"""The page in a real browser: it is quiet, can be used by keyboard, and fits any screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.opened import Opened
from tests.report.players import UNRULY

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


@pytest.mark.parametrize("width", [320, *(pytest.param(wider, marks=pytest.mark.slow) for wider in (768, 1440))])
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
