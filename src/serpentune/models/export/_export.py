"""Floor 5, models: a model as a folder that needs nothing of serpentune, or of its base, any more."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import ensure_free, read_object, replacing_folder, write_json, write_text
from serpentune.common.paths import PathUtils
from serpentune.common.progress import progress_bar
from serpentune.models._card import CARD, Form, Metric, model_card, shown_base
from serpentune.models._libraries import disk_errors, quiet_libraries
from serpentune.models.export._gguf import GGUF_TYPES, GGUFFile, check_gguf, write_gguf
from serpentune.models.load import LoadedModel
from serpentune.models.open import open_model, short_name
from serpentune.models.strategies import parameter_counts
from serpentune.models.students import STUDENT, end_answers, student_notes

Dtype = Literal["float32", "bfloat16", "float16"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exported:
    """What an export left.

    Attributes:
        path: the folder.
        merged: whether it holds a whole model for transformers.
        parameters: of the model.
        gguf: its GGUF files.
    """

    path: Path
    merged: bool
    parameters: int
    gguf: tuple[GGUFFile, ...]


def export_model(
    model: str | Path,
    output: Path,
    *,
    merge: bool = False,
    gguf: Sequence[str] = (),
    dtype: Dtype = "float32",
    metrics: Sequence[Metric] = (),
    trust_remote_code: bool = False,
    overwrite: bool = False,
    quiet: bool = True,
) -> Exported:
    """Write a model as an ordinary transformers folder, as GGUF files, or both, with its card; atomically.

    An adapter is merged into its base in fp32, a 4-bit base is expanded first, so what is written computes what was
    trained.

    Args:
        model: a student's folder, or a base model as of `load_base`.
        output: the folder to make.
        merge: write safetensors, tokenizer and generation settings, which `AutoModelForCausalLM` loads by itself.
        gguf: formats of GGUF files, of `GGUF_TYPES`; each becomes `<name>-<FORMAT>.gguf`.
        dtype: format of the weights of `merge`. Only float32 keeps what was trained to the last digit.
        metrics: measured figures, for the card.
        trust_remote_code: run code that the model brings, which may do anything.
        overwrite: whether a folder that holds files may be replaced.
        quiet: show no progress bar.

    Raises:
        UserError: nothing was asked for, a format is unknown, the model is missing or damaged or can't be written so,
            `output` holds files, lies in the model's own folder, or the disk is full.
    """
    kinds = _kinds(gguf)
    if not merge and not kinds:
        raise UserError("Say what to write: --merge, --gguf, or both.")
    _check_place(model, output, overwrite=overwrite)
    import torch

    loaded = open_model(model, dtype=torch.float32, trust_remote_code=trust_remote_code)
    if kinds:
        check_gguf(loaded.model.config)
    about = _about(model, loaded)
    name = PathUtils.safe_name(short_name(model))
    with replacing_folder(output, overwrite=overwrite) as part, quiet_libraries(), disk_errors():
        files = [_gguf(part / f"{name}-{kind.upper()}.gguf", loaded, kind, about, quiet=quiet) for kind in kinds]
        if merge:
            _write_merged(part, loaded, about, getattr(torch, dtype))
        said = [(file.path.name, _contents(file)) for file in files]
        card = model_card(about, "model" if merge else "gguf", metrics=metrics, files=said)
        write_text(part / CARD, card)
    for file in files:
        if file.note:
            _LOG.warning("%s: %s", file.path.name, file.note)
    moved = tuple(replace(file, path=output / file.path.name) for file in files)
    return Exported(output, merge, parameter_counts(loaded.model)[0], moved)


def renew_card(folder: Path, metrics: Sequence[Metric]) -> None:
    """Write the card of a student's folder anew, with figures that were measured.

    Raises:
        UserError: the folder holds no `student.json`, from which a card is written, or GGUF files, about whose contents
            it says nothing.
    """
    if not (folder / STUDENT).is_file():
        raise UserError(f"{folder} holds no {STUDENT}, so there is nothing to write a card from.")
    if any(folder.glob("*.gguf")):
        raise UserError(
            f"{folder} holds GGUF files, of which a new card would say nothing. Give --results with --gguf."
        )
    about = read_object(folder / STUDENT)
    form: Form = "adapter" if (folder / "adapter_config.json").is_file() else "model"
    write_text(folder / CARD, model_card(about, form, metrics=metrics))


def _kinds(names: Sequence[str]) -> list[str]:
    kinds = list(dict.fromkeys(name.strip().lower() for name in names))
    for kind in kinds:
        if kind not in GGUF_TYPES:
            raise unknown_name("GGUF format", kind, GGUF_TYPES)
    return kinds


def _check_place(model: str | Path, output: Path, *, overwrite: bool) -> None:
    source = Path(model).expanduser().resolve()
    if source == output.resolve() or output.resolve() in source.parents:
        raise UserError(f"{output} holds the model itself. Choose another folder for what is made of it.")
    ensure_free(output, overwrite=overwrite)


def _about(model: str | Path, loaded: LoadedModel) -> dict[str, Any]:
    """What `student.json` shall say: what the student's says, without the places of this disk."""
    about = student_notes(model) or {"base": loaded.name}
    return about | {"base": shown_base(about.get("base", loaded.name)), "chat": loaded.chat}


def _write_merged(part: Path, loaded: LoadedModel, about: dict[str, Any], dtype: Any) -> None:
    end_answers(loaded.model, loaded.tokenizer, chat=loaded.chat)
    loaded.model.to(dtype).save_pretrained(str(part))
    loaded.tokenizer.save_pretrained(str(part))
    write_json(part / STUDENT, {**about, "merged": True})


def _gguf(path: Path, loaded: LoadedModel, kind: str, about: dict[str, Any], *, quiet: bool) -> GGUFFile:
    texts = {"type": "model", "name": path.stem, "license": about.get("licence"), "basename": about["base"]}
    tensors = len(loaded.model.state_dict()) - loaded.model.config.tie_word_embeddings  # which are written once
    with progress_bar(f"Writing {path.name}", tensors, quiet=quiet) as advance:
        return write_gguf(path, loaded, kind, {key: text for key, text in texts.items() if text}, advance)


def _contents(file: GGUFFile) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in file.tensors.items())
    kept = f"; {file.kept} did not fit {file.type}" if file.kept else ""
    return f"{file.bytes / 1e6:,.1f} MB; tensors: {counts}{kept}.{f' {file.note}' if file.note else ''}"
