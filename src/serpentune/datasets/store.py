"""Floor 4, datasets: a data set on disk: Parquet for Hugging Face `datasets`, JSONL for everything else, and a card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.files import read_json, replacing_folder, sha256, write_json, write_text
from serpentune.datasets.sampling import SPLITS

if TYPE_CHECKING:
    from datasets import Dataset

MANIFEST = "manifest.json"


def write_dataset(
    output: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], manifest: Mapping[str, Any], *, overwrite: bool
) -> None:
    """Write splits of records to the folder `output`, atomically.

    It holds `data/<split>.parquet`, which `datasets.load_dataset(folder)` reads, `jsonl/<split>.jsonl` with the same
    records, `README.md` (the data card) and `manifest.json` (the given one and the SHA-256 of each Parquet file).

    Raises:
        UserError: `output` holds files and `overwrite` is false, or the disk is full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("prompt", pa.string()),
            ("completion", pa.string()),
            ("teacher", pa.string()),
            ("style", pa.string()),
            ("game", pa.string()),
            ("seed", pa.int64()),
            ("step", pa.int32()),
            ("snake_length", pa.int32()),
            ("board", pa.string()),
        ]
    )
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with replacing_folder(output, overwrite=overwrite) as folder:
        (folder / "data").mkdir()
        (folder / "jsonl").mkdir()
        hashes = {}
        for split in SPLITS:
            path = folder / "data" / f"{split}.parquet"
            pq.write_table(pa.Table.from_pylist(list(rows[split]), schema=schema), path, compression="zstd")
            hashes[split] = sha256(path)
            lines = "".join(f"{encode(row)}\n" for row in rows[split])
            write_text(folder / "jsonl" / f"{split}.jsonl", lines)
        write_text(folder / "README.md", _card(manifest))
        write_json(folder / MANIFEST, {**manifest, "sha256": hashes})


def load_splits(folder: Path) -> dict[str, Dataset]:
    """The splits of a data set folder as Hugging Face datasets, held in memory.

    Raises:
        UserError: the folder is no data set of ours, or a split is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Dataset

    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} is no data set: it has no {MANIFEST}. Make one with `serpentune dataset build`.")
    splits = {}
    for split in SPLITS:
        path = folder / "data" / f"{split}.parquet"
        try:
            splits[split] = Dataset(pq.read_table(path))
        except (OSError, pa.ArrowException) as error:
            raise UserError(f"{path} can't be read ({error}). Build the data set again.") from error
    return splits


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `manifest.json` of a data set says.

    Raises:
        UserError: it is missing or damaged.
    """
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict):
        raise UserError(f"{folder / MANIFEST}: no manifest of a data set. Build the data set again.")
    return manifest


def _card(manifest: Mapping[str, Any]) -> str:
    teachers = manifest["teachers"]
    counts = "\n".join(
        f"| {name} | {about['games']} | {', '.join(about['boards'])} | "
        + " | ".join(str(about["records"][split]) for split in SPLITS)
        + " |"
        for name, about in teachers.items()
    )
    styles = ", ".join(f"`{style}`" for style in manifest["styles"])
    others = ", ".join(f"{count} of {name}" for name, count in sorted(manifest["games_of_other_players"].items()))
    files = "\n".join(f"  - split: {split}\n    path: data/{split}.parquet" for split in SPLITS)
    return f"""---
task_categories: [text-generation]
tags: [snake, imitation-learning, serpentune]
configs:
- config_name: default
  data_files:
{files}
---
# Snake games of {", ".join(teachers)}

Prompts show a board of Snake before a move and name a teacher; completions are that teacher's moves
(U, R, D, L). Encoding `{manifest["encoding"]}`, completion styles {styles}.
Made by serpentune {manifest["serpentune"]} from replayed games, sample and split drawn with seed {manifest["seed"]}.
Splits are by game: games with the same apples lie in one split, whoever played them.

| teacher | games | boards | {" | ".join(SPLITS)} |
|---|---|---|---|---|---|
{counts}

Fields: `prompt`, `completion`, `teacher`, `style`, `game` (run folder and number), `seed` (of its apples), `step`
(moves played before), `snake_length`, `board`.

Games left out: {manifest["games_refused"]} that did not replay, {manifest["games_repeated"]} that the logs hold twice,
of players who were not asked for: {others or "none"}. `manifest.json` holds the candidates, what was dropped to balance
the teachers, and the hashes.
"""
