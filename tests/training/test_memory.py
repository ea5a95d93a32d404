"""The memory model against what was measured: bytes that torch keeps here, and peaks of an H100."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen3Config

from serpentune.common.errors import UserError
from serpentune.models import parameter_counts, wrap
from serpentune.training import AdvancedTrainingConfig, Machine, estimate_memory, largest_batch, model_sizes
from serpentune.training.memory import trainable_parameters

LLAMA = LlamaConfig(
    vocab_size=320, hidden_size=96, intermediate_size=256, num_hidden_layers=4, num_attention_heads=6,
    num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True,
)  # fmt: skip
# A processor, unlike a GPU, keeps the scores of an attention with dropout.
GPT2 = GPT2Config(vocab_size=320, n_embd=64, n_layer=3, n_head=4, n_positions=256, attn_pdrop=0, eos_token_id=0)
QWEN3 = Qwen3Config(
    vocab_size=320, hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=32, max_position_embeddings=256, tie_word_embeddings=False,
)  # fmt: skip
SMOLLM2 = LlamaConfig(
    vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
    num_key_value_heads=3, tie_word_embeddings=True,
)  # fmt: skip

HERE = Machine(gpu=False, half=False, compiled=False)
H100 = Machine(gpu=True, half=True, compiled=True)


def config_of(
    strategy: str = "full", batch: int = 8, accumulation: int = 1, optimizer: str = "adamw", **changes: Any
) -> AdvancedTrainingConfig:
    steps = {"batch_size": batch, "gradient_accumulation_steps": accumulation, "optimizer": optimizer}
    return AdvancedTrainingConfig(training_strategy=strategy, hyperparameters=steps, **changes)


def kept_bytes(model: Any, batch: int, tokens: int) -> int:
    """Bytes of what a forward pass keeps for the backward pass, the weights not counted."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, tuple[int, Any]] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that its place isn't given to another
        return tensor

    ids = torch.randint(0, 300, (batch, tokens))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = model(input_ids=ids, logits_to_keep=1, use_cache=False).logits
    logits.sum().backward()
    return sum(size for place, (size, _) in kept.items() if place not in weights)


@pytest.mark.parametrize("family", [LLAMA, QWEN3, GPT2], ids=["llama", "qwen3", "gpt2"])
@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_activations_are_those_that_torch_keeps(family: Any, strategy: str) -> None:
    config = config_of(strategy, lora={"rank": 4})
    torch.manual_seed(0)
    model = wrap(AutoModelForCausalLM.from_config(family), config.strategy).train()
    expected = estimate_memory(config, model_sizes(family), HERE, 64, 1).activations
    assert kept_bytes(model, 8, 64) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("family", [LLAMA, QWEN3, GPT2], ids=["llama", "qwen3", "gpt2"])
@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "c_attn"]], ids=["all", "named"])
def test_parameters_are_those_of_the_model(family: Any, targets: Any) -> None:
    config = config_of("lora", lora={"rank": 4, "target_modules": targets})
    model = wrap(AutoModelForCausalLM.from_config(family), config.strategy)
    sizes = model_sizes(family)
    learning = trainable_parameters(config, sizes)
    assert parameter_counts(model) == (sizes.parameters + learning, learning)
    assert trainable_parameters(config_of("full"), sizes) == sizes.parameters


def test_layers_that_the_model_lacks_are_refused() -> None:
    config = config_of("lora", lora={"target_modules": ["q_porj"]})
    with pytest.raises(UserError, match=r"no such layer\. Its layers: down_proj, .*q_proj"):
        trainable_parameters(config, model_sizes(LLAMA))


@pytest.mark.parametrize(
    ("strategy", "batch", "gigabytes"),
    [("full", 32, 4.65), ("full", 256, 22.1), ("full", 512, 41.7), ("lora", 256, 31.3), ("qlora", 256, 43.8)],
)
def test_peaks_measured_on_an_h100(strategy: str, batch: int, gigabytes: float) -> None:
    estimate = estimate_memory(config_of(strategy, batch), model_sizes(SMOLLM2), H100, 141, 12)
    assert estimate.total / 1e9 == pytest.approx(gigabytes, rel=0.1)


@pytest.mark.parametrize(("batch", "gigabytes"), [(4, 6.01), (32, 35.9)])
def test_peaks_of_the_first_version_s_way(batch: int, gigabytes: float) -> None:
    machine = Machine(gpu=True, half=False, compiled=False)
    estimate = estimate_memory(config_of("full", batch), model_sizes(SMOLLM2), machine, 512, 512)
    assert estimate.total / 1e9 == pytest.approx(gigabytes, rel=0.13)


def test_what_saves_memory_is_seen_in_its_part() -> None:
    sizes = model_sizes(SMOLLM2)

    def parts(machine: Machine = H100, **changes: Any) -> Any:
        return estimate_memory(config_of(**changes), sizes, machine, 136, 10)

    full, lora, qlora = (parts(strategy=strategy) for strategy in ("full", "lora", "qlora"))
    assert full.weights == 4 * sizes.parameters and full.optimizer == 2 * full.gradients == 8 * sizes.parameters
    muon = parts(optimizer="muon")
    assert full.optimizer - muon.optimizer == 4 * sizes.linear_parameters
    assert full.weights > lora.weights > 2 * sizes.parameters > qlora.weights
    assert lora.optimizer == qlora.optimizer < full.optimizer / 20
    assert parts(gradient_checkpointing=True).activations < full.activations / 4
    assert parts(batch=4).activations == full.activations / 2
    assert parts(accumulation=2).weights == 6 * sizes.parameters
    two = Machine(gpu=True, half=True, compiled=True, devices=2)
    assert parts(two).gradients == 2 * full.gradients
    sharded = parts(two, fsdp=True)
    assert sharded.optimizer == full.optimizer / 2 and sharded.gradients == full.gradients / 2
    assert full.weights / 2 < sharded.weights < full.weights


def test_the_largest_batch_fits_and_its_double_does_not() -> None:
    sizes, config = model_sizes(SMOLLM2), config_of("full")
    batch = largest_batch(config, sizes, H100, 136, 10, 80e9)
    fits = [estimate_memory(config_of("full", size), sizes, H100, 136, 10).fits(80e9) for size in (batch, 2 * batch)]
    assert batch >= 512 and fits == [True, False]
    assert largest_batch(config, sizes, H100, 136, 10, 2e9) == 0
