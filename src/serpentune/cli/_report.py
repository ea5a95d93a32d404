"""Floor 12, cli: `serpentune report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output


def report(
    out: Output,
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="Results folders of `serpentune evaluate`, or a sweep or experiment that holds them.",
        ),
    ],
    output: Annotated[Path, option("--output", metavar="FILE", help="The file; its suffix says the format.")],
    formats: Annotated[
        list[str] | None,
        option(
            "--format",
            metavar="NAME...",
            help="html, json, csv or md: all of these, beside one another under the name of --output.",
            default="that of --output",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        option("--baseline", metavar="NAME", help="The model that the others are compared with.", default="the first"),
    ] = None,
    title: Annotated[str, option("--title", metavar="TEXT", help="The headline.")] = "Language models that play Snake",
    overwrite: Annotated[bool, option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Write one HTML page with tables, charts and replays.

    It opens without a network. Where there are several models, each is compared with the first. What it says can be had
    as JSON, CSV or Markdown too.
    """
    from serpentune.report import report_folders

    files = report_folders(results, output, title=title, baseline=baseline, formats=formats, overwrite=overwrite)
    if out.json:
        out.document({"files": files})
    else:
        for file in files:
            out.line(str(file))
