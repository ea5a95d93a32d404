"""Each command, option and class on the page about the description is there."""

from __future__ import annotations

import importlib
import importlib.util
import re

import pytest
import typer

from serpentune.cli._app import app
from tests.documents.blocks import ROOT

PAGE = ROOT / "docs" / "from-the-description.md"
CODE = re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8"))
PACKAGES = [
    importlib.import_module(name)
    for name in (
        "serpentune.comparison", "serpentune.datasets", "serpentune.evaluation", "serpentune.models",
        "serpentune.pipeline", "serpentune.training", "extensions.common",
    )
]  # fmt: skip


def _commands(group: typer.core.TyperGroup, before: str = "") -> dict[str, typer.core.TyperCommand]:
    found = {}
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            found |= _commands(command, f"{before}{name} ")
        else:
            found[f"{before}{name}"] = command
    return found  # type: ignore[return-value]


COMMANDS = _commands(typer.main.get_command(app))  # type: ignore[arg-type]


def _options(command: typer.core.TyperCommand) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("text", [text for text in CODE if text.startswith("serpentune ")])
def test_a_command_is_there_with_its_options(text: str) -> None:
    words = text.removeprefix("serpentune ")
    (name,) = [name for name in COMMANDS if re.match(rf"{re.escape(name)}( |$)", words)]
    assert set(re.findall(r"--[\w-]+", text)) <= _options(COMMANDS[name])


@pytest.mark.parametrize("text", [text for text in CODE if text.startswith("--")])
def test_an_option_is_there(text: str) -> None:
    assert any(text.split(maxsplit=1)[0] in _options(command) for command in COMMANDS.values())


@pytest.mark.parametrize("text", sorted({text for text in CODE if re.match(r"[A-Z][a-z]?\w*[a-z]\w*(\.\w+)?$", text)}))
def test_a_class_is_there_with_what_is_named_of_it(text: str) -> None:
    name, _, member = text.partition(".")
    found = next((getattr(package, name) for package in PACKAGES if hasattr(package, name)), None)
    assert found is not None
    assert not member or hasattr(found, member)


@pytest.mark.parametrize("text", [text for text in CODE if text.startswith("python -m ")])
def test_a_module_is_there(text: str) -> None:
    assert importlib.util.find_spec(text.removeprefix("python -m ")) is not None


def test_make_s_commands_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for text in CODE:
        if text.startswith("make "):
            assert f"\n{text.removeprefix('make ')}: " in makefile


def test_the_patterns_that_it_names_are_where_the_architecture_says() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Where the patterns are")[1]
    named = re.findall(r"^\| ([a-z ]+) \| (.*?) \|", table, re.MULTILINE)[1:]
    assert [pattern for pattern, _ in named] == [
        "template method", "strategy", "factory", "observer", "command", "facade"
    ]  # fmt: skip
    for pattern, where in named:
        places = [place for place in re.findall(r"`([\w.]+)`", where) if place != "TrainerCallback"]  # not ours
        assert places, pattern
        for place in places:
            _, *parts = f"serpentune.{place.removeprefix('serpentune.')}".split(".")
            found = importlib.import_module("serpentune")
            for part in parts:
                found = getattr(found, part, None) or importlib.import_module(f"{found.__name__}.{part}")
