"""Floor 5, models: what the libraries below do by themselves and must not, in one place."""

from __future__ import annotations

import errno
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Said at each import on a CPU with AVX-512 bf16, about a kernel that `keep_4bit_weights` keeps out of the way.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
# Said at each expansion of 4-bit weights, which is meant here.
logging.getLogger("transformers.integrations.bitsandbytes").setLevel(logging.ERROR)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Hide transformers' bars for reading and writing weights, and its warning about a name that PEFT still uses."""
    from transformers.utils import logging as bars

    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning
            )
            yield
    finally:
        if shown:
            bars.enable_progress_bar()


def keep_4bit_weights(model: Any) -> None:
    """Keep bitsandbytes from rewriting 4-bit weights when a model is merely looked at.

    On a CPU with AVX-512 bf16 it repacks them in place at the first forward pass in evaluation mode: the scales are
    rounded to bf16 for good, so training would go on from other weights than it began with, and layers whose width is
    no multiple of 64 fail (bitsandbytes 0.50).
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def restore_conv1d(model: Any) -> None:
    """Give an expanded 4-bit model the layers of its architecture again, so that it can be saved and loaded as one.

    Held in 4 bits, the `Conv1D` layers of GPT-2 become `Linear` ones, whose weights lie the other way round, and
    expanding them leaves them so (transformers 5.23).
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):
        plain = type(model)(model.config)
    for name, layer in plain.named_modules():
        if isinstance(layer, Conv1D):
            linear = model.get_submodule(name)
            layer.weight = torch.nn.Parameter(linear.weight.data.T.contiguous(), requires_grad=False)
            layer.bias = linear.bias
            model.set_submodule(name, layer)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise what libraries say of a disk in their own ways as the system's error, whose cause can be told.

    Raises:
        OSError: the disk is full, or a file can't be written.
    """
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        if found := re.search(r"\(os error (\d+)\)", str(error)):
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
        raise
    except OSError as error:
        if error.errno is None and "requested and" in str(error):  # numpy counts what a full disk didn't take
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
