"""Floor 12, cli: `serpentune dataset inspect` and `serpentune dataset report`."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number
from serpentune.common.visible import visible

if TYPE_CHECKING:
    from serpentune.datasets import Inspection, Shown

_FACTS = ("teacher", "style", "encoding", "board", "game", "seed", "step", "snake_length")


def inspect(
    out: Output,
    path: Annotated[Path, typer.Argument(metavar="DATASET", help="The data set's folder.", show_default=False)],
    split: Annotated[str, option("--split", metavar="NAME", help="train, validation or test.")] = "train",
    records: Annotated[int, option("--records", metavar="N", help="How many records are shown.")] = 3,
    record: Annotated[
        int | None,
        option("--record", metavar="N", help="Show this one of the split, from 0.", default="some by chance"),
    ] = None,
    teacher: Annotated[
        str | None, option("--teacher", metavar="NAME", help="Only records of this player.", default="everyone's")
    ] = None,
    style: Annotated[
        str | None, option("--style", metavar="NAME", help="Only answers in this style.", default="all")
    ] = None,
    seed: Annotated[int, option("--seed", metavar="N", help="Decides which records are shown.")] = 0,
) -> None:
    """Look at a data set: what it holds, and some of its records.

    Each record is shown as the board of its prompt, with the moves of its answer as arrows, and as text.
    """
    from serpentune.datasets import inspect_dataset

    found = inspect_dataset(path, split=split, records=records, number=record, teacher=teacher, style=style, seed=seed)
    if out.json:
        shown = [{"number": each.number, **each.record} for each in found.shown]
        out.document({"counts": found.counts, "split": split, "matching": found.matching, "records": shown})
        return
    _summary(out, found)
    for each in found.shown:
        _show(out, each, split)


def _summary(out: Output, found: Inspection) -> None:
    splits = list(next(iter(found.counts["teacher"].values()), {}))
    everything = {split: sum(of[split] for of in found.counts["teacher"].values()) for split in splits}
    rows = [_row("records", "all", everything)]
    for column, counts in found.counts.items():
        labels = [column, *[""] * len(counts)]
        rows += [_row(label, word, of) for label, (word, of) in zip(labels, counts.items(), strict=False)]
    out.table(["by", "name", *splits, "all"], rows)


def _row(label: str, name: str, counts: dict[str, int]) -> list[str]:
    return [label, visible(name), *(number(count, 0) for count in (*counts.values(), sum(counts.values())))]


def _show(out: Output, shown: Shown, split: str) -> None:
    record = shown.record
    out.line()
    out.rule(f"record {shown.number} of {split}")
    facts = _facts(shown)
    if shown.state is None:
        out.facts(facts)
    else:
        out.board(shown.state, facts, shown.moves)
    for name in ("prompt", "completion"):
        out.line(f"{name}:")
        out.line(textwrap.indent(visible(record[name]).rstrip("\n"), "  "))


def _facts(shown: Shown) -> dict[str, str]:
    from serpentune.datasets.symmetries import SYMMETRIES
    from serpentune.game import letters

    record, symmetry = shown.record, shown.record["symmetry"]
    facts = {name: "none" if record[name] is None else visible(str(record[name])) for name in _FACTS}
    facts["snake length"] = facts.pop("snake_length")
    facts["symmetry"] = "none" if not symmetry else SYMMETRIES[symmetry]
    facts["verified"] = "yes" if record["verified"] else "no"
    if shown.state is None:
        facts["encoding"] += " (holds no state that could be drawn)"
    facts["moves"] = f"{len(shown.moves)}: {letters(shown.moves)}" if shown.moves else "none"
    return facts


def report(
    out: Output,
    path: Annotated[Path, typer.Argument(metavar="DATASET", help="The data set's folder.", show_default=False)],
    output: Annotated[Path, option("--output", "-o", metavar="FILE", help="The HTML file.")],
    title: Annotated[
        str | None, option("--title", metavar="TEXT", help="The page's headline.", default="the folder's name")
    ] = None,
    states: Annotated[
        int, option("--states", metavar="N", help="States in which teachers are compared, drawn at random.")
    ] = 5_000,
    tokenizer: Annotated[
        str,
        option("--tokenizer", metavar="MODEL", help="What measures records in tokens: nano, a folder, a hub id."),
    ] = "nano",
    token_records: Annotated[
        int, option("--token-records", metavar="N", help="Records that are measured, drawn at random; 0: none.")
    ] = 2_000,
    seed: Annotated[int, option("--seed", metavar="N", help="Decides what is drawn.")] = 0,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write one HTML page about a data set.

    It shows counts, snakes, positions, answers, agreement of the players, and tokens, and opens without a network.
    """
    from serpentune.common.files import ensure_no_file
    from serpentune.common.progress import progress_bar
    from serpentune.report import write_dataset_report

    ensure_no_file(output, overwrite=overwrite)
    with progress_bar("Reading records", None, quiet=out.quiet) as advance:
        write_dataset_report(
            path,
            output,
            title=title,
            tokenizer=tokenizer if token_records else None,
            token_records=token_records,
            states=states,
            seed=seed,
            progress=advance,
        )
    if out.json:
        out.document({"report": output})
    else:
        out.line(str(output))
