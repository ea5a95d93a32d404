"""Floor 6, training: how much memory a training run takes, part by part, before anything is loaded.

A model of bytes, not a measurement: what each operation keeps for the backward pass is counted as Korthikanti et al.
2022 do ("Reducing Activation Recomputation in Large Transformer Models", https://arxiv.org/abs/2205.05198), for the
layers of today: grouped queries, gated MLPs, RMS norms in fp32, attention that never keeps its scores. The parts are
added up, although the gradients grow while the activations go: the sum is what a run with accumulated gradients holds.
`tests/training/test_memory.py` holds it against measured points.
"""

from __future__ import annotations

from dataclasses import dataclass

from serpentune.models import LoRAConfig, QLoRAConfig
from serpentune.training.config import AdvancedTrainingConfig
from serpentune.training.model_sizes import ModelSizes

_FP32 = 4
_HALF = 2
_ADAM = 8
"""Bytes of AdamW's two moments of a weight, in fp32."""

_LOGITS = 3 * _FP32
"""Bytes of a logit where the backward pass begins: the log-probability, its gradient, the logit's own, all in fp32."""

_LOGITS_COMPILED = 2
"""Copies of a logit, in the arithmetic's format, where the loss is compiled: itself and its gradient."""

_ON_GPU = 500_000_000
_ON_CPU = 1_000_000_000
"""Bytes that neither model nor batch decides: the CUDA context and its workspaces; Python with torch and its kin."""

_SPARE = 0.05
"""Share of the memory that the allocator can't use, because it lies in pieces."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes of one device at the peak of a training step, part by part.

    Attributes:
        weights: the model's, with its adapter, and copies of them in the arithmetic's format.
        gradients: of the weights that learn.
        optimizer: AdamW's two moments of each of them, or Muon's one.
        activations: what the layers keep for the backward pass.
        logits: what the output layer and the loss keep.
        overhead: what neither model nor batch decides.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    overhead: int

    @property
    def total(self) -> int:
        """All parts."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits + self.overhead

    def fits(self, memory: float) -> bool:
        """Whether a device of `memory` bytes can do it, fragments counted in."""
        return self.total <= memory * (1 - _SPARE)


@dataclass(frozen=True)
class Machine:
    """What decides which formats and layouts are used.

    Attributes:
        gpu: whether a GPU does the work; else this machine's processor.
        half: whether arithmetic is in 16 bits (autocast).
        compiled: whether the layers are compiled, so that what is quickly computed again isn't kept.
        devices: processes that share a batch, a device each.
    """

    gpu: bool
    half: bool
    compiled: bool
    devices: int = 1


def estimate_memory(
    config: AdvancedTrainingConfig, sizes: ModelSizes, machine: Machine, tokens: int, answers: int
) -> MemoryEstimate:
    """The memory that one device needs to train.

    Args:
        config: the run's settings.
        sizes: the base model's.
        machine: where it runs.
        tokens: width of a batch: prompt and completion of its longest sample.
        answers: positions of a batch on which the output layer is applied.

    Raises:
        UserError: `target_modules` names no layer of the model.
    """
    learning = trainable_parameters(config, sizes)
    batch = config.hyperparameters.batch_size
    kept = batch * tokens * _kept_per_token(config, sizes, machine)
    if config.gradient_checkpointing:
        # Each layer keeps its input; one at a time is computed again in full.
        kept = batch * tokens * sizes.hidden * _residual(config, machine) * sizes.layers + kept // sizes.layers
    shards = machine.devices if config.fsdp else 1
    copies = 2 if machine.devices > 1 and not config.fsdp else 1  # DDP sends gradients from buckets of its own
    return MemoryEstimate(
        weights=_weights(config, sizes, machine, learning),
        gradients=_FP32 * learning * copies // shards,
        optimizer=_moments(config, sizes, learning) // shards,
        activations=kept,
        logits=batch
        * answers
        * sizes.vocabulary
        * (_LOGITS_COMPILED * _width(machine) if machine.compiled else _LOGITS),
        overhead=_ON_GPU if machine.gpu else _ON_CPU,
    )


def _moments(config: AdvancedTrainingConfig, sizes: ModelSizes, learning: int) -> int:
    """Bytes of what the optimiser remembers of the weights that learn; Muon has one moment of a matrix."""
    if config.hyperparameters.optimizer == "adamw":
        return _ADAM * learning
    # All that an adapter learns is matrices, DoRA's few magnitudes aside.
    matrices = learning if isinstance(config.strategy, LoRAConfig) else sizes.linear_parameters
    return _ADAM * learning - _FP32 * matrices


def trainable_parameters(config: AdvancedTrainingConfig, sizes: ModelSizes) -> int:
    """Weights that learn: all, or those of the adapter, `rank * (inputs + outputs)` a layer.

    DoRA learns a magnitude of each output besides.

    Raises:
        UserError: `target_modules` names no layer of the model.
    """
    strategy = config.strategy
    if not isinstance(strategy, LoRAConfig):
        return sizes.parameters
    adapted = sizes.adapted(strategy.target_modules)
    magnitudes = sum(layer.outputs for layer in adapted) if config.training_strategy == "dora" else 0
    return strategy.rank * sum(layer.inputs + layer.outputs for layer in adapted) + magnitudes


def largest_batch(
    config: AdvancedTrainingConfig, sizes: ModelSizes, machine: Machine, tokens: int, answers: int, memory: float
) -> int:
    """The largest power of two as `batch_size` with which a device of `memory` bytes can train; 0 for none.

    Raises:
        UserError: `target_modules` names no layer of the model.
    """
    batch = 1
    while estimate_memory(with_batch(config, batch), sizes, machine, tokens, answers).fits(memory):
        batch *= 2
    return batch // 2


def with_batch(config: AdvancedTrainingConfig, batch_size: int) -> AdvancedTrainingConfig:
    """The same configuration with another batch size."""
    return config.with_values({"hyperparameters.batch_size": batch_size})


def _weights(config: AdvancedTrainingConfig, sizes: ModelSizes, machine: Machine, learning: int) -> int:
    """Bytes of the weights on one device."""
    strategy = config.strategy
    half = machine.half and not config.fp16  # fp16 scales the loss, and keeps all weights in fp32
    if isinstance(strategy, QLoRAConfig):
        # NF4: half a byte, and a scale for each 64 weights, in fp32, or quantised to a byte with one fp32 for each 256
        # scales (Dettmers et al. 2023, section 3). Embeddings, norms and output layer stay as they are, and the largest
        # layer is expanded while it is used.
        scale = 1 / 64 + _FP32 / (64 * 256) if strategy.double_quant else _FP32 / 64
        rest = sizes.parameters - sizes.linear_parameters
        whole = int(sizes.linear_parameters * (0.5 + scale)) + rest * (_HALF if half else _FP32)
        expanded = max(layer.inputs * layer.outputs for layer in sizes.linear) * _width(machine)
        return whole + expanded + _FP32 * learning
    if isinstance(strategy, LoRAConfig):
        whole = sizes.parameters * (_HALF if half else _FP32) + _FP32 * learning
    else:
        whole = _FP32 * sizes.parameters
        if machine.half and config.hyperparameters.gradient_accumulation_steps > 1 and not config.fsdp:
            # Autocast's 16-bit copies. Without accumulation they are gone before the gradients are as large.
            whole += _HALF * sizes.parameters
    if not config.fsdp:
        return whole
    # Two layers at a time (one at work, the next on its way) and what is in no layer are gathered from all devices.
    block = sizes.linear_parameters // sizes.layers
    outside = sizes.parameters - sizes.linear_parameters
    return whole // machine.devices + (2 * block + outside) * _width(machine)


def _residual(config: AdvancedTrainingConfig, machine: Machine) -> int:
    """Bytes of a number of the residual stream, which the trainer narrows for bf16 and leaves in fp32 for fp16."""
    return _HALF if machine.half and not config.fp16 else _FP32


def _width(machine: Machine) -> int:
    """Bytes of a number that layers compute with."""
    return _HALF if machine.half else _FP32


def _kept_per_token(config: AdvancedTrainingConfig, sizes: ModelSizes, machine: Machine) -> int:
    """Bytes that all layers keep for the backward pass, for each token."""
    width = _width(machine)
    strategy = config.strategy
    # A norm keeps its input, in fp32 where nothing is fused, and then the normalised values too if their scale learns.
    normed = _residual(config, machine) if machine.compiled else _FP32 * (1 if isinstance(strategy, LoRAConfig) else 2)
    heads = sizes.queries + sizes.keys if sizes.head_norms else 0
    norms = (2 * sizes.hidden + heads) * normed
    attention = (sizes.queries + 2 * sizes.keys) * width  # queries, keys and values
    attention += sizes.queries * width * (1 if machine.compiled else 2)  # what it says, as it came and laid out anew
    # Gate, up, and the gate's activation; of GPT-2's GELU, which is made of several operations, a term of each.
    branches = (3 if sizes.gated else 4) if not machine.compiled else (2 if sizes.gated else 1)
    per_layer = norms + attention + branches * sizes.intermediate * width
    if not isinstance(strategy, LoRAConfig):
        # Inputs of the linear layers, whose weights learn: of both norms' outputs, a copy for each layer that autocast
        # casts them for unless these are fused, and what goes into the MLP's last layer.
        copies = 5 if machine.half and not machine.compiled else 2
        return sizes.layers * (per_layer + (copies * sizes.hidden + sizes.intermediate) * width)
    # A frozen layer keeps nothing. Its adapter keeps its input, as dropout left it, and dropout its mask.
    mask = (1 if machine.gpu else _FP32) if strategy.dropout else 0
    adapted = sizes.adapted(strategy.target_modules)
    # PEFT copies what a layer of 4 bits gives before it adds to it.
    copied = width if isinstance(strategy, QLoRAConfig) else 0
    return sizes.layers * per_layer + sum(
        layer.inputs * (width + mask) + strategy.rank * width + layer.outputs * copied for layer in adapted
    )
