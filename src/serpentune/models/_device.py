"""Floor 5, models: the device that does the work, and the number format that is quick on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from serpentune.common.errors import UserError

if TYPE_CHECKING:
    import torch


def device() -> torch.device:
    """This process's CUDA GPU where there is one (`LOCAL_RANK` chooses among several), else the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def weight_dtype() -> torch.dtype:
    """bf16 on a GPU that computes in it, else fp32.

    A CPU without native bf16 is 17 to 20 times slower in bf16 than in fp32, and one that has it gains little at the
    sizes a CPU can train, so a CPU always gets fp32.
    """
    import torch

    if torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32


def bf16_is_native() -> bool:
    """Whether this machine's GPU, or its CPU where there is no GPU, computes in bf16 itself."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not hasattr(torch.cpu, "get_capabilities"):  # an older torch can't tell, so nothing is promised
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))


def check_precision(*, fp16: bool, bf16: bool | None) -> None:
    """Refuse a number format that this machine can't compute in.

    Raises:
        UserError: fp16 without a GPU, or bf16 where nothing computes in it natively.
    """
    import torch

    if fp16 and not torch.cuda.is_available():
        raise UserError("fp16 needs a CUDA GPU, and this machine has none. Leave fp16 out: a CPU trains in fp32.")
    if bf16 and not bf16_is_native():
        where = "GPU" if torch.cuda.is_available() else "CPU"
        raise UserError(
            f"bf16 was asked for, but this machine's {where} has no native bf16 and would be many times slower than "
            "in fp32. Leave bf16 out, or use a GPU that has it."
        )
