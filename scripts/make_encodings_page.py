"""Writes docs/encodings.md: how states and moves are written, with examples, and how many tokens that takes.

python scripts/make_encodings_page.py            # under a minute; fetches two tokenizers from the hub

A tokenizer that lies on this machine is named with `--tokenizer NAME=PATH`, a folder or a GGUF file.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serpentune import teachers
from serpentune.datasets import STYLES, prompts
from serpentune.datasets.completions import explanations
from serpentune.datasets.encodings import ENCODINGS
from serpentune.game import GameBatch, Move, State, States
from serpentune.models import open_tokenizer

PAGE = Path(__file__).resolve().parent.parent / "docs" / "encodings.md"

HUB = {"SmolLM2": "HuggingFaceTB/SmolLM2-135M-Instruct", "GPT-2": "openai-community/gpt2"}
BOARDS = (10, 6)
GAMES = 20
STATES = 250
"""Of each teacher on each board."""

Tokens = Mapping[str, Mapping[str, tuple[float, float]]]
"""By encoding and tokenizer: the median and the 95th percentile of tokens per state."""

_EXAMPLE = State(6, 6, (14, 15, 9), 27, Move.LEFT)
_PLAYER = "BFS"

_TEXT = """# Encodings: a board as text

<!-- Made by scripts/make_encodings_page.py; edit that, not this. -->

`--encoding NAME` of `serpentune dataset build`, `encodings` of a recipe. A prompt is the player's name, the board in an
encoding, and the cue of a completion style: `Player BFS. <board>Moves:`.

| encoding | exact: holds the whole state | so it can be |
|---|---|---|
| `grid` (default) | yes | read back, validated, exported to CSV |
| `coordinates` | yes | read back, validated, exported to CSV |
| `simple`, `detailed`, `instruction` | no: the body is left out | written, for comparison with the first version |

`grid`: a row a line, the top row first, a symbol a cell; body cells are arrows toward the head.

```text
{grid}```

`coordinates`: the body in order, head first; `0,0` is at the bottom left. It grows with the snake, `grid` with the
board.

```text
{coordinates}```

`simple`, `detailed`, `instruction`: the first version's formats.

```text
{simple}
{detailed}
{instruction}```

Two states with one text have one prompt and often two answers. The check `contradictions` leaves those out (`vote`
keeps the most frequent answer), and states whose text occurs in two splits count as leaks.

## Tokens of a state

Median and 95th percentile of the tokens of the board's text alone, special tokens not counted, over states of real
games: {states} drawn from {games} games of each of the {teachers} teachers (game seeds from 0 on), all teachers
together.

<!-- not run: all: writes this page; tests/test_docs.py holds the page against it -->
```bash
python scripts/make_encodings_page.py
```
{tables}
## Completion styles

| style | cue | answer |
|---|---|---|
| `plan` | `Moves:` | ` U U R`: the moves up to the apple |
| `move` | `Move:` | ` U` |
| `explain` | `Move and why:` | ` U`, and on the next line why the teacher plays it |
| `explain-short` | `Move and why, in short:` | the same without what only counting can tell |

What these two say is true ([explanations.md](explanations.md)); so there are such records only where the teacher of
today plays the move that was recorded. A prompt with its answer:

```text
{prompt}{answer}
```
"""


def page(measured: Mapping[int, Tokens]) -> str:
    """The page as Markdown; `measured` holds the tokens by the side of a square board."""
    states = States.stack([_EXAMPLE])
    examples = {name: encoding.encode(states)[0] for name, encoding in ENCODINGS.items()}
    teacher = teachers.get(_PLAYER)
    (prompt,) = prompts(states, _PLAYER, ENCODINGS["grid"], STYLES["explain"])
    (answer,) = explanations(states, teacher.moves(states).astype(np.uint8), _PLAYER)
    return _TEXT.format(
        **examples,
        states=STATES,
        games=GAMES,
        teachers=len(teachers.names()),
        tables="".join(_table(side, tokens) for side, tokens in measured.items()),
        prompt=prompt,
        answer=answer,
    )


def _table(side: int, tokens: Tokens) -> str:
    names = list(next(iter(tokens.values())))
    lines = [
        f"\n### {side}×{side}\n",
        f"| encoding | {' | '.join(names)} |",
        f"|---{'|---' * len(names)}|",
    ]
    for encoding, figures in tokens.items():
        cells = " | ".join(f"{median:,.0f} ({high:,.0f})" for median, high in figures.values())
        lines.append(f"| `{encoding}` | {cells} |")
    return "\n".join(lines) + "\n"


def sample(side: int, games: int, states: int) -> list[States]:
    """That many states of each teacher's games on a square board, drawn with seed 0."""
    drawn = []
    for name in teachers.names():
        batch = GameBatch.from_records(list(teachers.play(teachers.get(name), range(games), side, side)))
        places = np.random.default_rng(0).choice(len(batch.moves), states, replace=False)
        drawn.append(batch.states_at(np.sort(places)))
    return drawn


def measure(states: Sequence[States], tokenizers: Mapping[str, Any]) -> Tokens:
    """Count the tokens of all the states in every encoding, by every tokenizer."""
    measured: dict[str, dict[str, tuple[float, float]]] = {}
    for name, encoding in ENCODINGS.items():
        texts = [text for some in states for text in encoding.encode(some)]
        measured[name] = {}
        for called, tokenizer in tokenizers.items():
            counts = [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
            median, high = np.percentile(counts, [50, 95])
            measured[name][called] = float(median), float(high)
    return measured


def _tokenizer(source: str) -> Any:
    from transformers import AutoTokenizer

    path = Path(source)
    if path.suffix == ".gguf":
        return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    return AutoTokenizer.from_pretrained(source)


def main() -> None:
    """Play the games, count the tokens and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--tokenizer",
        action="append",
        default=[],
        metavar="NAME=SOURCE",
        help=f"where one of {', '.join(HUB)} comes from: a folder, a GGUF file or a hub id",
    )
    options = parser.parse_args().tokenizer
    given = dict(option.split("=", 1) for option in options if "=" in option)
    if len(given) < len(options) or not given.keys() <= HUB.keys():
        parser.error(f"--tokenizer takes NAME=SOURCE, and NAME is one of {', '.join(HUB)}, each once")
    tokenizers = {name: _tokenizer(source) for name, source in {**HUB, **given}.items()}
    tokenizers["nano"] = open_tokenizer("nano")
    measured = {side: measure(sample(side, GAMES, STATES), tokenizers) for side in BOARDS}
    PAGE.write_text(page(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
