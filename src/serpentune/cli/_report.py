"""Floor 12, cli: `serpentune report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serpentune.cli import _comparison_options as asked
from serpentune.cli._arguments import option
from serpentune.cli._output import Output
from serpentune.common.errors import UserError


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
    title: Annotated[
        str | None, option("--title", metavar="TEXT", help="The headline.", default="one for any report")
    ] = None,
    baseline: asked.Baseline = None,
    all_pairs: asked.AllPairs = False,
    by: asked.By = "checkpoint",
    metrics: asked.Metrics = None,
    margin: asked.Margin = None,
    level: asked.Level = 0.95,
    against: Annotated[
        str | None,
        option(
            "--against",
            metavar="AXIS",
            help="samples or parameters: instead of a page a picture (.png, .svg, .pdf) of how often students win "
            "against what they were made of, and its points as JSON beside it.",
        ),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Write one HTML page with tables, charts and replays.

    It opens without a network. Where there are several models, each is compared with the first, or as `serpentune
    compare` would with the same options. What it says can be had as JSON, CSV or Markdown too.
    """
    from serpentune.report import plot_scaling, report_folders

    if against is not None:
        if of_a_page := sorted(out.typed - {"--output", "--against", "--overwrite"}):
            raise UserError(f"A curve against {against} has neither comparisons nor formats. Leave out {of_a_page[0]}.")
        files: tuple[Path, ...] = plot_scaling(results, output, against=against, overwrite=overwrite)
    else:
        chosen = asked.comparison(by=by, baseline=baseline, all_pairs=all_pairs, metrics=metrics, margin=margin)
        files = report_folders(
            results, output, title=title, formats=formats, overwrite=overwrite, level=level, **chosen
        )
    if out.json:
        out.document({"files": files})
    else:
        for file in files:
            out.line(str(file))
