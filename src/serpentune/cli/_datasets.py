"""Floor 12, cli: `serpentune dataset build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number
from serpentune.common.errors import UserError

_CHECKS = "Checks"
_SPLIT = "Splits"


def build(
    out: Output,
    output: Annotated[Path, option("--output", metavar="DIR", help="The data set's folder.")],
    config: Annotated[
        Path | None,
        option("--config", metavar="FILE", help="A recipe, YAML or JSON; the other options change what it says."),
    ] = None,
    heuristic_dirs: Annotated[
        list[str] | None,
        option("--heuristic-dirs", metavar="DIR...", help="Run folders, folders of run folders, or quoted globs."),
    ] = None,
    algorithms: Annotated[
        list[str] | None,
        option(
            "--algorithms",
            metavar="NAME...",
            help="Whose games to learn from; without it, everyone's. NAME=WEIGHT gives other than equal shares.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        option(
            "--label",
            metavar="NAME",
            help="The teacher who is asked for the answer of every record, whoever played; player: the one who played.",
            default="what was played",
        ),
    ] = None,
    max_samples_per_algorithm: Annotated[
        int | None,
        option(
            "--max-samples-per-algorithm",
            metavar="N",
            help="Records of each at most; all contribute equally many.",
            default="10000",
        ),
    ] = None,
    grid_sizes: Annotated[
        list[str] | None, option("--grid-sizes", metavar="SIZE...", help="Boards to take games from: 10, 12x8.")
    ] = None,
    styles: Annotated[
        list[str] | None,
        option(
            "--styles",
            metavar="STYLE...",
            help="plan: the moves to the next apple; move: the next move; explain: the next move and why; "
            "explain-short: without what only counting can tell. STYLE=SHARE gives other than equal shares.",
            default="plan",
        ),
    ] = None,
    drop_explanations: Annotated[
        float | None,
        option(
            "--drop-explanations",
            metavar="P",
            help="Probability with which an explanation asks for the move alone instead.",
            default="0",
        ),
    ] = None,
    encoding: Annotated[
        list[str] | None,
        option(
            "--encoding",
            metavar="NAME...",
            help="How a board is written: grid, coordinates, simple, detailed, instruction. NAME=SHARE mixes several.",
            default="grid",
        ),
    ] = None,
    moves: Annotated[
        str | None,
        option(
            "--moves",
            metavar="WHICH",
            help="Which moves become records: all, every, apples, or auto: apples for plans, all for the rest.",
            default="auto",
        ),
    ] = None,
    every: Annotated[int | None, option("--every", metavar="K", help="The K of --moves every.", default="4")] = None,
    balance: Annotated[
        list[str] | None,
        option(
            "--balance",
            metavar="WHAT...",
            help="What contributes equally: teacher, board, length (of the snake), position (of its head).",
            default="teacher",
        ),
    ] = None,
    symmetries: Annotated[
        str | None,
        option(
            "--symmetries",
            metavar="POLICY",
            help="Turn and mirror boards and answers: none, symmetric, checked, any (docs/symmetries.md).",
            default="none",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        option("--formats", metavar="NAME...", help="parquet, always; jsonl.", default="parquet jsonl"),
    ] = None,
    duplicates: Annotated[
        str | None,
        option("--duplicates", metavar="POLICY", help="exact, symmetric, off.", default="exact", section=_CHECKS),
    ] = None,
    contradictions: Annotated[
        str | None,
        option(
            "--contradictions", metavar="POLICY", help="tagged, drop, vote, off.", default="tagged", section=_CHECKS
        ),
    ] = None,
    min_score: Annotated[
        int | None,
        option("--min-score", metavar="N", help="Leave out games with fewer apples.", default="0", section=_CHECKS),
    ] = None,
    drop_tail: Annotated[
        int | None,
        option(
            "--drop-tail",
            metavar="K",
            help="Leave out the last K moves of lost games.",
            default="0",
            section=_CHECKS,
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        option("--max-tokens", metavar="N", help="Leave out longer records.", default="no limit", section=_CHECKS),
    ] = None,
    tokenizer: Annotated[
        str | None,
        option(
            "--tokenizer",
            metavar="MODEL",
            help="What measures --max-tokens: nano, a folder, a hub id.",
            default="nano",
            section=_CHECKS,
        ),
    ] = None,
    train_test_split: Annotated[
        float | None,
        option(
            "--train-test-split",
            metavar="SHARE",
            help="Share of the games to train on; validation and test get half of the rest each.",
            default="0.8",
            section=_SPLIT,
        ),
    ] = None,
    leaks: Annotated[
        str | None,
        option(
            "--leaks",
            metavar="WHERE",
            help="A state of two splits is left out of: train, held-out; off keeps it.",
            default="train",
            section=_SPLIT,
        ),
    ] = None,
    seed: Annotated[
        int | None, option("--seed", metavar="N", help="Decides the split, the sample and the order.", default="0")
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a folder that holds files.")] = False,
) -> None:
    """Turn game logs into prompts and completions.

    Every record is replayed and checked, teachers are balanced, and the splits are by game and without leaks.
    """
    from serpentune.common.progress import phase_bars
    from serpentune.datasets import Recipe
    from serpentune.pipeline import build_from_recipe

    recipe = Recipe.of(
        config,
        sources=heuristic_dirs,
        teachers=_weights(algorithms),
        label=label,
        samples_per_teacher=max_samples_per_algorithm,
        grid_sizes=grid_sizes,
        styles=_shares(styles),
        drop_explanations=drop_explanations,
        encodings=_shares(encoding),
        moves=moves,
        every=every,
        balance=balance,
        symmetries=symmetries,
        formats=formats,
        checks={
            "duplicates": duplicates,
            "contradictions": contradictions,
            "min_score": min_score,
            "drop_tail": drop_tail,
            "max_tokens": max_tokens,
            "tokenizer": tokenizer,
        },
        split={"train": train_test_split, "leaks": leaks},
        seed=seed,
    )
    with phase_bars(quiet=out.quiet) as progress:
        stats = build_from_recipe(recipe, output, overwrite=overwrite, progress=progress)
    if out.json:
        out.document(stats)
        return
    out.table(
        ["player" if recipe.label else "teacher", "games", *stats.records],
        [
            [name, number(stats.games[name], 0), *(number(counts.get(split, 0), 0) for split in stats.records)]
            for name, counts in stats.by_player.items()
        ],
    )
    if any(about["count"] for about in stats.manifest["checks"].values()):
        out.table(
            ["check", "count", "what was done"],
            [
                [name, number(about["count"], 0), about["action"]]
                for name, about in stats.manifest["checks"].items()
                if about["count"]
            ],
        )
    drawn = sum(sum(teacher["drawn"].values()) for teacher in stats.manifest["teachers"].values())
    kept = sum(stats.records.values())
    out.line(f"{number(drawn, 0)} records were drawn, {number(kept, 0)} are left after the checks.")
    if stats.refused:
        out.line(f"{number(len(stats.refused), 0)} games were left out: see `serpentune logs check`.")
    out.line(str(stats.path))


def _weights(values: list[str] | None) -> dict[str, Any] | None:
    """`["BFS", "CELL=2"]` as a recipe's `teachers`."""
    shares = _shares(values)
    return None if shares is None else {name: {"weight": share} for name, share in shares.items()}


def _shares(values: list[str] | None) -> dict[str, Any] | None:
    """`["plan=3", "move"]` as `{"plan": "3", "move": 1}`."""
    if values is None:
        return None
    shares: dict[str, Any] = {}
    for name, equals, share in (value.partition("=") for value in values):
        if name in shares:
            raise UserError(f"{name} is named twice.")
        shares[name] = share if equals else 1
    return shares
