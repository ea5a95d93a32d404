"""Floor 11, pipeline: what its parts share about the base model and about names."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

NANO_LEARNING_RATES = {"lora": 5e-3, "dora": 5e-3, "rslora": 1e-3, "pissa": 3e-4, "qlora": 5e-3, "full": 1e-3}
"""For `nano` and its student. Those of LoRA, rsLoRA, PiSSA and full fine-tuning had the least validation loss of a few
that were tried; DoRA and QLoRA take LoRA's. Figures stand in `docs/results.md`."""


def _one_folder(name: str) -> str:
    if name in ("", ".", "..") or any(sign in name for sign in "/\\\0"):
        raise ValueError("it is one folder's name, without slashes; output_dir says where that folder goes.")
    return name


FolderName = Annotated[str, AfterValidator(_one_folder)]
"""The name of an experiment, which is also that of its folder."""
