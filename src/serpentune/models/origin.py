"""Floor 5, models: what training goes on from: a student's whole weights, or its adapter on the base as it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.models._find import find_base
from serpentune.models._libraries import quiet_libraries
from serpentune.models.load import LoadedModel
from serpentune.models.open import check_model
from serpentune.models.strategies import (
    DoRAConfig,
    FullConfig,
    LoRAConfig,
    PiSSAConfig,
    QLoRAConfig,
    RsLoRAConfig,
    StrategyConfig,
    wrap,
)
from serpentune.models.students import ADAPTER, adapter_notes, check_base, student_notes


@dataclass(frozen=True)
class TrainingOrigin:
    """A model as the beginning of a further training run.

    Attributes:
        base: what is loaded: the model itself, or the base of an adapter.
        strategy: how training goes on: an adapter's own way, or `FullConfig` for whole weights.
        adapter: the adapter's folder; None for whole weights.
        chat: whether the student was trained through its tokenizer's chat template.
        data: what it was trained on, values by column (`teacher`, `style`, `encoding`, `board`); empty where its folder
            doesn't say.
    """

    base: str
    strategy: StrategyConfig
    adapter: str | None
    chat: bool
    data: dict[str, list[str]]


def training_origin(name_or_path: str | Path) -> TrainingOrigin:
    """What training goes on from where it goes on from a model; no weights are loaded.

    What PiSSA learned is a LoRA adapter since it was saved, and goes on as one.

    Args:
        name_or_path: a student's folder, or a base model as of `load_base`, all of whose weights learn then.

    Raises:
        UserError: there is no such model, or it is an adapter of a kind that can't be trained here.
    """
    check_model(name_or_path)
    folder = Path(name_or_path).expanduser()
    about = student_notes(name_or_path)
    chat, data = about.get("chat") is True, (about.get("training") or {}).get("data") or {}
    if not (folder / "adapter_config.json").is_file():
        return TrainingOrigin(find_base(name_or_path).name, FullConfig(), None, chat, data)
    note, settings, base = adapter_notes(folder)
    if settings.get("peft_type") != "LORA":
        raise UserError(f"{note}: an adapter of the kind {settings.get('peft_type')!r} can't be trained further here.")
    kept = about.get("settings", {}) if about.get("strategy") == "qlora" else {}
    kind: type[LoRAConfig] = (
        QLoRAConfig
        if kept
        else DoRAConfig
        if settings.get("use_dora")
        else RsLoRAConfig
        if settings.get("use_rslora")
        else LoRAConfig
    )
    layers = about.get("settings", {}).get("target_modules") or settings.get("target_modules")
    shape = {
        "rank": settings.get("r"),
        "alpha": settings.get("lora_alpha"),
        "dropout": settings.get("lora_dropout"),
        "target_modules": sorted(layers) if isinstance(layers, list) else layers,
    }
    return TrainingOrigin(base, kind(**{**kept, **shape}), str(folder.resolve()), chat, data)


def check_adapter(folder: str | Path, base_name: str, strategy: StrategyConfig) -> None:
    """Refuse an adapter with which training can't go on; no weights are loaded.

    Args:
        folder: the adapter's.
        base_name: what it shall go on on, as of `load_base`.
        strategy: by which strategy and settings, as of `training_origin`.

    Raises:
        UserError: `folder` holds no adapter or one of another base or other settings, or its base has changed.
    """
    folder = Path(folder).expanduser()
    if not (folder / "adapter_config.json").is_file():
        raise UserError(f"{folder} holds no adapter to go on with: it has no adapter_config.json.")
    if isinstance(strategy, FullConfig | PiSSAConfig):
        raise UserError(
            f"{folder} is an adapter, and goes on by its own strategy: lora, dora, rslora or qlora. "
            "What PiSSA learned goes on as lora."
        )
    note, settings, own_base = adapter_notes(folder)
    if own_base != (name := find_base(base_name).name):
        raise UserError(f"{folder} is an adapter of {own_base!r}, not of {name!r}.")
    check_base(folder, own_base, student_notes(folder))
    wanted = {
        "r": strategy.rank,
        "lora_alpha": strategy.alpha,
        "use_dora": isinstance(strategy, DoRAConfig),
        "use_rslora": isinstance(strategy, RsLoRAConfig),
        "alpha_pattern": {},  # of layers with a scale of their own, as other programs train them
    }
    for key, value in wanted.items():
        if (settings.get(key) or type(value)()) != value:
            raise UserError(f"{note}: {key} is {settings.get(key)!r}, and training would go on with {value!r}.")


def wrap_adapter(base: LoadedModel, strategy: StrategyConfig, folder: str | Path) -> Any:
    """As `wrap`, with the weights of an adapter that was trained before.

    Args:
        base: the adapter's base.
        strategy: its strategy and settings, as of `training_origin`.
        folder: the adapter's.

    Raises:
        UserError: as of `wrap` and `check_adapter`, or the adapter has other layers or is damaged.
    """
    from peft import load_peft_weights, set_peft_model_state_dict
    from safetensors import SafetensorError

    folder = Path(folder).expanduser()
    check_adapter(folder, base.name, strategy)
    model = wrap(base.model, strategy)
    try:
        with quiet_libraries():
            found: Any = set_peft_model_state_dict(model, load_peft_weights(str(folder), device="cpu"))
    except (SafetensorError, RuntimeError, ValueError, KeyError) as error:
        raise UserError(f"{folder / ADAPTER}: no adapter of {base.name!r}, or damaged ({error}).") from error
    missing = [name for name in found.missing_keys if "lora_" in name]
    if found.unexpected_keys or missing:
        raise UserError(
            f"{folder / ADAPTER}: the adapter's layers are others than those that would be trained, such as "
            f"{[*found.unexpected_keys, *missing][0]}. Name them: target_modules."
        )
    return model
