"""Floor 4, datasets: the card of a data set, the README.md that Hugging Face shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from serpentune.datasets.records import SPLITS
from serpentune.teachers import NOISY, PLAYER

LICENCE = "mit"
"""That of the repository, as Hugging Face writes it."""

_FIELDS = """\
`prompt`, `completion`, `teacher` (who gave the answer), `style` (of the completion), `game` (run folder and number of
the source game), `seed` (of its apples), `step` (moves played before), `snake_length` (cells, before the move),
`board`, `encoding` (how the board is written), `symmetry` (which of the board's eight symmetries was applied to board
and answer; 0: none), `verified` (the state comes from moves that were replayed through the rules)."""


def card(manifest: Mapping[str, Any]) -> str:
    """The card of the data set that a manifest tells of; what the manifest lacks is left out."""
    parts = (_front_matter, _title, _contents, _checks, _rebuilding)
    return "\n".join(text for part in parts if (text := part(manifest)))


def _front_matter(manifest: Mapping[str, Any]) -> str:
    about = {
        "license": LICENCE,
        "task_categories": ["text-generation"],
        "tags": ["snake", "imitation-learning", "serpentune"],
        "size_categories": [_size(sum(manifest["records"].values()))],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}.parquet"} for split in SPLITS],
            }
        ],
    }
    return f"---\n{_yaml(about)}---"


def _title(manifest: Mapping[str, Any]) -> str:
    if migrated := manifest.get("migrated_from"):
        return f"""# Snake games of {", ".join(manifest["teachers"])}

Prompts show a board of Snake before a move; completions name the player's next move.
Migrated by serpentune {manifest["serpentune"]} from data of the first version ({migrated["format"]}, files:
{migrated["files"]}). Texts of JSON lines are as they were; where `style` or `encoding` is null, they follow none of
serpentune's.
Splits are by game as far as the games are known.

{migrated["verified"]} records come from games that replay through the rules (`verified`).

- not verified: {_counted(migrated["not_verified"])}
- put right: {_counted(migrated["mended"])}
- refused: {_counted(migrated["refused"])}
- moves left out: {_counted(migrated["moves_left_out"])}
- keys left out: {_counted(migrated["keys_left_out"])}
"""
    encodings = _shares(manifest.get("encodings") or [manifest["encoding"]])
    return f"""# Snake games of {", ".join(manifest["teachers"])}

Prompts show a board of Snake before a move and name a teacher; completions are that teacher's answers, in which the
moves are U, R, D, L. Encoding {encodings}, completion styles {_shares(manifest["styles"])}.{_labelled(manifest)}
Made by serpentune {manifest["serpentune"]}{_drawn(manifest)}.
Splits are by game: games with the same apples lie in one split, whoever played them.
"""


def _counted(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def _drawn(manifest: Mapping[str, Any]) -> str:
    return f" from replayed games, sample and split drawn with seed {manifest['seed']}" if "seed" in manifest else ""


def _labelled(manifest: Mapping[str, Any]) -> str:
    if "players" not in manifest:
        return ""
    label = manifest["recipe"]["label"]
    if label == PLAYER:
        return (
            "\nAll answers are answers of the teacher who played, asked anew in the states of the games; players whose "
            f"names end in {NOISY}\nare a teacher some of whose moves were random ones."
        )
    return f"\nAll answers are answers of {label}, asked anew in states that the players named below have reached."


def _contents(manifest: Mapping[str, Any]) -> str:
    kind = "player" if "players" in manifest else "teacher"
    seeds = any("seeds" in about for about in manifest["teachers"].values())
    header = [kind, "games", "boards", *SPLITS, *(["game seeds"] if seeds else [])]
    rows = [
        [
            name,
            about["games"],
            ", ".join(about["boards"]),
            *(about["records"][split] for split in SPLITS),
            *([about.get("seeds") or "none"] if seeds else []),
        ]
        for name, about in manifest[f"{kind}s"].items()
    ]
    return f"""## Records

{_table(header, rows)}
Fields: {_FIELDS}
"""


def _checks(manifest: Mapping[str, Any]) -> str:
    text = ""
    if checks := manifest.get("checks"):
        rows = [[name, found["count"], found["action"]] for name, found in checks.items()]
        text = f"{_table(['check', 'count', 'what became of them'], rows)}\n"
    if "games_refused" in manifest:
        others = sorted(manifest["games_of_other_players"].items())
        text += (
            f"Games left out: {manifest['games_refused']} that did not replay, {manifest['games_repeated']} that the "
            f"logs hold twice,\n{manifest.get('games_on_other_boards', 0)} on boards that were not asked for, of "
            "players who were not asked for: "
            f"{', '.join(f'{count} of {name}' for name, count in others) or 'none'}.\n"
            "`manifest.json` holds the candidates, what was dropped to balance the teachers, and the hashes.\n"
        )
    return f"## Checks\n\n{text}" if text else ""


def _rebuilding(manifest: Mapping[str, Any]) -> str:
    if "recipe" not in manifest:
        return ""
    return f"""## How to build it again

With serpentune {manifest["serpentune"]} and this recipe as `recipe.yaml`:

```sh
serpentune dataset build --config recipe.yaml --output dataset
```

```yaml
{_yaml(manifest["recipe"])}```
"""


def _shares(names: Sequence[str] | Mapping[str, float]) -> str:
    if isinstance(names, Mapping):
        return ", ".join(f"`{name}` ({share:.1%})" for name, share in names.items())
    return ", ".join(f"`{name}`" for name in names)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _yaml(value: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True))


def _size(records: int) -> str:
    """Hugging Face's word for a number of records."""
    bounds = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    power = next((place for place in range(len(bounds)) if records < 1000 * 10**place), len(bounds))
    if power == 0:
        return "n<1K"
    if power == len(bounds):
        return "n>1T"
    return f"{bounds[power - 1]}<n<{bounds[power]}"
