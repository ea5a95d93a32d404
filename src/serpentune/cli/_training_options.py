"""Floor 12, cli: the options that `train` and `run` share, and how they get into a configuration.

An option that isn't given is None, so that what a `--config` file says, or the configuration's own default, stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from serpentune.cli._arguments import option
from serpentune.common.errors import UserError

if TYPE_CHECKING:
    from serpentune.common.settings import Settings

MODEL, LEARNING, LORA = "Model", "Learning", "Adapters"
WATCHING, MACHINE = "Looking and saving", "Machine"

BaseModel = Annotated[
    str | None,
    option(
        "--base-model",
        metavar="MODEL",
        help="A built-in model (nano, nano-6x6, nano-10x10, smollm2-135m, scratch-10m), a folder, a GGUF file, "
        "or a hub id.",
        default="nano",
        section=MODEL,
    ),
]
Strategy = Annotated[
    str | None,
    option(
        "--training-strategy",
        metavar="NAME",
        help="lora, dora, rslora, pissa, qlora or full.",
        default="lora",
        section=MODEL,
    ),
]
MaxLength = Annotated[
    int | None,
    option(
        "--max-length",
        metavar="N",
        help="Tokens of a sample; longer ones are left out and counted.",
        default="512",
        section=MODEL,
    ),
]
Chat = Annotated[bool | None, option("--chat", help="Train through an instruct model's chat template.", section=MODEL)]
TrustRemoteCode = Annotated[
    bool | None,
    option("--trust-remote-code", help="Run code that the model brings; it may do anything.", section=MODEL),
]
Epochs = Annotated[
    float | None, option("--epochs", metavar="N", help="Passes over the training data.", default="3", section=LEARNING)
]
MaxSteps = Annotated[
    int | None,
    option(
        "--max-steps", metavar="N", help="Optimiser steps after which to stop, whatever the epochs.", section=LEARNING
    ),
]
BatchSize = Annotated[
    int | None,
    option("--batch-size", metavar="N", help="Samples that a device works on at once.", default="4", section=LEARNING),
]
Accumulation = Annotated[
    int | None,
    option(
        "--gradient-accumulation-steps",
        metavar="N",
        help="Batches in an optimiser step.",
        default="4",
        section=LEARNING,
    ),
]
LearningRate = Annotated[
    float | None, option("--learning-rate", metavar="X", help="Its peak.", default="0.0002", section=LEARNING)
]
SuitedLearningRate = Annotated[
    float | None,
    option("--learning-rate", metavar="X", help="Its peak.", default="what suits model and strategy", section=LEARNING),
]
WarmupSteps = Annotated[
    int | None,
    option(
        "--warmup-steps",
        metavar="N",
        help="Steps to that peak, a tenth of the run at most.",
        default="100",
        section=LEARNING,
    ),
]
LoraR = Annotated[int | None, option("--lora-r", metavar="N", help="Rank of the adapter.", default="16", section=LORA)]
LoraAlpha = Annotated[
    float | None,
    option(
        "--lora-alpha",
        metavar="X",
        help="Its scale: what it adds is multiplied by alpha / rank.",
        default="32",
        section=LORA,
    ),
]
LoraDropout = Annotated[
    float | None,
    option(
        "--lora-dropout", metavar="X", help="Share of its inputs dropped while training.", default="0.1", section=LORA
    ),
]
LoggingSteps = Annotated[
    int | None, option("--logging-steps", metavar="N", help="Steps between two losses.", default="50", section=WATCHING)
]
EvalSteps = Annotated[
    int | None,
    option("--eval-steps", metavar="N", help="Steps between two looks at validation.", default="250", section=WATCHING),
]
SaveSteps = Annotated[
    int | None,
    option("--save-steps", metavar="N", help="Steps between two checkpoints.", default="500", section=WATCHING),
]
ReportTo = Annotated[
    list[str] | None,
    option("--report-to", metavar="NAME...", help="Trackers: tensorboard, wandb, trackio, mlflow.", section=WATCHING),
]
GradientCheckpointing = Annotated[
    bool | None, option("--gradient-checkpointing", help="Less memory, about a fifth slower.", section=MACHINE)
]
AutoBatchSize = Annotated[
    bool | None,
    option(
        "--auto-batch-size",
        help="Find the largest batch that fits; a step sees as many samples as before.",
        section=MACHINE,
    ),
]
Fp16 = Annotated[bool | None, option("--fp16", help="Mixed precision for GPUs older than bf16.", section=MACHINE)]
Bf16 = Annotated[
    bool | None, option("--bf16/--no-bf16", help="Mixed precision.", default="on GPUs that have it", section=MACHINE)
]
TorchCompile = Annotated[
    bool | None,
    option(
        "--torch-compile/--no-torch-compile",
        help="Compile the layers: seconds at the start, twice the speed.",
        default="on CUDA GPUs",
        section=MACHINE,
    ),
]
Workers = Annotated[
    int | None,
    option(
        "--dataloader-num-workers", metavar="N", help="Processes that prepare batches.", default="0", section=MACHINE
    ),
]
ExperimentsDir = Annotated[
    str | None, option("--output-dir", metavar="DIR", help="Folder of experiments.", default="output")
]

ConfigFile = Annotated[
    Path | None, option("--config", metavar="FILE", help="Settings as JSON or YAML; options override them.")
]

Set = Annotated[
    list[str] | None,
    option(
        "--set",
        metavar="KEY=VALUE...",
        help="Settings by name, over the file's: lora.rank=8 max_steps=100.",
    ),
]

_T = TypeVar("_T", bound="Settings")


def configuration(
    kind: type[_T],
    file: Path | None,
    places: Mapping[str, tuple[str, ...]],
    given: Mapping[str, Any],
    assignments: Sequence[str] = (),
) -> _T:
    """The settings of `file`, or the defaults, under those of `--set`, under the given options.

    Args:
        kind: the configuration's class.
        file: JSON or YAML; None for the defaults.
        places: where an option stands in the configuration, by its parameter's name; sections are set off by dots.
        given: values by parameter; None for an option that wasn't typed.
        assignments: what `--set` was given.

    Raises:
        UserError: a setting of the file, or an option, is wrong; the message names the option as it is typed.
    """
    from serpentune.common.settings import SettingsError, parse_settings

    chosen = {name: value for name, value in given.items() if value is not None}
    values = {kind.full_key(name): value for name, value in parse_settings(assignments).items()}
    values |= {place: value for name, value in chosen.items() for place in places[name]}
    try:
        return kind.from_values(values, file)
    except SettingsError as error:
        said = dict.fromkeys(_as_typed(str(problem), chosen, places) for problem in error.problems)
        of_options = all(sentence.startswith("--") for sentence in said)
        raise UserError(" ".join(said) if of_options else f"{error.where}: {' '.join(said)}") from error


def _as_typed(sentence: str, given: Mapping[str, Any], places: Mapping[str, tuple[str, ...]]) -> str:
    """What is wrong with a setting, with the name of the option that set it."""
    for name in given:
        for place in places[name]:
            sentence = re.sub(rf"^{re.escape(place)} = ", f"--{name.replace('_', '-')} ", sentence)
    return sentence
