"""How big a report is, how long it takes to write, and how soon it stands in a browser.

    python benchmarks/report.py [--quick] [--json]

Five teachers play 200 games each on 10x10, every one on its own seeds, since games of one seed pack better. What is
timed is `write_report` without comparisons, then the opening of the page in headless Chromium from the disk, up to the
end of `DOMContentLoaded` and until the replays can be used: the median of five openings, each in a new context. Without
a Chromium on PATH only the file is measured.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say, seconds
from serpentune import teachers
from serpentune.evaluation import EvaluationResult, GameResult
from serpentune.report import write_report

SIDE = 10
PLAYERS = ("BFS", "DFS", "ASTAR", "HAMILTONIAN", "HAMILTONIAN-SHORTCUT")
OPENINGS = 5
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
READY = "#player:not([hidden])"


def evaluations(games: int) -> list[EvaluationResult]:
    """Games of each player; what a manifest and files beside them would add is a few kB."""
    found = []
    for place, name in enumerate(PLAYERS):
        records = teachers.play(teachers.get(name), range(games * place, games * (place + 1)), SIDE, SIDE)
        played = tuple(GameResult(record, record.steps, {}, ms=1.0) for record in records)
        found.append(EvaluationResult(f"{name}, seeds from {games * place}", {"name": name}, played, None, None))
    return found


def openings(page: Path, chromium: str) -> Iterator[tuple[float, float]]:
    """Milliseconds of each opening: to the end of `DOMContentLoaded`, and until the replays can be used."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        for _ in range(OPENINGS + 1):  # the first one starts the browser's processes
            context = browser.new_context(offline=True)
            opened = context.new_page()
            opened.goto(page.as_uri())
            opened.wait_for_selector(READY)
            yield (
                opened.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"),
                opened.evaluate("performance.now()"),
            )
            context.close()
        browser.close()


def measure(quick: bool) -> Iterator[Figure]:
    games = 40 if quick else 200
    results = evaluations(games)
    subject = f"{len(results)} models, {games} games each, {SIDE}x{SIDE}"
    with TemporaryDirectory(prefix="benchmark-") as name:
        page = Path(name) / "report.html"
        for each in results:
            assert each.play  # the figures are the evaluation's work, which a results folder holds
        write_report(results[:1], page, title="warm-up")
        taken = median(seconds(lambda: write_report(results, page, title="Benchmark")) for _ in range(3))
        yield Figure(subject, "size of the page", page.stat().st_size / 1000, "kB", "lower", 1000.0)
        yield Figure(subject, "time to write it", taken, "s", "lower")
        chromium = next((path for each in CHROMIUM if (path := shutil.which(each))), None)
        if chromium is None:
            say(f"no Chromium: none of {', '.join(CHROMIUM)} is on PATH, so the page isn't opened")
            return
        loaded, ready = zip(*list(openings(page, chromium))[1:], strict=True)
        yield Figure(subject, "page loaded in Chromium, median of 5", median(loaded) / 1000, "s", "lower", 1.0)
        yield Figure(subject, "replays ready in Chromium, median of 5", median(ready) / 1000, "s", "lower", 1.0)


if __name__ == "__main__":
    run(__doc__ or "", measure)
