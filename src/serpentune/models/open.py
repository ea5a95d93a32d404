"""Floor 5, models: open whatever a user calls a model, and give it a short name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from serpentune.common.errors import UserError
from serpentune.models._find import BUILT_IN, find_base
from serpentune.models.load import LoadedModel, load_base
from serpentune.models.students import check_student, load_student

if TYPE_CHECKING:
    import torch

_FINAL = ("final_model", "models/final_model")
"""Where training and the pipeline leave a student below their output folder."""


def open_model(
    name_or_path: str | Path, *, chat: bool = False, dtype: torch.dtype | None = None, trust_remote_code: bool = False
) -> LoadedModel:
    """Load a model ready to be asked, a student or a base.

    Args:
        name_or_path: a student's folder, or a base model as of `load_base`.
        chat: ask it through its tokenizer's chat template. A student that was trained so is asked so without it.
        dtype: format of the weights; chosen to suit the device when left out.
        trust_remote_code: run code that the model brings, which may do anything.

    Raises:
        UserError: as of `load_student` and `load_base`. For a folder that holds no model but the output of a training
            run, or of several, the message names a student in it.
    """
    folder = _student_folder(name_or_path)
    if folder is None:
        return load_base(name_or_path, chat=chat, dtype=dtype, trust_remote_code=trust_remote_code)
    return load_student(folder, chat=chat, dtype=dtype, trust_remote_code=trust_remote_code)


def check_model(name_or_path: str | Path) -> None:
    """Look for a model of `open_model`, and for the base of an adapter, without loading them.

    Raises:
        UserError: as of `open_model` where there is no such model. Damaged weights are found when they are loaded.
    """
    folder = _student_folder(name_or_path)
    if folder is None:
        find_base(name_or_path)
    else:
        check_student(folder)


def _student_folder(name_or_path: str | Path) -> Path | None:
    """The folder that is meant, or None for a base by its name or in a file."""
    folder = Path(name_or_path).expanduser()
    if str(name_or_path) in BUILT_IN or not folder.is_dir():
        return None
    if not any((folder / name).is_file() for name in ("config.json", "adapter_config.json")):
        student = next((folder / place for place in _FINAL if (folder / place).is_dir()), None)
        if student is not None:
            raise UserError(f"{folder} is the output of a training run. Name the student in it: {student}.")
        if students := sorted(folder.glob("models/**/final_model")):
            raise UserError(
                f"{folder} holds {len(students)} students and is none itself. Name one of them, such as {students[0]}."
            )
    return folder


def short_name(name_or_path: str | Path) -> str:
    """What to call a model in tables: a folder's own name, a GGUF file's without `.gguf`, a hub id without its owner.

    Folders that are called the same for every student (`final_model`, `models`) say nothing, so the one above them is
    taken.
    """
    folder = Path(name_or_path).expanduser()
    if folder.is_file():
        return folder.stem
    if str(name_or_path) in BUILT_IN or not folder.is_dir():
        return str(name_or_path).rsplit("/", 1)[-1]
    folder = named_folder(folder)
    return folder.name or str(folder)


def named_folder(path: Path) -> Path:
    """The folder or file that a model's short name is the name of, as an absolute path."""
    path = path.resolve()
    while path.name in ("final_model", "models"):
        path = path.parent
    return path
