"""Floor 5, models: the ways to make a base model trainable, one function each, by the names in `STRATEGIES`.

All but full fine-tuning go through PEFT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from serpentune.common.errors import UserError
from serpentune.common.settings import Settings
from serpentune.models._libraries import quiet_libraries

if TYPE_CHECKING:
    import torch
    from torch import nn


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


class DoRAConfig(LoRAConfig):
    """The settings of LoRA, for DoRA."""


class RsLoRAConfig(LoRAConfig):
    """The settings of LoRA, for rsLoRA; the correction is multiplied by `alpha / sqrt(rank)`."""


class PiSSAConfig(LoRAConfig):
    """The settings of LoRA, for PiSSA."""


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
        strategy: settings of one of `STRATEGIES`, whose class says which.

    Raises:
        UserError: QLoRA was asked for a model that isn't quantised or the other way round, or `target_modules` names
            no layer of the model.
    """
    wants_4bit = isinstance(strategy, QLoRAConfig)
    if wants_4bit and not is_quantized(model):
        raise UserError("QLoRA needs a base model in 4 bits: load it with quantize=True.")
    if is_quantized(model) and not wants_4bit:
        raise UserError("The base model is held in 4 bits, which only QLoRA can train. Load it without quantize=True.")
    return STRATEGIES[strategy_name(strategy)].prepare(model, strategy)


def lora(model: Any, settings: LoRAConfig) -> Any:
    """LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685): W stays, and alpha/rank · B·A is learned beside it."""
    return _adapt(model, settings)


def dora(model: Any, settings: LoRAConfig) -> Any:
    """DoRA (Liu et al. 2024, https://arxiv.org/abs/2402.09353): LoRA turns W, whose lengths are learned apart.

    A length is that of the weights of one output.
    """
    return _adapt(model, settings, use_dora=True)


def rslora(model: Any, settings: LoRAConfig) -> Any:
    """RsLoRA (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732): LoRA with the scale alpha/sqrt(rank).

    A wide correction then learns no slower than a narrow one.
    """
    return _adapt(model, settings, use_rslora=True)


def pissa(model: Any, settings: LoRAConfig) -> Any:
    """PiSSA (Meng et al. 2024, https://arxiv.org/abs/2404.02948): the strongest directions of W learn, the rest stays.

    The base's weights lose what the adapter begins with. A base in 16 bits is rounded by that, so load it in fp32.
    `save_student` writes the difference to the base as it was (`pissa_as_lora`).
    """
    import torch

    # The singular vectors are found from random ones. A run that is resumed must find the same again.
    with torch.random.fork_rng(devices={weight.device for weight in model.parameters() if weight.is_cuda}):
        torch.manual_seed(0)
        model = _adapt(model, settings, init_lora_weights="pissa_niter_16")
    model.pissa_start = {name: weight.clone() for name, weight in _adapter_weights(model).items()}
    return model


def qlora(model: Any, settings: LoRAConfig) -> Any:
    """QLoRA (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314): LoRA over a base that is held in 4 bits."""
    # What PEFT's prepare_model_for_kbit_training does, without the activation checkpointing that it switches on, and
    # without widening bf16: norms of 32 bits would make all that flows between the layers twice as wide.
    import torch

    for parameter in model.parameters():
        parameter.requires_grad_(False)
        if parameter.dtype == torch.float16:
            parameter.data = parameter.data.to(torch.float32)
    return _adapt(model, settings)


def full(model: Any, settings: FullConfig) -> Any:
    """Full fine-tuning: every weight learns."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model


class Strategy(NamedTuple):
    """A way to make a base model trainable.

    Attributes:
        label: its name in tables.
        settings: the class of its settings, by which `wrap` knows it.
        prepare: makes a model trainable and returns it.
    """

    label: str
    settings: type[StrategyConfig]
    prepare: Callable[[Any, Any], Any]


STRATEGIES = {
    "lora": Strategy("LoRA", LoRAConfig, lora),
    "dora": Strategy("DoRA", DoRAConfig, dora),
    "rslora": Strategy("rsLoRA", RsLoRAConfig, rslora),
    "pissa": Strategy("PiSSA", PiSSAConfig, pissa),
    "qlora": Strategy("QLoRA", QLoRAConfig, qlora),
    "full": Strategy("Full", FullConfig, full),
}
"""By the names that users type."""


def strategy_name(strategy: StrategyConfig) -> str:
    """What users call the strategy of these settings."""
    return next(name for name, way in STRATEGIES.items() if type(strategy) is way.settings)


def pissa_as_lora(model: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """What a model of `pissa` learned, as an adapter of twice the rank on the base as it was loaded.

    W was split into R + s·B0·A0, and R + s·B·A was learned: W + s·[B, −B0]·[A; A0], by Meng et al. 2024, appendix C.

    Returns:
        The adapter's PEFT configuration and its weights by name, A `(2·rank, inputs)` and B `(outputs, 2·rank)`.
    """
    import copy

    import torch

    settings = copy.deepcopy(model.peft_config["default"])
    settings.init_lora_weights = True
    settings.r, settings.lora_alpha = 2 * settings.r, 2 * settings.lora_alpha  # the scale, alpha / rank, stays
    weights = {}
    for name, now in _adapter_weights(model).items():
        start = model.pissa_start[name].to(now.device)
        weights[name] = torch.cat([now, start], dim=0) if "lora_A" in name else torch.cat([now, -start], dim=1)
    return settings, weights


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


def _adapt(model: Any, strategy: LoRAConfig, **variant: Any) -> Any:
    from peft import LoraConfig, TaskType, get_peft_model

    settings = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=strategy.rank,
        lora_alpha=strategy.alpha,
        lora_dropout=strategy.dropout,
        target_modules=strategy.target_modules,
        # GPT-2's Conv1D holds its weight transposed; PEFT asks to be told.
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
        **variant,
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


def _adapter_weights(model: Any) -> dict[str, torch.Tensor]:
    from peft import get_peft_model_state_dict

    # "auto" would ask the hub about the base's embeddings.
    weights: dict[str, torch.Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: weight.detach() for name, weight in weights.items()}
