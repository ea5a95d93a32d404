"""Floor 5, models: save what was trained, and load it again, on this machine or another.

A student is a folder: `adapter_model.safetensors` with `adapter_config.json` or `model.safetensors` with
`config.json` (full), the tokenizer, `student.json`, which says how it was made, and a card that says so for people.
What PiSSA learned is written as a LoRA adapter on the base as it is, since PiSSA changes the base's own weights. An
adapter names its base as the user did (`nano`, a hub id), so the folder can be moved to another machine.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import read_object, replacing_folder, sha256, write_json, write_text
from serpentune.models._card import CARD, licence_of, model_card
from serpentune.models._device import weight_dtype
from serpentune.models._find import BUILT_IN, SHIPPED, find_base
from serpentune.models._libraries import disk_errors, quiet_libraries, restore_conv1d
from serpentune.models._pretrained import read_tokenizer
from serpentune.models._scratch import SCRATCH
from serpentune.models.load import LoadedModel, load_base
from serpentune.models.strategies import (
    PiSSAConfig,
    QLoRAConfig,
    StrategyConfig,
    parameter_counts,
    pissa_as_lora,
    strategy_name,
)
from serpentune.models.tokens import end_ids

if TYPE_CHECKING:
    import torch

STUDENT = "student.json"

ADAPTER = "adapter_model.safetensors"
_LIBRARIES = ("torch", "transformers", "peft")

_LOG = logging.getLogger(__name__)


def save_student(
    path: Path,
    model: Any,
    tokenizer: Any,
    *,
    base: str,
    strategy: StrategyConfig,
    chat: bool = False,
    training: Mapping[str, Any] | None = None,
    weights: Mapping[str, torch.Tensor] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a trained model and its tokenizer to the folder `path`, weights as safetensors only; atomically.

    Args:
        path: the folder to make.
        model: what `wrap` returned, after training.
        tokenizer: the base's tokenizer.
        base: the base's name as in `LoadedModel.name`.
        strategy: the strategy it was trained with; kept in `student.json`, and for QLoRA needed to load it.
        chat: whether it was trained through the chat template; kept in `student.json`, so that it is asked so too.
        training: what is known of the run, for `student.json` and the card: `config`, `data` (names by column),
            `data_sha256`, `samples`, `steps`, `loss`, `eval_loss` and `prompt`, an example; `adapter_sha256` of the
            adapter that it went on from.
        weights: what to save of a whole model that holds a part of its weights only; None takes the model's own.
        overwrite: whether a folder that holds files may be replaced.

    Raises:
        UserError: `path` holds files and `overwrite` is false, or the disk is full.
    """
    from safetensors.torch import save_file

    total, trainable = parameter_counts(model)
    with replacing_folder(path, overwrite=overwrite) as part, quiet_libraries(), disk_errors():
        if is_adapter(model):
            model.peft_config["default"].base_model_name_or_path = base
            if isinstance(strategy, PiSSAConfig):
                settings, weights = pissa_as_lora(model)
                settings.save_pretrained(str(part))
                save_file({name: weight.contiguous() for name, weight in weights.items()}, part / ADAPTER)
            else:
                # Adapters never touch embeddings here; "auto" would ask the hub about the base.
                model.save_pretrained(str(part), safe_serialization=True, save_embedding_layers=False)
        else:
            end_answers(model, tokenizer, chat=chat)
            model.save_pretrained(str(part), state_dict=_untied(weights, model) if weights is not None else None)
        tokenizer.save_pretrained(str(part))
        about = {
            "base": base,
            "base_sha256": _base_sha256(base),
            "strategy": strategy_name(strategy),
            "settings": strategy.model_dump(mode="json"),
            "chat": chat,
            "parameters": total,
            "trainable_parameters": trainable,
            "licence": licence_of(base),
            "training": dict(training) if training is not None else None,
            "versions": {"serpentune": __version__, **{name: metadata.version(name) for name in _LIBRARIES}},
        }
        write_json(part / STUDENT, about)
        write_text(part / CARD, model_card(about, "adapter" if is_adapter(model) else "model"))  # over PEFT's own form
    return path


def end_answers(model: Any, tokenizer: Any, *, chat: bool) -> None:
    """Make the model's `generate` write greedily up to what ends an answer, wherever its folder is loaded."""
    settings = model.generation_config
    settings.do_sample, settings.temperature, settings.top_p, settings.top_k = False, None, None, None
    settings.eos_token_id, settings.pad_token_id = end_ids(tokenizer, chat)[-1], tokenizer.pad_token_id


def load_student(
    path: str | Path,
    *,
    merge: bool = True,
    chat: bool = False,
    dtype: torch.dtype | None = None,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Load a trained model with its tokenizer, whether it is a whole model or an adapter on a base.

    Args:
        path: a folder of `save_student`, or any PEFT adapter or causal language model in safetensors.
        merge: fold an adapter into its base, so that the model answers at the base's speed. A QLoRA student's base is
            expanded from 4 bits first, so that the merged model computes what was trained; false keeps it in 4 bits
            with the adapter beside it, which is slower and takes less memory.
        chat: ask it through the chat template also where its folder doesn't say that it was trained so.
        dtype: format of the weights; chosen to suit the device when left out.
        trust_remote_code: run code that the student or its base brings, which may do anything.

    Raises:
        UserError: the folder holds no student, its base can't be found, its weights are damaged, or it needs code that
            isn't trusted.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. A trained model is a folder, such as <output-dir>/final_model.")
    about = student_notes(folder)
    chat = chat or about.get("chat") is True
    if not (folder / "adapter_config.json").is_file():
        return load_base(folder, chat=chat, dtype=dtype, trust_remote_code=trust_remote_code)
    return _load_adapter(
        folder, about, merge=merge, chat=chat, dtype=dtype or weight_dtype(), trust_remote_code=trust_remote_code
    )


def check_student(folder: Path) -> None:
    """Look for what a student's folder needs, and for the base of an adapter, without loading them.

    Raises:
        UserError: the folder holds no student, or its base can't be found.
    """
    if not (folder / "adapter_config.json").is_file():
        find_base(folder)
        return
    _, _, base_name = adapter_notes(folder)
    try:
        find_base(base_name)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error


def student_notes(name_or_path: str | Path) -> dict[str, Any]:
    """The `student.json` of a student's folder or built-in name; empty for whatever else a player may be.

    Raises:
        UserError: the file can't be read.
    """
    shipped = str(name_or_path) in SHIPPED
    note = Path(find_base(name_or_path).location if shipped else name_or_path).expanduser() / STUDENT
    return read_object(note) if note.is_file() else {}


def taught_with(name_or_path: str | Path) -> Mapping[str, Sequence[str]]:
    """What a student was taught with, by column: `teacher`, `style`, `encoding`, `board`, as far as it is known.

    Raises:
        UserError: as of `student_notes`.
    """
    found: Mapping[str, Sequence[str]] = (student_notes(name_or_path).get("training") or {}).get("data", {})
    return found


def model_sha256(path: str | Path) -> str:
    """Hex SHA-256 of a model: of a GGUF file, or of every `*.safetensors` and `*.json` in a folder, names included.

    Raises:
        UserError: `path` is a folder that holds no safetensors.
    """
    import hashlib

    folder = Path(path)
    if folder.is_file():
        return sha256(folder)
    if not any(folder.glob("*.safetensors")):
        raise UserError(f"{folder} holds no *.safetensors, so it is no model.")
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")]):
        digest.update(f"{file.name}\0{sha256(file)}\n".encode())
    return digest.hexdigest()


def _untied(weights: Mapping[str, torch.Tensor], model: Any) -> dict[str, torch.Tensor]:
    """The weights without those that are only other names of others, which gathered ones no longer show."""
    tied = model.all_tied_weights_keys
    return {name: weight for name, weight in weights.items() if name not in tied}


def is_adapter(model: Any) -> bool:
    """Whether the model is a base with a PEFT adapter beside it."""
    return hasattr(model, "peft_config")


def _load_adapter(
    folder: Path, about: dict[str, Any], *, merge: bool, chat: bool, dtype: torch.dtype, trust_remote_code: bool
) -> LoadedModel:
    from peft import PeftModel
    from safetensors import SafetensorError

    note, settings, base_name = adapter_notes(folder)
    if settings.get("megatron_config") and not trust_remote_code:  # PEFT would import what megatron_core names
        raise UserError(f"{note} names a module to import. If you trust it, pass --trust-remote-code.")
    try:
        qlora = QLoRAConfig(**about.get("settings", {})) if about.get("strategy") == "qlora" else None
        base = load_base(base_name, quantize=qlora or False, dtype=dtype, trust_remote_code=trust_remote_code)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    check_base(folder, base_name, about)
    model = base.model
    if qlora is not None and merge:
        model = model.dequantize(dtype)
    try:
        with quiet_libraries():
            model = PeftModel.from_pretrained(model, str(folder))
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder}: the adapter does not fit its base {base_name!r} or is damaged ({error})."
        ) from error
    if merge:
        model = model.merge_and_unload()
        if qlora is not None:
            restore_conv1d(model)
    model.eval()
    tokenizer = read_tokenizer(folder, str(folder), trust_remote_code=trust_remote_code)
    if chat:
        end_ids(tokenizer, chat=True)  # refuses a template that can't be used
    return LoadedModel(model, tokenizer, str(folder.resolve()), "folder", chat)


def adapter_notes(folder: Path) -> tuple[Path, dict[str, Any], str]:
    """The file with an adapter's settings, what it says, and the name of the base in it.

    Raises:
        UserError: the folder holds no adapter, or one that doesn't name its base.
    """
    if not (folder / ADAPTER).is_file():
        raise UserError(f"{folder} holds an adapter_config.json but no {ADAPTER}.")
    note = folder / "adapter_config.json"
    settings = read_object(note)
    base_name = settings.get("base_model_name_or_path")
    if not isinstance(base_name, str) or not base_name:
        raise UserError(f"{note}: base_model_name_or_path is missing.")
    return note, settings, base_name


def _base_sha256(name: str) -> str | None:
    """The hash of a built-in base or a GGUF file, of which another version may come in unnoticed; else None.

    One from scratch has no file, and a student of it needs it no more.
    """
    if (name in BUILT_IN and name not in SCRATCH) or Path(name).is_file():
        return model_sha256(find_base(name).location)
    return None


def check_base(folder: Path, base_name: str, about: dict[str, Any]) -> None:
    """Refuse a base that isn't the one that the adapter in `folder` was trained on, as far as `about` says.

    Raises:
        UserError: it is another version.
    """
    trained_on = about.get("base_sha256")
    if trained_on is not None and trained_on != model_sha256(find_base(base_name).location):
        raise UserError(
            f"{folder} was trained on another version of {base_name!r} than the one that is here now. "
            "Train it again, or bring that version back."
        )
