"""Floor 12, cli: `serpentune config template` and `serpentune config validate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number, percent

if TYPE_CHECKING:
    from serpentune.pipeline import ConfigCheck
    from serpentune.training import Forecast, MemoryEstimate

_UNKNOWN = "unknown without --dataset"


def template(
    out: Output,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The template; without it, all are listed.")
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", "-o", metavar="FILE", help="Where to write it, .yaml or .json.", default="shown here"),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Show or write a ready training configuration.

    Each setting is explained. Change what you like, look ahead with `serpentune config validate`, and train with
    `serpentune train --config`.
    """
    from serpentune.common.errors import UserError
    from serpentune.training import ConfigurationTemplate

    if name is None:
        if output is not None:
            raise UserError(f"Which template? One of: {', '.join(ConfigurationTemplate.names())}.")
        purposes = {known: ConfigurationTemplate.purpose(known) for known in ConfigurationTemplate.names()}
        out.document(purposes) if out.json else out.facts(purposes)
    elif output is not None:
        path = ConfigurationTemplate.write(name, output, overwrite=overwrite)
        out.document({"path": path}) if out.json else out.line(str(path))
    elif out.json:
        out.document(ConfigurationTemplate.get(name).model_dump(mode="json"))
    else:
        out.line(ConfigurationTemplate.yaml(name).rstrip("\n"))


def validate(
    out: Output,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A configuration or recipe, YAML or JSON.")],
    set: options.Set = None,  # noqa: A002 - as users type it
    dataset: Annotated[
        Path | None, option("--dataset", metavar="DIR", help="The data set to train on: tells steps and lengths.")
    ] = None,
    gpus: Annotated[int | None, option("--gpus", metavar="N", help="GPUs that share the batches.", default="1")] = None,
    card_memory: Annotated[
        float | None,
        option("--card-memory", metavar="GB", help="Memory of each GPU, such as 80.", default="this machine's"),
    ] = None,
) -> None:
    """Say what is wrong with a file and what its run will be.

    It may be a training configuration, that of a whole run, or a recipe. Nothing is downloaded or trained.
    Exit code 0: it can be used. Exit code 2: it can't; every reason is listed.
    """
    from serpentune.common.settings import parse_settings
    from serpentune.pipeline import check_config

    done = check_config(file, parse_settings(set or ()), dataset=dataset, gpus=gpus, card_memory=card_memory)
    if out.json:
        out.document(_document(done))
    else:
        _show(out, done)
    if not done.usable:
        raise typer.Exit(2)


def _document(done: ConfigCheck) -> dict[str, Any]:
    runs = {}
    for name, run in done.runs.items():
        memory = None if run.memory is None else {**asdict(run.memory), "total": run.memory.total}
        runs[name] = {**asdict(run), "memory": memory}
    return {"file": done.file, "kind": done.kind, "usable": done.usable, "problems": done.problems, "runs": runs}


def _show(out: Output, done: ConfigCheck) -> None:
    verdict = "can" if done.usable else "can't"
    out.line(f"{done.file} is {done.kind}: {done.purpose}. It {verdict} be used.")
    _list(out, "What is wrong:", done.problems)
    if len(done.runs) > 1:
        _show_runs(out, done)
    for name, run in done.runs.items() if len(done.runs) == 1 else ():
        out.line()
        _show_run(out, name, run)


def _show_runs(out: Output, done: ConfigCheck) -> None:
    """The runs of a sweep: a line each, and what is to be said of them, once."""
    out.line()
    out.table(
        ["run", "samples a step", "steps", "parameters that learn", "memory"],
        [
            [
                name,
                number(run.effective_batch, 0),
                _known(run.steps),
                _known(run.trainable_parameters),
                "unknown" if run.memory is None else _gigabytes(run.memory.total),
            ]
            for name, run in done.runs.items()
        ],
    )
    problems: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    for name, run in done.runs.items():
        for said, found in ((problems, run.problems), (notes, run.notes)):
            for line in found:
                said.setdefault(line, []).append(name)
    for title, said in (("What is wrong:", problems), ("To know:", notes)):
        _list(out, title, tuple(f"{_whose(names, done)}{line}" for line, names in said.items()))


def _whose(names: Sequence[str], done: ConfigCheck) -> str:
    return "" if len(names) == len(done.runs) else f"{'; '.join(names)}: "


def _known(count: int | None) -> str:
    return "unknown" if count is None else number(count, 0)


def _show_run(out: Output, name: str, run: Forecast) -> None:
    facts = {
        "run": name,
        "device": run.device if run.devices == 1 else f"{run.devices} of {run.device}",
        "samples": _UNKNOWN if run.samples is None else number(run.samples, 0),
        "samples a step": number(run.effective_batch, 0),
        "steps an epoch": _UNKNOWN if run.steps_per_epoch is None else number(run.steps_per_epoch, 0),
        "steps": _UNKNOWN if run.steps is None else number(run.steps, 0),
    }
    if run.parameters is not None and run.trainable_parameters is not None:
        share = percent(run.trainable_parameters / run.parameters)
        facts["learning"] = (
            f"{number(run.trainable_parameters, 0)} parameters, {share} of the base's {number(run.parameters, 0)}"
        )
    if run.memory is not None:
        facts["memory"] = (
            f"about {_gigabytes(run.memory.total)} of {_gigabytes(run.memory_limit)}, {run.tokens} tokens a sample"
        )
    out.facts(facts)
    if run.memory is not None:
        out.line(f"  {_parts(run.memory)}")
    _list(out, "What is wrong:", run.problems)
    _list(out, "With one of these it fits:", run.dials)
    _list(out, "To know:", run.notes)


def _list(out: Output, title: str, lines: tuple[str, ...]) -> None:
    if lines:
        out.line()
        out.line(title)
        for line in lines:
            out.paragraph(f"- {line}")


def _parts(memory: MemoryEstimate) -> str:
    return ", ".join(f"{name} {number(size / 1e9)}" for name, size in asdict(memory).items())


def _gigabytes(size: int) -> str:
    return f"{number(size / 1e9, 1)} GB"
