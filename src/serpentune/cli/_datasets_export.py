"""Floor 12, cli: `serpentune dataset export`, `push` and `pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number

_Folder = Annotated[Path, typer.Argument(metavar="PATH", help="The data set's folder.")]


def export(
    out: Output,
    path: _Folder,
    format: Annotated[  # noqa: A002 - it is what users type
        Literal["jsonl", "messages", "csv", "parquet"],
        option(
            "--format",
            metavar="FORMAT",
            help="jsonl; messages: JSONL in the form of chats; csv: 19 columns of numbers and the move; parquet.",
        ),
    ],
    output: Annotated[
        Path,
        option(
            "--output",
            metavar="FILE_OR_DIR",
            help="A name with a suffix is one file for all splits; any other is a folder with a file for each.",
        ),
    ],
    splits: Annotated[
        list[str] | None,
        option("--split", metavar="NAME...", help="train, validation or test.", default="all three"),
    ] = None,
    columns: Annotated[
        list[str] | None,
        option("--columns", metavar="NAME...", help="Which columns, in this order; not with csv.", default="all"),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace files of the same names.")] = False,
) -> None:
    """Write a data set as files for other programs."""
    from serpentune.common.progress import progress_bar
    from serpentune.datasets.export import export as export_dataset

    with progress_bar("Writing records", None, quiet=out.quiet) as advance:
        made = export_dataset(
            path, output, format, splits=splits, columns=columns, overwrite=overwrite, progress=advance
        )
    if out.json:
        out.document(made)
        return
    out.table(["split", "records"], [[split, number(count, 0)] for split, count in made.records.items()])
    for file in made.files:
        out.line(str(file))


def push(
    out: Output,
    path: _Folder,
    target: Annotated[
        str, typer.Argument(metavar="REPO_ID", help="OWNER/NAME on the hub, or a folder that begins with /, . or file:")
    ],
    public: Annotated[bool, option("--public", help="Let everyone see a repository that is made now.")] = False,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a folder that holds a data set.")] = False,
) -> None:
    """Send a data set to the Hugging Face hub.

    The files are compared with the hashes in the manifest first. The token is the one of `hf auth login` or HF_TOKEN.
    """
    from serpentune.datasets.hub import push as push_dataset

    where = push_dataset(path, target, private=not public, overwrite=overwrite)
    if out.json:
        out.document({"pushed": str(path), "to": where})
        return
    out.line(where)


def pull(
    out: Output,
    source: Annotated[
        str, typer.Argument(metavar="REPO_ID", help="OWNER/NAME on the hub, or a folder that begins with /, . or file:")
    ],
    output: _Folder,
    revision: Annotated[
        str | None,
        option("--revision", metavar="NAME", help="Branch, tag or commit on the hub.", default="the newest state"),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a folder that holds a data set.")] = False,
) -> None:
    """Fetch a data set from the Hugging Face hub, and check it.

    One of serpentune comes byte by byte and is compared with its hashes; of others, prompts and completions are read.
    """
    from serpentune.datasets.hub import pull as pull_dataset

    manifest = pull_dataset(source, output, revision=revision, overwrite=overwrite)
    if out.json:
        out.document({"pulled": source, "path": output, "manifest": manifest})
        return
    out.table(["split", "records"], [[split, number(count, 0)] for split, count in manifest["records"].items()])
    out.line(str(output))
