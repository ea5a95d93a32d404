"""Help pages: there for every command, quick, 80 columns wide, and true."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from serpentune.pipeline import MultiDatasetConfig
from serpentune.training import AdvancedTrainingConfig
from tests.cli.calls import environment, process, serpentune

COMMANDS = [
    ["demo"], ["run"], ["teachers"], ["watch"], ["generate"], ["logs"], ["logs", "check"], ["dataset"],
    ["dataset", "build"], ["dataset", "validate"], ["dataset", "migrate"],
    ["dataset", "export"], ["dataset", "push"], ["dataset", "pull"],
    ["dataset", "inspect"], ["dataset", "report"], ["config"], ["config", "template"], ["config", "validate"],
    ["train"], ["improve"], ["evaluate"], ["plan"], ["compare"], ["ablate"], ["report"], ["export"],
]  # fmt: skip
HEAVY = ("torch", "transformers", "numba", "scipy", "pandas", "numpy", "pyarrow", "datasets", "gymnasium", "PIL")


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_page(command: list[str], flag: str) -> None:
    page = serpentune(*command, flag)
    assert page.code == 0 and page.err == ""
    assert page.out.startswith(f"Usage: {' '.join(['serpentune', *command])} ")
    _, _, body = page.out.partition("\n")
    text, _, _ = page.out.partition("\nExamples:")
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"list\[|<\w+>|\.\.\.$", body, re.MULTILINE), "a type's name or a text that was cut off"
    assert "\N{NO-BREAK SPACE}" not in page.out and "default: (" not in page.out


def test_commands_stand_in_the_order_of_the_work() -> None:
    page = serpentune("--help").out
    names = re.findall(r"^  (\w+)  ", page.split("Commands:")[1].split("\n\n")[0], re.MULTILINE)
    assert names == [
        "demo", "run", "teachers", "watch", "generate", "logs", "dataset", "config", "train", "improve", "evaluate",
        "plan", "compare", "ablate", "report", "export",
    ]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_examples_can_be_parsed(command: list[str]) -> None:
    _, _, examples = serpentune(*command, "-h").out.partition("Examples:\n")
    for example in examples.splitlines():
        words = example.split()
        assert words[: 1 + len(command)] == ["serpentune", *command]
        # The help flag comes last, so everything before it has been read.
        assert serpentune(*words[1:], "--help").code == 0, example


def test_no_command_shows_help_and_fails() -> None:
    bare = serpentune()
    assert bare.code == 2 and bare.out == ""
    assert "Commands:" in bare.err


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import sys
from serpentune.cli import main
for page in [[], ["train"], ["run"]]:
    assert main([*page, "--help"]) == 0
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_help_is_quick() -> None:
    def seconds() -> float:
        before = os.times()
        assert process("--help").returncode == 0
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    # Processor time, and the best of several: other processes may hold the machine.
    assert min(seconds() for _ in range(5)) < 0.5


@pytest.mark.parametrize(
    ("command", "config"),
    [("train", AdvancedTrainingConfig()), ("run", MultiDatasetConfig(heuristic_log_dirs=["logs"]))],
)
def test_defaults_on_the_page_are_the_configuration_s(
    command: str, config: AdvancedTrainingConfig | MultiDatasetConfig
) -> None:
    page = " ".join(serpentune(command, "--help").out.split())
    shown = dict(re.findall(r"--([a-z0-9-]+)(?:(?! --[a-z]).)*?\[default: ([^\]]+)\]", page))
    values = config.model_dump()
    values |= values.get("hyperparameters", {})
    values |= {f"lora_{name}": value for name, value in values.get("lora", {}).items()}
    other_names = {
        "base_model": "base_model_name", "epochs": "num_epochs", "algorithms": "dataset_types",
        "lora_r": "lora_r" if command == "run" else "lora_rank",
    }  # fmt: skip
    in_words = {
        "log-level",
        "bf16",
        "no-bf16",
        "torch-compile",
        "no-torch-compile",
        "max-runs",
        "experiment-name",
        "evaluation-teacher",
        "grid-size",
    }
    in_words |= {"learning-rate"} if command == "run" else set()
    assert len(shown.keys() - in_words) >= 15
    for name, default in shown.items():
        if name in in_words:
            continue
        key = name.replace("-", "_")
        value = values[other_names.get(key, key)]
        expected = value if isinstance(value, list) else [value]
        assert [type(each)(word) for each, word in zip(expected, default.split(), strict=True)] == expected, name
