"""GGUF files that are written: read back by transformers they are the same model and the same tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from serpentune.common.errors import UserError
from serpentune.models import load_base, load_student
from serpentune.models.export import GGUFFile, export_model
from tests.models.test_export import save
from tests.models.test_students import logits
from tests.models.tiny import save_tokenizer

TEXTS = ["Player BFS. Board 6x6, heading LEFT.\n . v <\nMoves:", "it's 1234 Ünïcode\t\tand  spaces ", "<end>a", " U R"]


def written(model: str | Path, folder: Path, *kinds: str) -> dict[str, GGUFFile]:
    return {file.type: file for file in export_model(model, folder, gguf=kinds).gguf}


def read(path: Path) -> gguf.GGUFReader:
    return gguf.GGUFReader(path)


def value(path: Path, key: str) -> Any:
    field = read(path).get_field(key)
    return None if field is None else field.contents()


def make_qwen3(folder: Path) -> Path:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    # transformers reads no width of a head from GGUF, so it has the one that Qwen3 has.
    config = Qwen3Config(
        vocab_size=320, hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=128, max_position_embeddings=256, initializer_range=0.2,
        bos_token_id=None, eos_token_id=0,
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def make_gpt2(folder: Path) -> Path:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    # As above, for the number of positions.
    config = GPT2Config(vocab_size=320, n_embd=64, n_layer=2, n_head=4, initializer_range=0.2)
    GPT2LMHeadModel(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def make_wide_llama(folder: Path) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, max_position_embeddings=256, initializer_range=0.2,
        tie_word_embeddings=False, bos_token_id=None, eos_token_id=0,
        rope_parameters={"rope_theta": 5e5, "rope_type": "default"},
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.mark.parametrize("family", ["llama", "wide_llama", "qwen2", "qwen3", "gpt2"])
def test_a_file_in_full_precision_is_the_same_model(
    family: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    makers = {"qwen3": make_qwen3, "gpt2": make_gpt2, "wide_llama": make_wide_llama}
    base = makers[family](tmp_path / family) if family in makers else request.getfixturevalue(family)
    file = written(base, tmp_path / "out", "f32")["f32"]
    back, before = load_base(file.path, dtype=torch.float32), load_base(base, dtype=torch.float32)
    assert torch.equal(logits(back.model), logits(before.model))
    for text in TEXTS:
        assert back.tokenizer(text).input_ids == before.tokenizer(text).input_ids
    assert back.tokenizer.eos_token_id == before.tokenizer.eos_token_id


def test_a_student_s_file_holds_base_and_adapter_in_one(llama: Path, tmp_path: Path) -> None:
    student = save(tmp_path / "student", str(llama))
    files = written(student, tmp_path / "out", "f32", "f16", "bf16", "q8_0")
    expected = logits(load_student(student, dtype=torch.float32).model)
    differences = {
        kind: float((logits(load_base(file.path, dtype=torch.float32).model) - expected).abs().max())
        for kind, file in files.items()
    }
    assert differences["f32"] == 0
    assert 0 < differences["f16"] < differences["bf16"] < differences["q8_0"] < 0.1 * float(expected.abs().max())
    sizes = [files[kind].bytes for kind in ("f32", "f16", "q8_0")]
    assert sizes == sorted(sizes, reverse=True)
    assert all(file.path.stat().st_size == file.bytes for file in files.values())
    assert all(file.kept == 0 and file.note is None for file in files.values())


def test_the_metadata_are_complete(tmp_path: Path) -> None:
    path = written("nano", tmp_path / "out", "q8_0")["q8_0"].path
    nano = load_base("nano").tokenizer
    expected = {
        "general.architecture": "llama", "general.file_type": 7, "general.quantization_version": 2,
        "llama.context_length": 2048, "llama.embedding_length": 128, "llama.block_count": 8,
        "llama.feed_forward_length": 320, "llama.attention.head_count": 4, "llama.attention.head_count_kv": 4,
        "llama.rope.dimension_count": 32, "llama.rope.freq_base": 10000.0, "llama.vocab_size": 512,
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.padding_token_id": 0, "tokenizer.ggml.add_bos_token": False,
    }  # fmt: skip
    reader = read(path)
    found = {key: field.contents() for key in expected if (field := reader.get_field(key)) is not None}
    assert found == expected
    assert reader.get_field("tokenizer.ggml.tokens").contents() == nano.convert_ids_to_tokens(list(range(512)))
    assert len(reader.get_field("tokenizer.ggml.merges").contents()) == 254
    whole = json.loads(reader.get_field("tokenizer.huggingface.json").contents())
    assert whole == json.loads(nano.backend_tokenizer.to_str())


def test_embeddings_without_a_token_are_named_and_the_template_comes_along(chat_llama: Path, tmp_path: Path) -> None:
    student = save(tmp_path / "student", str(chat_llama), chat=True)
    path = written(student, tmp_path / "out", "f16")["f16"].path
    tokenizer = load_base(chat_llama).tokenizer
    tokens, types = value(path, "tokenizer.ggml.tokens"), value(path, "tokenizer.ggml.token_type")
    assert len(tokens) == len(types) == 320 and tokens[len(tokenizer) :][0] == f"[PAD{len(tokenizer)}]"
    assert types[-1] == gguf.TokenType.UNUSED and types[tokenizer.eos_token_id] == gguf.TokenType.CONTROL
    assert value(path, "tokenizer.chat_template") == tokenizer.chat_template
    # The token that ends an answer, where llama.cpp stops.
    assert tokens[value(path, "tokenizer.ggml.eot_token_id")] == "<|im_end|>"
    assert load_base(path).tokenizer.chat_template == tokenizer.chat_template


def test_a_tokenizer_that_llama_cpp_cannot_run_comes_along_whole(
    llama: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    shutil.copytree(llama, base := tmp_path / "words")
    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(["<end>", "?", "U", "R"])}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", unk_token="?").save_pretrained(base)
    file = written(base, tmp_path / "out", "f32")["f32"]
    assert value(file.path, "tokenizer.ggml.model") == "none"
    assert file.note and "token ids instead of text" in file.note and file.note in caplog.text
    assert file.note in (tmp_path / "out" / "README.md").read_text()
    assert load_base(file.path).tokenizer("U U R x").input_ids == [2, 2, 3, 1]


def test_what_does_not_fit_a_format_keeps_another_and_is_counted(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=80, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True, eos_token_id=0, bos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.model.layers[0].mlp.up_proj.weight.data[0, 0] = 1e5  # beyond f16
    model.save_pretrained(base := tmp_path / "base")
    save_tokenizer(base)
    files = written(base, tmp_path / "out", "f16", "q8_0")
    # Rows of 80 weights are no whole blocks of 32.
    assert files["q8_0"].kept == 1 and files["q8_0"].tensors == {"q8_0": 7, "f16": 1, "f32": 3}
    assert files["f16"].kept == 1 and files["f16"].tensors == {"f16": 7, "f32": 4}
    assert "1 did not fit q8_0" in (tmp_path / "out" / "README.md").read_text()
    stored = {tensor.name: tensor for tensor in read(files["f16"].path).tensors}
    assert np.isfinite(stored["blk.0.ffn_up.weight"].data).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"model_type": "mistral", "architectures": ["MistralForCausalLM"]},
            "'mistral' can't be written .* llama",
        ),
        ({"hidden_act": "relu"}, "hidden_act='relu', which readers of GGUF don't expect of llama"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, "rope_type='linear'"),
    ],
)
def test_models_that_would_be_read_as_others_are_refused(
    llama: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    shutil.copytree(llama, base := tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=said):
        export_model(base, tmp_path / "out", gguf=["f16"])
    assert not (tmp_path / "out").exists()
    assert AutoModelForCausalLM.from_pretrained(export_model(base, tmp_path / "out", merge=True).path)


def test_a_tokenizer_with_more_tokens_than_embeddings_is_refused(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, base := tmp_path / "base")
    tokenizer = load_base(llama).tokenizer
    tokenizer.add_tokens([f"word{number}" for number in range(100)])
    tokenizer.save_pretrained(base)
    with pytest.raises(UserError, match=r"369 tokens and the model only 320"):
        export_model(base, tmp_path / "out", gguf=["f16"])
