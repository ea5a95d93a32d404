"""Floor 12, cli: `serpentune dataset build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number


def build(
    out: Output,
    heuristic_dirs: Annotated[
        list[str],
        option("--heuristic-dirs", metavar="DIR...", help="Run folders, folders of run folders, or quoted globs."),
    ],
    output: Annotated[Path, option("--output", metavar="DIR", help="The data set's folder.")],
    algorithms: Annotated[
        list[str] | None,
        option("--algorithms", metavar="NAME...", help="Whose games to learn from; without it, everyone's."),
    ] = None,
    max_samples_per_algorithm: Annotated[
        int,
        option(
            "--max-samples-per-algorithm", metavar="N", help="Records of each at most; all contribute equally many."
        ),
    ] = 10_000,
    styles: Annotated[
        list[str] | None,
        option(
            "--styles",
            metavar="STYLE...",
            help="plan: the moves to the next apple; move: the next move. Several get equal shares.",
            default="plan",
        ),
    ] = None,
    encoding: Annotated[str, option("--encoding", metavar="NAME", help="How a board is written.")] = "grid",
    train_test_split: Annotated[
        float,
        option(
            "--train-test-split",
            metavar="SHARE",
            help="Share of the games to train on; validation and test get half of the rest each.",
        ),
    ] = 0.8,
    seed: Annotated[int, option("--seed", metavar="N", help="Decides the split and the sample.")] = 0,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a folder that holds files.")] = False,
) -> None:
    """Turn game logs into prompts and completions, split by game."""
    from serpentune.common.progress import progress_bar
    from serpentune.datasets import build_dataset

    with progress_bar("Writing records", None, quiet=out.quiet) as advance:
        stats = build_dataset(
            heuristic_dirs,
            output,
            algorithms=algorithms,
            max_samples_per_algorithm=max_samples_per_algorithm,
            styles=styles or ["plan"],
            encoding=encoding,
            train_share=train_test_split,
            seed=seed,
            overwrite=overwrite,
            progress=advance,
        )
    if out.json:
        out.document(stats)
        return
    out.table(
        ["teacher", "games", *stats.records],
        [
            [name, number(stats.games[name], 0), *(number(counts.get(split, 0), 0) for split in stats.records)]
            for name, counts in stats.by_teacher.items()
        ],
    )
    if stats.refused:
        out.line(f"{number(len(stats.refused), 0)} games were left out: see `serpentune logs check`.")
    out.line(str(stats.path))
