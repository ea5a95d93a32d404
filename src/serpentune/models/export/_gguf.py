"""Floor 5, models: a model as one GGUF file, the format of llama.cpp.

The layout is the GGUF specification's (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md); names of tensors,
quantisation and the container come from the `gguf` package, which llama.cpp maintains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.models.export._vocabulary import add_vocabulary, vocabulary
from serpentune.models.load import LoadedModel, context_length

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

GGUF_TYPES = ("f32", "f16", "bf16", "q8_0")
"""Formats of the weights, as users type them."""

_LARGEST_F16 = 65504.0

# What readers take for granted in each architecture: a model that has it otherwise would be read as another one.
_GRANTED: Mapping[str, Mapping[str, Any]] = {
    "llama": {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    "qwen2": {"hidden_act": "silu", "use_sliding_window": False},
    "qwen3": {"hidden_act": "silu", "use_sliding_window": False, "attention_bias": False},
    "gpt2": {
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
}


@dataclass(frozen=True)
class GGUFFile:
    """A GGUF file that was written.

    Attributes:
        path: the file.
        type: the format that was asked for, of `GGUF_TYPES`.
        bytes: its size.
        tensors: tensors by the format that they have in it.
        kept: tensors that have another format than asked for because they don't fit it: a row that is no multiple of
            the 32 weights of a block, or a weight beyond the range of f16. Vectors, which are f32 always, don't count.
        note: what llama.cpp can't do with the file; None where nothing.
    """

    path: Path
    type: str
    bytes: int
    tensors: dict[str, int]
    kept: int
    note: str | None


def check_gguf(config: Any) -> None:
    """Refuse a transformers configuration whose model can't be written as GGUF.

    Raises:
        UserError: the architecture isn't among those that can be written, or differs from what llama.cpp computes.
    """
    family = config.model_type
    if family not in _GRANTED:
        raise UserError(
            f"A model of the architecture {family!r} can't be written as GGUF; {', '.join(_GRANTED)} can. "
            "--merge writes any of them for transformers."
        )
    scaling = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    otherwise = {} if scaling == "default" else {"rope_type": scaling}
    otherwise |= {
        name: getattr(config, name) for name, value in _GRANTED[family].items() if getattr(config, name, value) != value
    }
    if otherwise:
        raise UserError(
            f"The model has {_listed(otherwise)}, which readers of GGUF don't expect of {family}: they would compute "
            "something else. --merge writes it for transformers."
        )


def write_gguf(
    path: Path, loaded: LoadedModel, kind: str, about: Mapping[str, str], wrote: Callable[[int], None]
) -> GGUFFile:
    """Write a model in memory, weights in fp32 and no adapter beside them, to the GGUF file `path`.

    Args:
        path: the file; its folder is there.
        loaded: the model.
        kind: format of the weights, of `GGUF_TYPES`.
        about: texts for the keys `general.<name>`.
        wrote: called with the number of tensors written since the last call.

    Raises:
        UserError: as of `check_gguf` and `vocabulary`.
        OSError: the file can't be written.
    """
    from gguf import GGML_QUANT_VERSION, GGMLQuantizationType, GGUFWriter, LlamaFileType, quants

    config = loaded.model.config
    check_gguf(config)
    words = vocabulary(loaded.tokenizer, config.vocab_size)
    wanted = GGMLQuantizationType[kind.upper()]
    writer = GGUFWriter(path, config.model_type)
    types: dict[str, GGMLQuantizationType] = {}
    kept = 0
    try:
        for name, text in about.items():
            writer.add_string(f"general.{name}", text)
        writer.add_file_type(LlamaFileType.ALL_F32 if kind == "f32" else LlamaFileType[f"MOSTLY_{wanted.name}"])
        writer.add_quantization_version(GGML_QUANT_VERSION)
        _add_sizes(writer, config)
        add_vocabulary(writer, words, loaded.tokenizer, chat=loaded.chat)
        for name, weights in _tensors(loaded.model):
            types[name] = _fitting(name, weights, wanted)
            kept += weights.ndim > 1 and types[name] != wanted
            size = _bytes(weights, types[name])
            writer.add_tensor_info(name, weights.shape, weights.dtype, size, raw_dtype=types[name])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for name, weights in _tensors(loaded.model):
            writer.write_tensor_data(quants.quantize(weights, types[name]))
            wrote(1)
    finally:
        writer.close()
    tensors = Counter(found.name.lower() for found in types.values())
    return GGUFFile(path, kind, path.stat().st_size, dict(tensors), kept, words.note)


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())


def _add_sizes(writer: GGUFWriter, config: Any) -> None:
    """Write the hyperparameters."""
    heads, width = config.num_attention_heads, config.hidden_size
    writer.add_context_length(int(context_length(config)))
    writer.add_embedding_length(width)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(heads)
    writer.add_vocab_size(config.vocab_size)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(config.n_inner or 4 * width)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    size = _head_size(config)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])


def _head_size(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _tensors(model: Any) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Names and weights as llama.cpp lays them out; an output layer that is the embedding's own is left out."""
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    config = model.config
    (architecture,) = (key for key, name in MODEL_ARCH_NAMES.items() if name == config.model_type)
    names = get_tensor_name_map(architecture, config.num_hidden_layers)
    for ours, weights in model.state_dict().items():
        if ours == "lm_head.weight" and config.tie_word_embeddings:
            continue
        name = names.get_name(ours, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise UserError(f"The model's weight {ours} has no name in GGUF, so the model can't be written.")
        yield name, np.ascontiguousarray(_laid_out(ours, weights.detach().cpu().float().numpy(), config))


def _laid_out(name: str, weights: NDArray[np.float32], config: Any) -> NDArray[np.float32]:
    layer = name.split(".")[-2]
    if config.model_type == "gpt2" and layer in ("c_attn", "c_fc", "c_proj") and weights.ndim == 2:
        return weights.T  # transformers' Conv1D holds (in, out)
    heads = {"q_proj": config.num_attention_heads, "k_proj": getattr(config, "num_key_value_heads", 0)}
    if config.model_type == "llama" and layer in heads:
        # llama.cpp rotates neighbouring pairs of a head's rows, transformers one half of them against the other.
        halves = weights.reshape(heads[layer], 2, _head_size(config) // 2, *weights.shape[1:])
        return halves.swapaxes(1, 2).reshape(weights.shape)
    return weights


def _fitting(name: str, weights: NDArray[np.float32], wanted: GGMLQuantizationType) -> GGMLQuantizationType:
    """The format of a tensor: the one that is wanted, or the next better one into which it fits."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    if weights.ndim == 1 or name == "position_embd.weight":  # llama.cpp adds these in fp32
        return GGMLQuantizationType.F32
    if weights.shape[-1] % GGML_QUANT_SIZES[wanted][0]:
        wanted = GGMLQuantizationType.F16
    if wanted == GGMLQuantizationType.F16 and np.abs(weights).max() > _LARGEST_F16:
        return GGMLQuantizationType.F32
    return wanted


def _bytes(weights: NDArray[np.float32], stored: GGMLQuantizationType) -> int:
    from gguf import GGML_QUANT_SIZES

    weights_a_block, bytes_a_block = GGML_QUANT_SIZES[stored]
    return weights.size // weights_a_block * bytes_a_block
