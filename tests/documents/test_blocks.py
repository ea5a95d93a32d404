"""What a page says of its blocks is read as it is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.blocks import blocks
from tests.documents.place import Place, smaller

PAGE = """
<!-- not run: torchrun: needs two GPUs -->
<!-- not run: make demo: takes minutes -->
```bash
make demo
serpentune train \\
    --dataset here      # as it is
torchrun anything
```

<!-- not run: all: needs a cluster -->
```sh
sbatch job
```

```text
what it says
```
"""


def page(folder: Path, text: str) -> Path:
    file = folder / "page.md"
    file.write_text(text, encoding="utf-8")
    return file


def test_lines_and_blocks_that_can_t_run_are_left_out(tmp_path: Path) -> None:
    first, second, third = blocks(page(tmp_path, PAGE))
    assert first.not_run == {"torchrun": "needs two GPUs", "make demo": "takes minutes"}
    assert first.to_run == "serpentune train --dataset here      # as it is"
    assert first.place == "page.md:5"
    assert (second.to_run, third.language, third.to_run) == ("", "text", "what it says\n")


@pytest.mark.parametrize(
    "wrong",
    [
        "<!-- not run: all: far from its block -->\ntext\n```sh\ntrue\n```\n",
        "<!-- not run: all -->\n```sh\ntrue\n```\n",
        "<!-- not run: sbatch: no such line -->\n```sh\ntrue\n```\n",
    ],
)
def test_a_mark_that_means_nothing_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"page\.md"):
        blocks(page(tmp_path, wrong))


def test_a_block_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    text = "```sh\necho a | cat\n```\n```sh\nfalse | cat\necho b\n```\n```python\nx = 1\n```\n"
    good, bad, python = blocks(page(tmp_path, text))
    place = Place(tmp_path)
    assert place.run(good) == "a\n"
    with pytest.raises(AssertionError, match=r"page\.md:5"):
        place.run(bad)
    place.run(python)
    assert place.names["x"] == 1


def test_only_sizes_paths_and_models_are_replaced() -> None:
    assert smaller("serpentune evaluate x \\\n  --games 200 --seed 7") == "serpentune evaluate x --games 3 --seed 7"
    assert smaller("serpentune compare a b") == "serpentune compare a b"
