"""A place where a page's blocks run as a reader would type them: games, a data set, students and results are there.

Sizes, paths and base models are smaller than a reader's, by the tables here; nothing else of a block is changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from serpentune.common.errors import UserError
from tests.documents.blocks import ROOT, SHELL, Block

Table = Sequence[tuple[str, str]]

SMALLER: Table = (
    (r"(--games) \d+", r"\1 3"),
    (r"(--max-samples-per-algorithm|--samples) \d+", r"\1 60"),
    (r"(--evaluation-games|--teacher-games) \d+", r"\1 8"),
    (r"(--max-steps) \d+", r"\1 2"),
    (r"(--batch-size) \d+", r"\1 8"),
    # Their defaults are for a reader's patience.
    (r"(serpentune train)(?! .*--max-steps)", r"\1 --max-steps 2"),
    (r"(serpentune evaluate)(?! .*(--games|--recompute))", r"\1 --games 3"),
    (r"(serpentune run)(?= --heuristic-dirs)", r"\1 --max-samples-per-algorithm 60 --evaluation-games 3 --max-steps 2"),
    (r"(_v0_02\.pipeline)", r"\1 --max-samples-per-algorithm 60 --evaluation-games 3 --max-steps 2"),
    (r"(serpentune watch)(?! .*--fps)", r"\1 --fps 1000"),
    (r"--fps 30\b", "--fps 1000"),
    (r"(--(?:base-model) )smollm2-135m(?= .*--chat)", r"\1path/to/an-instruct-model"),
    (r"(evaluate (?:--games 3 )?)smollm2-135m(?= .*--chat)", r"\1path/to/an-instruct-model"),
    (r"smollm2-135m|~/models/model\.Q8_0\.gguf", "nano"),
    (r"\b0\.\.\d\b", "0..0"),
    (r"\bgames=\d+", "games=3"),
    (r"range\(10\*\*6, 10\*\*6 \+ 50\)", "range(10**6, 10**6 + 3)"),
    (r"(states|max_steps)=\d+", r"\1=6"),
)
"""Patterns in a block, and what stands there in a test: numbers, and models that take a download."""

_SHRUNK: Mapping[str, Any] = {
    "games": 40, "samples_per_teacher": 120, "records": 4, "batch_size": 8, "base_model_name": "nano", "bf16": None,
    "lengths": ["20-"], "grid_size": 6,
}  # fmt: skip
"""What a recipe says, and what it says in a test."""


def set_up(chat_model: Path) -> None:
    """Put into the present folder what the pages speak of as there already.

    Relative paths, as a reader would have typed them: results say whose they are.
    """
    from serpentune.datasets import build_dataset, load_splits
    from serpentune.evaluation import EvaluationSettings, evaluate_contestant, open_contestant
    from serpentune.logs import generate_runs
    from serpentune.training import AdvancedTrainingConfig, sweep, train

    runs = generate_runs(
        ["BFS", "ASTAR", "HAMILTONIAN"], 20, 6, 6, 0, Path("logs/extensions"), timestamp="20250101_120000"
    )
    build_dataset(runs, Path("output/dataset"), samples_per_teacher=100)
    config = AdvancedTrainingConfig.from_values({"max_steps": 2, "batch_size": 8, "gradient_accumulation_steps": 1})
    splits = load_splits(Path("output/dataset"))
    student = train(config, splits["train"], splits["validation"], Path("output/lora"), quiet=True)
    sweep(config, {"seed": [0]}, Path("output/dataset"), Path("output/sweep"), quiet=True)
    games = EvaluationSettings(games=3, width=6, height=6, teacher="BFS")
    player = open_contestant(student.model_path, name="lora")
    evaluate_contestant(player, Path("output/evaluations/lora"), games, quiet=True)
    for there, other in (
        ("output/lora", "output/student"), ("output/lora", "output/full"), ("output/dataset", "data/snake"),
        ("output/dataset", "output/mixture"), ("output/evaluations/lora", "results/student"),
        ("logs/extensions", "output/demo/logs"),
    ):  # fmt: skip
        shutil.copytree(there, other)
    shutil.copytree(chat_model, Path("path/to/an-instruct-model"))
    (Path("recipes")).mkdir()
    for recipe in (ROOT / "recipes").glob("*.yaml"):
        shrunk = _shrunk(yaml.safe_load(recipe.read_text(encoding="utf-8")))
        Path("recipes", recipe.name).write_text(yaml.safe_dump(shrunk), encoding="utf-8")
    for part in ("benchmarks", "scripts", "examples", "src"):
        Path(part).symlink_to(ROOT / part)


def _shrunk(values: Any, key: str = "") -> Any:
    if isinstance(values, dict):
        shrunk = {name: _shrunk(value, name) for name, value in values.items()}
        return shrunk | {"max_steps": 2} if key == "hyperparameters" else shrunk
    if key == "seed" and isinstance(values, list):
        return values[:1]
    if isinstance(values, list) and key not in _SHRUNK:
        return [_shrunk(value) for value in values]
    return _SHRUNK.get(key, values)


def smaller(text: str, tables: Sequence[Table] = (SMALLER,)) -> str:
    """A block's text with the tables' replacements, continued lines as one."""
    text = re.sub(r"[ \t]*\\\n\s*", " ", text)
    for table in tables:
        for pattern, replacement in table:
            text = re.sub(pattern, replacement, text)
    return text


class Place:
    """A folder in which blocks run one after another, as a reader would type them.

    Attributes:
        folder: where they run.
        names: what Python blocks have defined so far.
        tables: replacements in a block's text.
        environment: variables for the shell, beside this process's.
        alone: whether each Python block is a script of its own, in a process where nothing was imported before.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tables: Sequence[Table] = (SMALLER,),
        environment: Mapping[str, str] | None = None,
        alone: bool = False,
    ) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.tables = tables
        self.environment = dict(environment or {})
        self.alone = alone
        self._bin = folder / ".bin"
        self._bin.mkdir(exist_ok=True)
        python = shlex.quote(sys.executable)
        for name, start in {
            "python": python,
            "serpentune": f"{python} -m serpentune",
            "torchrun": f"{python} -m torch.distributed.run",
            "pip": f"{python} -m pip",
            **{tool: f"{python} -m {tool}" for tool in ("black", "mypy", "pytest", "ruff")},
        }.items():
            (self._bin / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')
            (self._bin / name).chmod(0o755)

    def run(self, block: Block) -> str:
        """Run a block, and return what a shell block printed.

        Raises:
            AssertionError: it failed; with the block's place and what it said.
        """
        text = smaller(block.to_run, self.tables)
        if block.language in SHELL:
            return self.shell(text, block.place)
        if self.alone:
            return self.shell(f"python -c {shlex.quote(text)}", block.place)
        with contextlib.chdir(self.folder):
            try:
                exec(compile(text, block.place, "exec"), self.names)
            except UserError as error:
                raise AssertionError(f"{block.place}: {error}") from error
        return ""

    def shell(self, text: str, place: str) -> str:
        """What bash prints of a script, stopped by the first command that fails."""
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))), "OMP_NUM_THREADS": "1",
            **self.environment, "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text], check=False, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, cwd=self.folder, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, f"{place}\n{text}\nsays {done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done.stdout
