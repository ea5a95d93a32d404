"""Floor 12, cli: `serpentune export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number


def export(
    out: Output,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A student's folder, a built-in model, or a hub id.")],
    output: Annotated[
        Path | None, option("--output", metavar="DIR", help="The folder to make, for --merge and --gguf.")
    ] = None,
    merge: Annotated[
        bool, option("--merge", help="Write a whole model that transformers loads by itself, adapter and base in one.")
    ] = False,
    gguf: Annotated[
        list[str] | None,
        option(
            "--gguf",
            metavar="FORMAT...",
            help="Write a GGUF file for llama.cpp in each format: f32, f16, bf16, q8_0. Commas may stand between them.",
        ),
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"],
        option("--dtype", metavar="FORMAT", help="Weights of --merge: float32 (exact), or bfloat16 or float16 (half)."),
    ] = "float32",
    push: Annotated[
        str | None,
        option(
            "--push",
            metavar="OWNER/NAME",
            help="Send the folder to the hub, without --merge and --gguf the student's own; private unless --public.",
        ),
    ] = None,
    public: Annotated[bool, option("--public", help="Let everyone see a repository that is made now.")] = False,
    results: Annotated[
        Path | None,
        option("--results", metavar="DIR", help="Show the figures of this evaluation of the model on its card."),
    ] = None,
    trust_remote_code: options.TrustRemoteCode = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a folder that holds files.")] = False,
) -> None:
    """Take a model away: merged, as GGUF, or to the hub.

    A model card goes with it. Nothing is sent anywhere without --push, whose token is that of `hf auth login` or
    HF_TOKEN.
    """
    from serpentune.pipeline import export_student

    made = export_student(
        model,
        output,
        merge=merge,
        gguf=[kind for word in gguf or [] for kind in word.split(",") if kind],
        dtype=dtype,
        push=push,
        private=not public,
        results=results,
        trust_remote_code=bool(trust_remote_code),
        overwrite=overwrite,
        quiet=out.quiet,
    )
    if out.json:
        out.document(made)
        return
    if made.exported is not None:
        if made.exported.gguf:
            out.table(
                ["file", "MB", "tensors", "kept in another format"],
                [
                    [
                        file.path.name,
                        number(file.bytes / 1e6, 1),
                        ", ".join(f"{count} {kind}" for kind, count in file.tensors.items()),
                        number(file.kept, 0),
                    ]
                    for file in made.exported.gguf
                ],
            )
        out.line(str(made.exported.path))
    if made.pushed is not None:
        out.line(made.pushed)
