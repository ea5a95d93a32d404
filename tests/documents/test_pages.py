"""Every code block of the README and the docs runs, or its page says why it can't; what is shown is readable."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from serpentune.cli._app import app
from tests.documents.blocks import PAGES, ROOT, SHELL, Block, blocks
from tests.documents.place import SMALLER, Place
from tests.evaluation.chat_server import plays_bfs, serving
from tests.hub_server import TOKEN, hub_environment

SHOWN = {"text", "yaml", "json", "toml"}
LEFT_OUT = 32
"""Lines and blocks that can't run in a test, at most, of all pages together; nine of them want a GPU."""

MAKES = {
    "README": ["logs", "output"],
    "comparison": ["output/sweep"],
    "datasets": ["output/mixture", "output/student"],
    "evaluation": ["output/evaluations"],
    "recipes": ["output/sweep"],
    "report-replays": ["output/evaluations"],
    "results": ["logs", "output/mixture", "output/student"],
    "training": ["logs", "output"],
}
"""What a page makes itself, and so is not there before."""

ALONE = {"environment"}
"""Pages whose Python blocks stand for themselves: Gymnasium looks for plugins when it is first imported."""

WITH_CODE = [page for page in PAGES if any(block.language not in SHOWN for block in blocks(page))]


def of_all_pages() -> list[Block]:
    return [block for page in PAGES for block in blocks(page)]


def test_every_block_has_a_language_by_which_it_is_run_or_read() -> None:
    for block in of_all_pages():
        assert block.language in {*SHELL, "python", *SHOWN}, f"{block.place}: write ```text for what is printed"
        if block.language == "yaml":
            assert isinstance(yaml.safe_load(block.text), dict), block.place
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)


def test_few_lines_are_left_out_and_each_says_why() -> None:
    marks = [(block.place, *mark) for block in of_all_pages() for mark in block.not_run.items()]
    assert len(marks) <= LEFT_OUT, marks
    assert all(len(why) > 10 for _, _, why in marks)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for place, heading in re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
        target = page.parent / place if place else page
        assert target.exists(), f"{page.name}: {place}"
        if heading and target.suffix == ".md":
            assert heading in _anchors(target), f"{page.name}: {place}#{heading}"


def _anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _commands(block: Block) -> list[str]:
    """What follows `serpentune` on each of a shell block's lines, whether or not it can run in a test."""
    return re.findall(r"(?:^|;|-m )\s*serpentune (.*)", "\n".join(block.commands), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    root = typer.main.get_command(app)
    for block in blocks(page):
        if block.language not in SHELL:
            continue
        for command in _commands(block):
            arguments = shlex.split(command.split("; done")[0], comments=True)
            parsed, name = root, "serpentune"
            while isinstance(parsed, typer.core.TyperGroup):
                context = parsed.make_context(name, list(arguments), resilient_parsing=True)
                name, arguments = arguments[0], arguments[1:]
                found = parsed.get_command(context, name)
                assert found is not None, f"{block.place}: no command {name!r}"
                parsed = found
            parsed.make_context(name, list(arguments))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a page has up to twenty commands, a process each
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_in_order(page: Path, folder: Path, hub: str, tmp_path: Path) -> None:
    variables = hub_environment(hub, tmp_path / "home", TOKEN)
    online = {name: value for name, value in variables.items() if name.startswith(("HF_", "TRANSFORMERS_"))}
    with serving(plays_bfs) as server:
        served = [(r"http://localhost:8000/v1", server.url)]
        place = Place(
            folder, tables=(SMALLER, served), environment={**online, "WANDB_MODE": "offline"}, alone=page.stem in ALONE
        )
        for made in MAKES.get(page.stem, ()):
            shutil.rmtree(folder / made)
        for block in blocks(page):
            if block.language not in SHOWN:
                place.run(block)
