from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from serpentune import models
from serpentune.common.errors import UserError
from serpentune.models import (
    STRATEGIES,
    STUDENT,
    STUDENT_OF_BOARD,
    FullConfig,
    LoadedModel,
    LoRAConfig,
    QLoRAConfig,
    StrategyConfig,
    bytes_on_disk,
    find_base,
    load_base,
    load_student,
    model_sha256,
    save_student,
    student_notes,
    taught_with,
    wrap,
)
from tests.models.tiny import save_gguf

IDS = torch.arange(1, 25)[None]


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        out: torch.Tensor = model.eval()(input_ids=IDS).logits
    return out


def trained(base: Path, strategy: StrategyConfig) -> tuple[Any, Any]:
    """A wrapped model whose trainable weights were moved at random, with its tokenizer."""
    loaded = load_base(base, quantize=strategy if isinstance(strategy, QLoRAConfig) else False)
    model = wrap(loaded.model, strategy)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)
    return model, loaded.tokenizer


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize(
    "family", ["llama", *(pytest.param(other, marks=pytest.mark.slow) for other in ("gpt2", "qwen"))]
)
def test_a_saved_student_computes_what_was_trained(
    family: str, name: str, merge: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base, settings = request.getfixturevalue(family), STRATEGIES[name].settings
    strategy = settings() if settings is FullConfig else settings(rank=4)
    model, tokenizer = trained(base, strategy)
    expected = logits(model)
    assert (expected - logits(load_base(base).model)).abs().max() > 0.1
    path = save_student(tmp_path / "student", model, tokenizer, base=str(base), strategy=strategy)
    assert json.loads((path / STUDENT).read_text())["strategy"] == name
    student = load_student(path, merge=merge)
    torch.testing.assert_close(logits(student.model), expected, rtol=1e-4, atol=1e-4)
    assert hasattr(student.model, "peft_config") == (not merge and not isinstance(strategy, FullConfig))
    assert student.tokenizer("a U").input_ids == tokenizer("a U").input_ids
    assert not [file for file in path.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".pkl")]


def test_a_student_of_a_hub_or_built_in_base_names_it_as_the_user_did(llama: Path, tmp_path: Path) -> None:
    model, tokenizer = trained(llama, LoRAConfig(rank=4))
    path = save_student(tmp_path / "student", model, tokenizer, base="someone/model", strategy=LoRAConfig(rank=4))
    assert json.loads((path / "adapter_config.json").read_text())["base_model_name_or_path"] == "someone/model"
    with pytest.raises(
        UserError, match=r"student: The base model 'someone/model' is neither built in nor on this disk"
    ):
        load_student(path)


def test_existing_files_are_kept_unless_overwritten(llama: Path, tmp_path: Path) -> None:
    model, tokenizer = trained(llama, FullConfig())
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds files"):
        save_student(tmp_path, model, tokenizer, base=str(llama), strategy=FullConfig())
    assert (tmp_path / "note.txt").read_text() == "mine"
    save_student(tmp_path, model, tokenizer, base=str(llama), strategy=FullConfig(), overwrite=True)
    assert not (tmp_path / "note.txt").exists()


def test_damaged_students_are_explained(llama: Path, tmp_path: Path) -> None:
    model, tokenizer = trained(llama, LoRAConfig(rank=4))
    path = save_student(tmp_path / "student", model, tokenizer, base=str(llama), strategy=LoRAConfig(rank=4))
    weights = path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        load_student(path)
    weights.unlink()
    with pytest.raises(UserError, match=r"no adapter_model\.safetensors"):
        load_student(path)
    with pytest.raises(UserError, match="no folder"):
        load_student(tmp_path / "nowhere")


def test_model_sha256_follows_the_weights(llama: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(llama, copy)
    assert model_sha256(copy) == model_sha256(llama)
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    assert model_sha256(copy) != model_sha256(llama)
    with pytest.raises(UserError):
        model_sha256(tmp_path)


def test_a_size_on_disk_is_that_of_all_files_with_weights(llama: Path, tmp_path: Path) -> None:
    base = (llama / "model.safetensors").stat().st_size
    assert bytes_on_disk(load_base(llama)) == base
    model, tokenizer = trained(llama, LoRAConfig(rank=4))
    path = save_student(tmp_path / "student", model, tokenizer, base=str(llama), strategy=LoRAConfig(rank=4))
    adapter = (path / "adapter_model.safetensors").stat().st_size
    assert bytes_on_disk(load_student(path)) == base + adapter
    gguf = save_gguf(tmp_path / "tiny.gguf", llama)
    assert bytes_on_disk(load_base(gguf)) == gguf.stat().st_size
    assert bytes_on_disk(LoadedModel(model, tokenizer, "mine", "folder")) is None
    assert (
        bytes_on_disk(load_base("nano")) == (Path(models.__file__).parent / "nano" / "model.safetensors").stat().st_size
    )


def test_gathered_weights_are_saved_without_those_that_are_tied(llama: Path, tmp_path: Path) -> None:
    model = load_base(llama, dtype=torch.float32).model
    gathered = {name: weight.clone() for name, weight in model.state_dict().items()}  # which no longer share memory
    folder = save_student(
        tmp_path,
        model,
        load_base(llama).tokenizer,
        base=str(llama),
        strategy=FullConfig(),
        weights=gathered,
        overwrite=True,
    )
    assert "lm_head.weight" in gathered and "lm_head.weight" not in load_file(folder / "model.safetensors")
    saved = load_student(folder, dtype=torch.float32).model
    assert all(torch.equal(weight, gathered[name]) for name, weight in saved.state_dict().items())


@pytest.mark.parametrize(("board", "name"), STUDENT_OF_BOARD.items())
def test_the_students_that_come_along_say_how_they_were_made(board: str, name: str) -> None:
    found = find_base(name)
    notes = student_notes(name)
    assert (found.source, notes["base"]) == ("built-in", "nano")
    assert notes["base_sha256"] == model_sha256(find_base("nano").location), "made from another nano: make it again"
    assert taught_with(name) == {"teacher": ["CELL"], "style": ["plan"], "encoding": ["grid"], "board": [board]}


def test_what_is_no_student_was_taught_nothing() -> None:
    assert student_notes("nano") == {} and taught_with("BFS") == {}


def test_a_folder_of_several_students_names_one(tmp_path: Path) -> None:
    for variant in ("baseline", "style=move"):
        (tmp_path / "models" / variant / "seed=0" / "final_model").mkdir(parents=True)
    with pytest.raises(UserError, match=r"holds 2 students and is none itself.*models/baseline/seed=0/final_model\.$"):
        models.check_model(tmp_path)
