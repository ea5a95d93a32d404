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
        list[Path], typer.Argument(metavar="RESULTS...", help="Results folders of `serpentune evaluate`.")
    ],
    output: Annotated[Path, option("--output", metavar="FILE", help="The HTML file.")],
    title: Annotated[str, option("--title", metavar="TEXT", help="The page's headline.")] = (
        "Language models that play Snake"
    ),
    overwrite: Annotated[bool, option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write one HTML page with tables, charts and replays.

    It opens without a network. Where there are several results, each is compared with the first.
    """
    from serpentune.common.errors import UserError
    from serpentune.comparison import compare_all
    from serpentune.evaluation import EvaluationResult
    from serpentune.report import write_report

    if output.exists() and not overwrite:
        raise UserError(f"{output} exists. Choose another file, or pass --overwrite to replace it.")
    loaded = [EvaluationResult.load(folder) for folder in results]
    comparisons = compare_all(loaded).values() if len(loaded) > 1 else ()
    path = write_report(loaded, output, title=title, comparisons=[each.to_json() for each in comparisons])
    if out.json:
        out.document({"report": path, "models": [result.name for result in loaded]})
    else:
        out.line(str(path))
