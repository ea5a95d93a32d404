"""Make the pictures of the README and the docs from pages.

    python scripts/make_pictures.py output/demo/report.html docs/images
    python scripts/make_pictures.py --dataset output/dataset.html docs/images

Needs Playwright (`make setup`) and a Chromium on the PATH.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

OFFLINE = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")


def report(page: Page, section: str, width: int, height: int, target: Path) -> None:
    """The page from a section on."""
    page.set_viewport_size({"width": width, "height": height})
    page.locator(section).evaluate("part => scrollTo({top: part.offsetTop, behavior: 'instant'})")
    page.screenshot(path=target)


def replay(page: Page, left: str, right: str, seed: str, step: int, target: Path) -> None:
    """Two models side by side after `step` moves of one game."""
    page.select_option("#left", label=left)
    page.select_option("#right", label=right)
    entry = page.locator("#seed option", has_text=f"{seed} (").first
    page.select_option("#seed", value=entry.get_attribute("value"))
    page.locator("#position").evaluate(
        "(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input', {bubbles: true})); }", step
    )
    page.locator("#stage").screenshot(path=target)


def dataset(page: Page, target: Path) -> None:
    """The page about a data set from the heat maps of positions to the agreement of players."""
    page.set_viewport_size({"width": 1100, "height": 1160})
    page.locator("#positions").evaluate("section => scrollTo({top: section.offsetTop, behavior: 'instant'})")
    page.screenshot(path=target)


def main() -> None:
    """Parse, open the report, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, nargs="?")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--left", default="untuned")
    parser.add_argument("--right", default="LoRA")
    parser.add_argument("--seed", default="1000040", help="game seed of the replay")
    parser.add_argument("--step", type=int, default=165, help="moves played in the picture")
    parser.add_argument("--dataset", type=Path, metavar="PAGE", help="a page of `serpentune dataset report`")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OFFLINE))
        if options.report is not None:
            page = browser.new_page(color_scheme="light", device_scale_factor=1.5)
            dark = browser.new_page(color_scheme="dark", device_scale_factor=1)
            for each in (page, dark):
                each.goto(options.report.resolve().as_uri())
                each.locator("#player").wait_for(state="visible")
            report(page, "body", 1000, 1480, options.folder / "report.png")
            report(dark, "#lengths", 1000, 1300, options.folder / "report-dark.png")
            report(dark, "#comparisons", 320, 900, options.folder / "report-narrow.png")
            replay(page, options.left, options.right, options.seed, options.step, options.folder / "replay.png")
        if options.dataset is not None:
            page = browser.new_page(color_scheme="light", device_scale_factor=1.2)
            page.goto(options.dataset.resolve().as_uri())
            dataset(page, options.folder / "dataset.png")
        browser.close()


if __name__ == "__main__":
    main()
