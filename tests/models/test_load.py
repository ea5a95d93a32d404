from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.models import BUILT_IN, SHIPPED, bf16_is_native, check_precision, find_base, load_base, prompt_ids
from tests.models.tiny import END


def test_a_folder_is_loaded_ready_to_use(llama: Path) -> None:
    loaded = load_base(llama)
    assert loaded.source == "folder" and loaded.name == str(llama.resolve())
    assert not loaded.model.training
    # The tokenizer came without a pad token.
    assert loaded.tokenizer.pad_token == END and loaded.tokenizer.padding_side == "left"
    assert loaded.model.generation_config.pad_token_id == loaded.tokenizer.pad_token_id
    if not torch.cuda.is_available():
        assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", ["microsoft/DialoGPT-medium", "nan0", "no/such/folder", "../nano"])
def test_a_missing_model_fails_at_once_and_names_the_built_in_ones(name: str) -> None:
    began = time.perf_counter()
    with pytest.raises(UserError, match=r"built-in model \(nano, nano-6x6, nano-10x10, smollm2-135m, scratch-2m"):
        load_base(name)
    assert time.perf_counter() - began < 5


def test_a_misspelt_built_in_model_is_recognised() -> None:
    with pytest.raises(UserError, match="Did you mean 'nano'"):
        find_base("nanno")


def test_without_a_network_the_hub_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "from serpentune.models import find_base\nfrom serpentune.common.errors import UserError\n"
        "try:\n    find_base('microsoft/DialoGPT-medium')\nexcept UserError as error:\n    print(error)\n"
    )
    online = {k: v for k, v in os.environ.items() if "OFFLINE" not in k and "proxy" not in k.lower()}
    # Port 9 of this machine answers nobody, as a machine without a network doesn't.
    env = online | {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=60)
    assert "the hub can't be reached" in done.stdout and "nano" in done.stdout
    assert time.perf_counter() - began < 50


def test_folders_that_hold_no_model_are_explained(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        load_base(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file, but no GGUF"):
        load_base(tmp_path / "file")
    copy = tmp_path / "copy"
    shutil.copytree(llama, copy)
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UserError, match="damaged"):
        load_base(copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors only"):
        load_base(copy)


@pytest.mark.parametrize("config", ["config.json", "adapter_config.json"])
def test_of_an_experiment_s_folder_the_models_in_it_are_named(config: str, tmp_path: Path) -> None:
    experiment = tmp_path / "checkpoints" / "mine"
    folders = [experiment / place for place in ("models/final_model", "models/checkpoints/checkpoint-8", "datasets")]
    for folder, file in zip(folders, (config, config, "dataset_config.json"), strict=True):
        folder.mkdir(parents=True)
        (folder / file).touch()
    with pytest.raises(UserError) as refused:
        load_base(experiment)
    assert str(refused.value).endswith(f"so it is no model. Within it these are: {folders[0]}.")


def test_weights_that_lack_a_layer_are_refused(llama: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = tmp_path / "copy"
    shutil.copytree(llama, copy)
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack 1 weights.*up_proj"):
        load_base(copy)


def test_prompts_never_end_with_the_end_token(llama: Path) -> None:
    tokenizer = load_base(llama).tokenizer
    assert prompt_ids(tokenizer, []) == []
    plain, ended = prompt_ids(tokenizer, [" . H", f" . H{END}"])
    assert plain == ended and tokenizer.decode(plain) == " . H"


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_precisions_that_the_machine_lacks_are_refused() -> None:
    with pytest.raises(UserError, match="fp16 needs a CUDA GPU"):
        check_precision(fp16=True, bf16=None)
    check_precision(fp16=False, bf16=None)
    if bf16_is_native():
        check_precision(fp16=False, bf16=True)
    else:
        with pytest.raises(UserError, match="no native bf16"):
            check_precision(fp16=False, bf16=True)


@pytest.mark.parametrize("name", SHIPPED)
def test_nano_and_its_students_come_with_the_package(name: str) -> None:
    assert BUILT_IN[0] == "nano" and name in BUILT_IN
    loaded = load_base(name)
    assert loaded.name == name and loaded.source == "built-in"
    assert 1_000_000 <= loaded.model.num_parameters() <= 3_000_000
