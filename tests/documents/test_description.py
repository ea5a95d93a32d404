"""The code blocks of the user's description run as printed there, where it lies beside this checkout."""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Iterator
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from serpentune.datasets import load_splits
from serpentune.evaluation import EvaluationResult
from serpentune.models import bf16_is_native, load_base
from tests.documents.blocks import ROOT, Block, blocks
from tests.documents.place import SMALLER, Place
from tests.models.tiny import save_gpt2

WHERE = "SERPENTUNE_DESCRIPTION"
"""Names the description's file, where it isn't in `shared/seeds/` beside the checkout or above it."""

SIZES = [(r"max_samples_per_algorithm=\d+", "max_samples_per_algorithm=20")]
PATHS = [(r"(heuristics-(?:astar|hamiltonian)_20250101_)1[34]0000", r"\g<1>120000")]  # all were played at once
TABLES = [SMALLER, SIZES, PATHS]

NOT_NEEDED = {"evaluate"}
"""Of its `pip install` lines that ours does without; docs/from-the-description.md says what is there instead."""

PARTS = {
    "ruff check": "ruff check src/extensions",
    "mypy": "mypy src/serpentune/common/errors.py",
    "black": "black --check src/extensions",
    "pytest --cov": "pytest --cov=extensions --cov-report=term -q tests/extensions/test_common.py",
}
"""The tools of its section on code quality, and a small part of ours for each."""


def _description() -> Path | None:
    if WHERE in os.environ:
        return Path(os.environ[WHERE])
    seeds = (seed for folder in ROOT.parents for seed in sorted((folder / "shared/seeds").glob("*.txt")))
    return next(seeds, None)


DESCRIPTION = _description()
pytestmark = pytest.mark.skipif(
    DESCRIPTION is None, reason=f"the description is not beside this checkout, and {WHERE} doesn't name it"
)


def printed(language: str, containing: str = "") -> list[Block]:
    """The description's blocks of a language."""
    assert DESCRIPTION is not None
    return [block for block in blocks(DESCRIPTION) if block.language == language and containing in block.text]


@pytest.fixture
def place(folder: Path) -> Iterator[Place]:
    """Where a reader would type the description's blocks; a folder with the hub id's name stands in for the hub."""
    save_gpt2(folder / "microsoft/DialoGPT-medium")
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield Place(folder, tables=TABLES)
    root.setLevel(level)  # a block turns on debug messages for its whole process
    root.handlers[:] = handlers


def test_every_block_is_run_by_a_test_here() -> None:
    assert DESCRIPTION is not None
    counted = {language: len(printed(language)) for language in sorted({each.language for each in blocks(DESCRIPTION)})}
    assert counted == {"": 1, "bash": 4, "python": 8}  # the one without a language draws folders
    assert len(printed("bash", "pip install")) == len(printed("bash", "python -m")) == 1
    assert len(_dials()) == 7


@pytest.mark.slow
def test_the_python_blocks_run_in_order(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    advanced, evaluation, comparison, *others = printed("python")
    place.run(advanced)
    results = place.names["results"]
    assert f"Training completed! Model saved to: {results.model_path}" in capsys.readouterr().out
    assert (place.folder / results.model_path / "adapter_model.safetensors").is_file()
    assert place.names["config"].qlora.rank == 32
    assert results.evaluation_metrics["qlora"]["games"] == 200

    _let_a_reader_bring_models(place)
    place.run(evaluation)
    report = place.names["report"]
    assert f"Best model: {report.model_rankings[0][0]}" in capsys.readouterr().out
    assert set(report.results) == {"LoRA", "QLoRA", "Baseline"}

    lora, qlora, full = (_of(place, name) for name in ("LoRA", "QLoRA", "Baseline"))
    place.names |= {"lora_evaluation_results": lora, "qlora_evaluation_results": qlora}
    place.names |= {"full_finetuning_results": full}
    place.run(comparison)
    lines = re.findall(r"^(\w+): -?\d+\.\d\d% improvement$", capsys.readouterr().out, re.MULTILINE)
    assert lines == ["LoRA_vs_QLoRA", "LoRA_vs_Full", "QLoRA_vs_Full"]

    strategies = []
    for block in others:
        place.run(block)
        strategies.append(place.names["config"].training_strategy)
    assert strategies == ["lora", "lora", "qlora", "lora", "lora"]
    assert (place.names["config"].logging_steps, place.names["config"].eval_steps) == (1, 10)


def _let_a_reader_bring_models(place: Place) -> None:
    """The names that the block on evaluation takes for granted."""
    for number, name in enumerate(("lora", "qlora", "baseline")):
        loaded = load_base(str(save_gpt2(place.folder / "readers" / name, seed=number)))
        place.names |= {f"{name}_model": loaded.model, f"{name}_tokenizer": loaded.tokenizer}
    place.names["test_data"] = list(load_splits(place.folder / "output/dataset")["test"].select(range(4)))


def _of(place: Place, name: str) -> EvaluationResult:
    found: EvaluationResult = place.names["report"].results[name]
    return found


@pytest.mark.slow
def test_the_main_command_leaves_an_experiment(place: Place) -> None:
    (command,) = printed("bash", "python -m")
    place.run(command)
    (experiment,) = (place.folder / "output/multi-heuristics-v0.02").iterdir()
    assert re.fullmatch(r"lora_\d{8}_\d{6}", experiment.name)
    for part in ("datasets", "models/final_model", "evaluation", "logs", "results_summary.json", "report.html"):
        assert (experiment / part).exists(), part


def _dials() -> list[str]:
    """What its section on problems says to add to the main command, without comments."""
    fragments = [block for block in printed("bash") if block.text.lstrip().startswith("#")]
    lines = [line for block in fragments for line in block.text.splitlines() if line.startswith("--")]
    # "--fp16  # or --bf16 for newer GPUs" are two.
    alternatives = [(re.sub(r"\s+#.*", "", line), *re.findall(r"# or (--\S+)", line)) for line in lines]
    return [dial for alternative in alternatives for dial in alternative]


@pytest.mark.slow
@pytest.mark.parametrize("dial", _dials() if DESCRIPTION else [])
def test_the_main_command_takes_what_is_to_be_added_in_trouble(place: Place, dial: str) -> None:
    (command,) = printed("bash", "python -m")
    block = Block(command.page, command.line, "bash", f"{command.text.rstrip()} {dial} --evaluation-records 2", {})
    refusals = {"--fp16": "CUDA"}  # fp16 is for older GPUs; a machine that can't is told so
    if not bf16_is_native():
        refusals["--bf16"] = "no native bf16"
    if dial in refusals:
        with pytest.raises(AssertionError, match=refusals[dial]):
            place.run(block)
        return
    place.run(block)


def test_what_is_to_be_installed_is_there(tmp_path: Path) -> None:
    ours = {Requirement(each).name for each in requires("serpentune") or []}  # those of its extras too
    (block,) = printed("bash", "pip install")
    for command in block.commands:
        pip, install, *packages = shlex.split(command, comments=True)
        needed = [package for package in packages if package not in NOT_NEEDED]
        assert set(needed) <= ours and NOT_NEEDED.isdisjoint(ours)
        if "# Optional" not in command or all(map(find_spec, needed)):
            Place(tmp_path).shell(shlex.join([pip, install, "--dry-run", "--no-index", "--quiet", *needed]), command)


@pytest.mark.slow
@pytest.mark.parametrize("tool", list(PARTS))
def test_the_tools_of_its_section_on_code_quality_pass(tool: str, tmp_path: Path) -> None:
    assert DESCRIPTION is not None
    assert f"`{tool}`" in DESCRIPTION.read_text(encoding="utf-8", errors="replace")
    Place(tmp_path).shell(f"cd {shlex.quote(str(ROOT))} && {PARTS[tool]}", tool)


@pytest.mark.slow
def test_the_command_of_the_first_version_runs(place: Place) -> None:
    module = "extensions.heuristics_llm_fine_tuning_integration_v0_01.pipeline"
    place.shell(
        f"python -m {module} --algorithm BFS --games 8 --grid-size 6 --model nano --output-dir output/v0.01 "
        "--epochs 1 --batch 8 --max-samples-per-algorithm 20 --evaluation-games 2 --evaluation-records 2",
        module,
    )
    (experiment,) = (place.folder / "output/v0.01").glob("full_*")
    assert (experiment / "models/final_model/model.safetensors").is_file()
