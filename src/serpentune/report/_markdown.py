"""Floor 10, report: the report as Markdown, from the words and tables of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from serpentune.common.visible import visible
from serpentune.report._tables import Table


def markdown(title: str, context: Mapping[str, Any]) -> str:
    """The page's summary, tables and sources without its charts and replays; `context` is what its template shows."""
    summary, comparison, lengths = context["summary"], context["comparison"], context["lengths"]
    lines = [f"# {escape(title)}", ""]
    if comparison:
        lines += _list(pair.verdict for pair in comparison.pairs)
    lines += _paragraphs(summary.lead, *context["notes"])
    lines += _list(f"{name}: {value}" for name, value in summary.facts)
    lines += _paragraphs(summary.claim)
    lines += ["## Models", "", *_paragraphs(summary.means)]
    lines += [*_table(context["play_table"]), *_table(context["language_table"])]
    lines += _paragraphs(context["unmeasured"])
    if context["profiles_table"]:
        lines += [*_paragraphs(context["profiles_note"]), *_table(context["profiles_table"])]
    lines += _table(context["endings_table"])
    if lengths:
        lines += ["## By snake length", ""]
        if lengths["wins_table"]:
            lines += [*_paragraphs(lengths["wins_note"]), *_table(lengths["wins_table"])]
        lines += _paragraphs(*lengths["caveats"])
        for table in lengths["tables"]:
            lines += _table(table)
    if comparison:
        lines += ["## Comparisons", "", *_paragraphs(comparison.note)]
        for pair in comparison.pairs:
            lines += [f"### {escape(pair.a)} against {escape(pair.b)}", "", *_table(pair.table), *_list(pair.details)]
        if context["agreement_table"]:
            lines += [*_paragraphs(context["agreement_note"]), *_table(context["agreement_table"])]
        lines += _paragraphs(*comparison.scopes)
    lines += ["## Training", "", *_table(context["training_table"]), *_paragraphs(context["training_note"])]
    for table in context["dataset_tables"]:
        lines += _table(table)
    lines += _list(f"{name}: {value}" for name, value in context["dataset_facts"])
    lines += ["## How it was made", ""]
    if context["commands"]:
        lines += [*_code(context["commands"]), ""]
    lines += _list(f"{name}: {value}" for name, value in context["provenance"].shared)
    names = [model.name for model in context["models"]]
    lines += _paragraphs(context["intervals"])
    lines += _rows(["What differs", *names], [[name, *values] for name, values in context["provenance"].differing])
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that is nothing but text in Markdown: a model's name is somebody's input."""
    flat = " ".join(visible(text).split())
    entities = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", entities)


def _table(table: Table | None) -> list[str]:
    """A table under its caption; nothing for none."""
    if table is None:
        return []
    heads = [table.name_head, *(column.head for column in table.columns)]
    rows = [
        [row.name, *(f"{cell.text} {cell.detail}".strip() for cell in row.cells)]
        for row in table.rows
    ]  # fmt: skip
    return ([] if table.titled else [f"**{escape(table.caption)}**", ""]) + _rows(heads, rows)


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cell if cell == '---' else escape(cell) for cell in line)} |" for line in lines] + [""]


def _paragraphs(*sentences: str) -> list[str]:
    """Each that isn't empty as a paragraph."""
    return [f"{escape(sentence)}\n" for sentence in sentences if sentence]


def _list(items: Iterable[str]) -> list[str]:
    lines = [f"- {escape(item)}" for item in items]
    return [*lines, ""] if lines else []


def _code(commands: Sequence[str]) -> list[str]:
    """Lines in a fence that is longer than any in them."""
    text = [line for command in commands for line in visible(command).splitlines()]
    longest = max((len(ticks) for line in text for ticks in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *text, fence]
