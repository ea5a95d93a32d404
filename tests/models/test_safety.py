"""A model's folder runs nothing and writes nowhere, whatever its files say."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.cache import cache_folder
from serpentune.common.errors import UserError
from serpentune.models import LoRAConfig, base_config, load_base, load_student, open_tokenizer, save_student, wrap
from tests.models.tiny import give_code, save_gguf

ELSEWHERE = "../../../elsewhere"


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


@pytest.fixture
def base(llama: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llama, tmp_path / "deep" / "down" / "base"))


@pytest.fixture
def student(base: Path, tmp_path: Path) -> Path:
    loaded, settings = load_base(base), LoRAConfig(rank=2)
    model = wrap(loaded.model, settings)
    folder = tmp_path / "deep" / "down" / "student"
    return save_student(folder, model, loaded.tokenizer, base=loaded.name, strategy=settings)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", [pickle.dump, torch.save], ids=["pickle", "torch"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside safetensors"])
def test_no_pickle_of_a_base_is_read(make: Any, beside: bool, base: Path, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    if not beside:
        (base / "model.safetensors").unlink()
    for name in ("pytorch_model.bin", "adapter_model.bin", "training_args.bin"):
        with (base / name).open("wb") as file:
            make(Planted(marker), file)
    if beside:
        load_base(base)
    else:
        with pytest.raises(UserError, match=r"no \*\.safetensors"):
            load_base(base)
    assert not marker.exists()


def test_no_pickle_takes_the_place_of_safetensors_of_another_kind(base: Path, tmp_path: Path) -> None:
    (base / "model.safetensors").rename(base / "other.safetensors")
    torch.save(Planted(tmp_path / "executed"), base / "pytorch_model.bin")
    with pytest.raises(UserError, match="can't be loaded"):
        load_base(base)
    assert not (tmp_path / "executed").exists()


def test_no_pickle_of_an_adapter_is_read(student: Path, tmp_path: Path) -> None:
    (student / "adapter_model.safetensors").unlink()
    torch.save(Planted(tmp_path / "executed"), student / "adapter_model.bin")
    with pytest.raises(UserError, match=r"no adapter_model\.safetensors"):
        load_student(student)
    assert not (tmp_path / "executed").exists()


def test_code_that_a_model_brings_is_run_only_for_those_who_ask(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    marker = tmp_path / "executed"
    give_code(base, marker)
    for load in (load_base, base_config, load_student):
        with pytest.raises(UserError, match=r"brings code of its own.*--trust-remote-code"):
            load(base)
    assert not marker.exists()
    assert type(load_base(base, trust_remote_code=True).model).__name__ == "OwnModel"
    assert marker.exists()


def test_a_chat_template_named_like_a_path_is_refused(base: Path, tmp_path: Path) -> None:
    templates = [{"name": "default", "template": "x"}, {"name": ELSEWHERE, "template": "x"}]
    edit(base / "tokenizer_config.json", lambda config: config.update(chat_template=templates))
    with pytest.raises(UserError, match="chat template named"):
        load_base(base)
    with pytest.raises(UserError, match="chat template named"):
        open_tokenizer(base)


def test_names_in_the_files_of_a_model_decide_no_path(student: Path, base: Path, tmp_path: Path) -> None:
    edit(base / "config.json", lambda config: config.update(_name_or_path=ELSEWHERE))
    edit(
        base / "tokenizer_config.json",
        lambda config: config.update(name_or_path=ELSEWHERE, vocab_file=ELSEWHERE, tokenizer_file=ELSEWHERE),
    )
    edit(student / "student.json", lambda about: about.update(base=ELSEWHERE, name=ELSEWHERE, base_sha256=None))
    before = files(tmp_path)
    loaded = load_student(student, merge=False)
    again = save_student(
        tmp_path / "again", loaded.model, loaded.tokenizer, base=str(base), strategy=LoRAConfig(rank=2)
    )
    assert all(path.is_relative_to(again) for path in files(tmp_path) - before)
    assert not list(tmp_path.parent.glob("elsewhere*"))


@pytest.mark.parametrize("base_name", [ELSEWHERE, "someone/../../elsewhere", "..", "a--b/../c", 5, None])
def test_an_adapter_can_not_name_a_base_outside_of_all_that_is_known(base_name: Any, student: Path) -> None:
    edit(student / "adapter_config.json", lambda config: config.update(base_model_name_or_path=base_name))
    with pytest.raises(UserError):
        load_student(student)


def test_an_adapter_has_no_module_imported(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'executed')!r}).touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    planted = {"megatron_config": {"x": 1}, "megatron_core": "planted"}
    edit(student / "adapter_config.json", lambda config: config.update(planted))
    with pytest.raises(UserError, match="names a module to import"):
        load_student(student)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("change", [{"peft_type": "MAGIC"}, {"r": "wide"}, {"target_modules": ["nothing"]}])
def test_an_adapter_that_peft_can_not_read_is_explained(change: dict[str, Any], student: Path) -> None:
    edit(student / "adapter_config.json", lambda config: config.update(change))
    with pytest.raises(UserError, match="student: the adapter does not fit its base"):
        load_student(student)


@pytest.mark.parametrize("file", ["student.json", "adapter_config.json"])
@pytest.mark.parametrize("text", ["[]", "3", "{", '{"strategy": "qlora", "settings": {"rank": "x"}}'])
def test_files_of_another_shape_are_explained(file: str, text: str, student: Path) -> None:
    (student / file).write_text(text)
    with pytest.raises(UserError):
        load_student(student)


def test_names_in_a_gguf_file_decide_no_path(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERPENTUNE_CACHE", str(tmp_path / "deep" / "cache"))
    path = save_gguf(tmp_path / "tiny.gguf", llama, name=ELSEWHERE)
    before = files(tmp_path)
    load_base(path)
    made = files(tmp_path) - before
    assert made and all(file.is_relative_to(cache_folder("gguf")) for file in made)
    assert not list(tmp_path.parent.glob("elsewhere*"))
