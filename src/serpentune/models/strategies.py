"""Floor 5, models: the three ways to make a base model trainable, one function each.

LoRA is Hu et al. 2021 (https://arxiv.org/abs/2106.09685), QLoRA is Dettmers et al. 2023
(https://arxiv.org/abs/2305.14314); both through PEFT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from serpentune.common.errors import UserError
from serpentune.common.settings import Settings
from serpentune.models._libraries import quiet_libraries

if TYPE_CHECKING:
    from torch import nn

STRATEGIES = ("lora", "qlora", "full")


class LoRAConfig(Settings):
    """Low-rank adaptation: the base model is frozen, and each chosen layer learns a correction of rank `rank`.

    Attributes:
        rank: width of the correction.
        alpha: its scale; the correction is multiplied by `alpha / rank`.
        dropout: share of a layer's inputs that the correction doesn't see while training.
        target_modules: `all-linear` (every linear layer but the output layer, whatever the architecture calls them), or
            names of layers.
    """

    synonyms: ClassVar[Mapping[str, str]] = {"r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout"}

    rank: int = Field(16, ge=1, le=4096)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    target_modules: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] = "all-linear"


class QLoRAConfig(LoRAConfig):
    """LoRA over a base model whose linear layers are held in 4 bits.

    Attributes:
        quant_type: `nf4` (made for normally distributed weights) or `fp4`.
        double_quant: whether the scales of the 4-bit blocks are quantised too, which saves 0.4 bits a weight.
    """

    quant_type: Literal["nf4", "fp4"] = "nf4"
    double_quant: bool = True


class FullConfig(Settings):
    """Full fine-tuning: every weight learns; there is nothing to set."""


StrategyConfig = LoRAConfig | QLoRAConfig | FullConfig


def wrap(model: Any, strategy: StrategyConfig) -> Any:
    """Make `model` trainable in the way of `strategy`, and return what is to be trained.

    Args:
        model: a causal language model of `load_base`; for QLoRA it must have been loaded with `quantize=True`.
        strategy: the strategy with its settings.

    Raises:
        UserError: QLoRA was asked for a model that isn't quantised or the other way round, or `target_modules` names
            no layer of the model.
    """
    quantized = is_quantized(model)
    if isinstance(strategy, QLoRAConfig):
        if not quantized:
            raise UserError("QLoRA needs a base model in 4 bits: load it with quantize=True.")
        return _adapt(_ready_for_qlora(model), strategy)
    if quantized:
        raise UserError("The base model is held in 4 bits, which only QLoRA can train. Load it without quantize=True.")
    if isinstance(strategy, LoRAConfig):
        return _adapt(model, strategy)
    return _everything(model)


def quantization(strategy: QLoRAConfig, compute_dtype: Any) -> Any:
    """The settings that make `from_pretrained` hold linear layers in 4 bits and compute in `compute_dtype`."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=strategy.quant_type,
        bnb_4bit_use_double_quant=strategy.double_quant,
        bnb_4bit_compute_dtype=compute_dtype,
    )


def is_quantized(model: nn.Module) -> bool:
    """Whether the model holds weights in 4 bits."""
    return bool(getattr(model, "is_loaded_in_4bit", False))


def parameter_counts(model: nn.Module) -> tuple[int, int]:
    """All parameters and the trainable ones.

    A shared weight counts once, and a weight in 4 bits as the weight it stands for.
    """
    total = trainable = 0
    for parameter in model.parameters():
        # Two 4-bit weights share a byte, so the stored tensor's own size is half of what it stands for.
        state = getattr(parameter, "quant_state", None)
        count = state.shape.numel() if state is not None else parameter.numel()
        total += count
        trainable += count if parameter.requires_grad else 0
    return total, trainable


def _everything(model: Any) -> Any:
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model


def _adapt(model: Any, strategy: LoRAConfig) -> Any:
    from peft import LoraConfig, TaskType, get_peft_model

    settings = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=strategy.rank,
        lora_alpha=strategy.alpha,
        lora_dropout=strategy.dropout,
        target_modules=strategy.target_modules,
        # GPT-2's Conv1D holds its weight transposed; PEFT asks to be told.
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
    )
    try:
        with quiet_libraries():
            return get_peft_model(model, settings)
    except ValueError as error:
        if "target modules" not in str(error).lower():
            raise
        layers = sorted(
            {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if not any(module.children())}
        )
        raise UserError(
            f"No layer of the model is named {strategy.target_modules!r}. Its layers: {', '.join(layers)}. "
            "target_modules='all-linear' fits any architecture."
        ) from error


def _ready_for_qlora(model: Any) -> Any:
    # What PEFT's prepare_model_for_kbit_training does, without the activation checkpointing that it switches on: the
    # frozen layers that stayed in 16 bits (norms, embeddings) are computed in full precision.
    import torch

    for parameter in model.parameters():
        parameter.requires_grad_(False)
        if parameter.dtype in (torch.float16, torch.bfloat16):
            parameter.data = parameter.data.to(torch.float32)
    return model
