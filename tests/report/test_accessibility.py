"""Every page by the rules of axe, in light and dark, wide and narrow, with all that can be opened open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report.opened import Opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("kind", ["report", "dataset_page"])
def test_axe_finds_nothing_to_object_to(
    browser: Any, request: pytest.FixtureRequest, kind: str, colours: str, width: int
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe isn't installed: pip install '.[test]'"
    )
    path: Path = request.getfixturevalue(kind)
    opened = Opened(browser, path, viewport={"width": width, "height": 900}, color_scheme=colours)
    page = opened.ready() if kind == "report" else opened.page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = axe.Axe().run(page).response["violations"]
    assert [(rule["id"], [node["failureSummary"] for node in rule["nodes"]]) for rule in found] == []
    opened.context.close()
