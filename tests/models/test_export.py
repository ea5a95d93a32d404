"""Students taken elsewhere: merged models compute what was trained, cards say how to use them."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from serpentune.common.errors import UserError
from serpentune.models import (
    STRATEGIES,
    FullConfig,
    LoRAConfig,
    StrategyConfig,
    end_ids,
    load_base,
    load_student,
    save_student,
)
from serpentune.models.export import Metric, export_model, renew_card
from tests.models.test_students import logits, trained

ROOT = Path(__file__).parents[2]
PROMPT = ' . A\n "\\" . H\nMoves:'
TRAINING = {
    "config": {"training_strategy": "lora", "seed": 7},
    "data": {"teacher": ["ASTAR", "BFS"], "style": ["plan"], "board": ["4x4"]},
    "data_sha256": "0123abcd",
    "samples": 1234,
    "steps": 50,
    "loss": 0.25,
    "eval_loss": None,
    "prompt": PROMPT,
}


def save(folder: Path, base: str, strategy: StrategyConfig | None = None, **more: Any) -> Path:
    strategy = strategy or LoRAConfig(rank=4)
    model, tokenizer = trained(Path(base), strategy)
    return save_student(folder, model, tokenizer, base=base, strategy=strategy, **more)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize(
    "family", ["llama", *(pytest.param(other, marks=pytest.mark.slow) for other in ("gpt2", "qwen"))]
)
def test_a_merged_student_is_an_ordinary_model_that_computes_the_same(
    family: str, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = STRATEGIES[name].settings
    strategy = settings() if settings is FullConfig else settings(rank=4)
    student = save(tmp_path / "student", str(request.getfixturevalue(family)), strategy)
    expected = logits(load_student(student, merge=False).model)
    made = export_model(student, tmp_path / "merged", merge=True)
    model, report = AutoModelForCausalLM.from_pretrained(made.path, output_loading_info=True)
    assert not any(report.values()), report
    assert (logits(model) - expected).abs().max() < 1e-5 * expected.abs().max()
    tokenizer = AutoTokenizer.from_pretrained(made.path)
    assert tokenizer("a U").input_ids == load_student(student).tokenizer("a U").input_ids
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert not hasattr(model.config, "quantization_config")
    assert not list(made.path.glob("adapter*"))


def test_a_merged_student_can_be_half_as_large(llama: Path, tmp_path: Path) -> None:
    made = export_model(save(tmp_path / "student", str(llama)), tmp_path / "merged", merge=True, dtype="bfloat16")
    assert AutoModelForCausalLM.from_pretrained(made.path).dtype == torch.bfloat16


def test_a_student_of_chats_is_asked_and_stopped_as_before(chat_llama: Path, tmp_path: Path) -> None:
    student = save(tmp_path / "student", str(chat_llama), chat=True)
    made = export_model(student, tmp_path / "merged", merge=True)
    merged = load_student(made.path)
    assert merged.chat and merged.tokenizer.chat_template
    assert merged.model.generation_config.eos_token_id == end_ids(merged.tokenizer, chat=True)[-1]


def test_a_base_model_can_be_taken_away_too(tmp_path: Path) -> None:
    made = export_model("nano", tmp_path / "nano", merge=True)
    base = load_base("nano", dtype=torch.float32)
    assert torch.equal(logits(AutoModelForCausalLM.from_pretrained(made.path)), logits(base.model))


def front_matter(card: str) -> Any:
    return yaml.safe_load(card.split("---\n")[1])


def run_code(card: str, folder: Path) -> str:
    """What the Python block of a card prints, run in the folder as its reader would."""
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer(student: Path) -> str:
    """What a student answers to the example, computed apart from the cards."""
    loaded = load_student(student)
    ids = torch.tensor([loaded.tokenizer(PROMPT, add_special_tokens=False).input_ids])
    written = loaded.model.generate(ids, max_new_tokens=64, do_sample=False)[0, ids.shape[1] :]
    return str(loaded.tokenizer.decode(written, skip_special_tokens=True)) + "\n"


@pytest.mark.slow
def test_the_code_on_every_card_runs_and_gives_the_same_answer(tmp_path: Path) -> None:
    student = save(tmp_path / "student", "nano", training=TRAINING)
    made = export_model(student, tmp_path / "merged", merge=True)
    written = export_model(student, tmp_path / "gguf", gguf=["f32"])
    expected = answer(student)
    for folder in (student, made.path, written.path):
        assert run_code((folder / "README.md").read_text(), folder) == expected


def test_a_card_says_how_the_student_was_made_and_what_it_can(tmp_path: Path) -> None:
    student = save(tmp_path / "student", "nano", training=TRAINING)
    card = (student / "README.md").read_text()
    about = front_matter(card)
    assert about["library_name"] == "peft" and about["license"] == "mit" and "base_model" not in about
    assert about["pipeline_tag"] == "text-generation" and {"snake", "lora"} <= set(about["tags"])
    for words in (
        "nano, taught Snake by ASTAR and BFS", "rank 4", "1,234", "0123abcd", "0.2500 nats", "seed: 7", "torch 2",
        "serpentune evaluate . --games 100 --teacher ASTAR --style plan --grid-size 4x4",
    ):  # fmt: skip
        assert words in card
    assert "validation loss" not in card and "More Information Needed" not in card

    won = Metric("win_rate", "games won", 0.5, "50.0% (4 of 8)", "Snake 4x4, 8 games")
    merged = export_model(student, tmp_path / "merged", merge=True, gguf=["q8_0"], metrics=[won])
    about = front_matter(card := (merged.path / "README.md").read_text())
    assert about["library_name"] == "transformers" and "gguf" in about["tags"]
    (result,) = about["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "win_rate", "value": 0.5, "name": "games won"}]
    assert "| games won | 50.0% (4 of 8) | Snake 4x4, 8 games |" in card and "student-Q8_0.gguf" in card
    renew_card(student, [won])
    assert "50.0% (4 of 8)" in (student / "README.md").read_text()


def test_a_card_names_a_base_of_the_hub_and_hides_a_folder_of_this_disk(llama: Path, tmp_path: Path) -> None:
    (copy := tmp_path / "private" / "base").parent.mkdir()
    shutil.copytree(llama, copy)
    (copy / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A base\n")
    student = save(tmp_path / "student", str(copy))
    made = export_model(student, tmp_path / "merged", merge=True)
    for card in ((student / "README.md").read_text(), (made.path / "README.md").read_text()):
        assert front_matter(card)["license"] == "apache-2.0" and "base_model" not in front_matter(card)
        assert "# base, taught Snake" in card
    assert not [file for file in made.path.iterdir() if b"private" in file.read_bytes()]
    (copy / "README.md").write_bytes(b"---\nlicense: \xff\n---\n")  # no card is worth a trained student
    assert "license" not in front_matter((save(tmp_path / "other", str(copy)) / "README.md").read_text())
    model, tokenizer = trained(llama, LoRAConfig(rank=4))
    path = save_student(tmp_path / "hub", model, tokenizer, base="someone/model", strategy=LoRAConfig(rank=4))
    assert front_matter((path / "README.md").read_text())["base_model"] == "someone/model"


def test_what_cannot_be_exported_is_said_and_nothing_is_left(llama: Path, tmp_path: Path) -> None:
    student, out = save(tmp_path / "student", str(llama)), tmp_path / "out"
    with pytest.raises(UserError, match="--merge, --gguf"):
        export_model(student, out)
    with pytest.raises(UserError, match=r"no GGUF format named 'q8'\. Did you mean q8_0\?"):
        export_model(student, out, gguf=["q8"])
    for place in (student, tmp_path):
        with pytest.raises(UserError, match="holds the model itself"):
            export_model(student, place, merge=True, overwrite=True)
    with pytest.raises(UserError, match="no folder"):
        export_model(tmp_path / "nowhere", out, merge=True)
    (student / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="damaged"):
        export_model(student, out, merge=True)
    assert [item.name for item in tmp_path.iterdir()] == ["student"]
    assert export_model("nano", out, merge=True)
    with pytest.raises(UserError, match="--overwrite"):
        export_model("nano", out, merge=True)
    assert export_model("nano", out, gguf=["f16"], overwrite=True)
    assert not (out / "model.safetensors").exists()


def test_a_new_card_does_not_forget_the_files_beside_it(llama: Path, tmp_path: Path) -> None:
    export_model(save(tmp_path / "student", str(llama)), tmp_path / "out", merge=True, gguf=["f16"])
    card = (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(UserError, match="holds GGUF files"):
        renew_card(tmp_path / "out", [])
    assert (tmp_path / "out" / "README.md").read_text() == card


@pytest.mark.parametrize("text", ["[]", "3"])
def test_a_note_of_another_shape_is_said(text: str, llama: Path, tmp_path: Path) -> None:
    student = save(tmp_path / "student", str(llama))
    (student / "student.json").write_text(text)
    for write in (partial(renew_card, student, []), partial(export_model, student, tmp_path / "out", merge=True)):
        with pytest.raises(UserError, match=r"student\.json: an object is needed"):
            write()


@pytest.mark.parametrize("form", [{"merge": True}, {"gguf": ["f32"]}], ids=["merge", "gguf"])
def test_a_full_disk_leaves_nothing_behind(form: dict[str, Any], tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))  # of files that are written now
    try:
        with pytest.raises(UserError, match=r"can't be written \(File too large\)|No room left on the disk"):
            export_model("nano", tmp_path / "out", **form)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
