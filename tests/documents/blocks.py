"""The code blocks of a Markdown page, and which of their lines its author said can't run in a test.

A block is run by its language: `bash` and `sh` by bash, `python` by Python; `yaml`, `json` and `toml` are read; `text`
is what a command prints. What can't run is named above its block, with the reason, in a comment that readers don't see:

    <!-- not run: torchrun: needs two GPUs -->     the lines that begin so
    <!-- not run: all: needs a cluster -->         the whole block
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELL = ("bash", "sh")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(
    r"(?P<marks>(?:^<!-- not run: .*? -->\n+)*)^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_MARK = re.compile(r"<!-- not run: (?P<what>.*?): (?P<why>.*?) -->")
_ANY_MARK = re.compile(r"^\s*<!--\s*not run", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: its file.
        line: of its first line of text.
        language: as written behind the fence.
        text: what stands between the fences.
        not_run: beginnings of lines that a test leaves out, or "all", with the reasons.
    """

    page: Path
    line: int
    language: str
    text: str
    not_run: dict[str, str]

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.page.name}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """A shell block's lines, continued ones as one."""
        return [line for line in re.sub(r"\s*\\\n\s*", " ", self.text).splitlines() if line.strip()]

    def left_out(self, command: str) -> bool:
        """Whether the page says that a line can't run in a test."""
        return "all" in self.not_run or any(command.startswith(beginning) for beginning in self.not_run)

    @property
    def to_run(self) -> str:
        """The text without what can't run."""
        if "all" in self.not_run:
            return ""
        if not self.not_run:
            return self.text
        return "\n".join(command for command in self.commands if not self.left_out(command))


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order.

    Raises:
        AssertionError: a mark belongs to no block, names no line of it, or gives no reason.
    """
    text = page.read_text(encoding="utf-8", errors="replace")
    found = list(_found(page, text))
    assert sum(len(block.not_run) for block in found) == len(_ANY_MARK.findall(text)), f"{page.name}: a stray mark"
    for block in found:
        for what in set(block.not_run) - {"all"}:
            assert any(command.startswith(what) for command in block.commands), f"{block.place}: no line {what!r}"
    return found


def _found(page: Path, text: str) -> Iterator[Block]:
    for match in _FENCED.finditer(text):
        marks = {mark["what"]: mark["why"] for mark in _MARK.finditer(match["marks"])}
        line = text.count("\n", 0, match.start("text")) + 1
        yield Block(page, line, match["language"], match["text"], marks)
