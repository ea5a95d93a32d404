"""The card: what Hugging Face reads off its head, and what people read below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from serpentune.datasets import build_dataset
from serpentune.datasets._card import card

RECIPE = {"sources": ["logs/*"], "styles": {"plan": 0.5, "move": 0.5}, "checks": {"legal": True}, "seed": 7}
MANIFEST: dict[str, Any] = {
    "serpentune": "1.2.3",
    "seed": 7,
    "encodings": {"grid": 0.75, "coordinates": 0.25},
    "styles": {"plan": 0.5, "move": 0.5},
    "records": {"train": 800, "validation": 100, "test": 100},
    "teachers": {
        "BFS": {
            "games": 5,
            "seeds": "0-499",
            "boards": ["6x6"],
            "records": {"train": 800, "validation": 100, "test": 100},
        }
    },
    "checks": {"legal": {"count": 12, "action": "left out"}, "duplicates": {"count": 0, "action": "one kept"}},
    "recipe": RECIPE,
}


def head(text: str) -> dict[str, Any]:
    _, matter, _ = text.split("---\n", 2)
    parsed: dict[str, Any] = yaml.safe_load(matter)
    return parsed


def test_the_head_names_licence_size_and_files(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set", samples_per_teacher=50)
    about = head((tmp_path / "set" / "README.md").read_text())
    assert about["license"] == "mit"
    assert about["size_categories"] == ["n<1K"]
    files = about["configs"][0]["data_files"]
    assert [file["split"] for file in files] == ["train", "validation", "test"]
    assert all((tmp_path / "set" / file["path"]).is_file() for file in files)


def test_hugging_face_s_own_reader_understands_the_head() -> None:
    from huggingface_hub import DatasetCard

    data = DatasetCard(card(MANIFEST)).data
    assert (data.license, data.size_categories) == ("mit", ["1K<n<10K"])


def test_the_recipe_can_be_copied_out_of_the_card() -> None:
    block = card(MANIFEST).split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(block) == RECIPE
    assert "serpentune 1.2.3 and this recipe" in card(MANIFEST)


def test_checks_seeds_and_shares_are_told() -> None:
    text = card(MANIFEST)
    assert "| legal | 12 | left out |\n| duplicates | 0 | one kept |" in text
    assert "| BFS | 5 | 6x6 | 800 | 100 | 100 | 0-499 |" in text
    assert "Encoding `grid` (75.0%), `coordinates` (25.0%), completion styles `plan` (50.0%), `move` (50.0%)." in text


def test_games_left_out_are_counted_whatever_the_reason() -> None:
    left_out = {"games_refused": 1, "games_repeated": 2, "games_on_other_boards": 3}
    text = " ".join(card({**MANIFEST, **left_out, "games_of_other_players": {"DFS": 4}}).split())
    assert "1 that did not replay, 2 that the logs hold twice, 3 on boards that were not asked for" in text
    assert "of players who were not asked for: 4 of DFS" in text


def test_what_the_manifest_lacks_the_card_leaves_out() -> None:
    bare = {key: MANIFEST[key] for key in ("serpentune", "records", "teachers")}
    text = card({**bare, "encoding": "grid", "styles": ["plan"]})
    assert "## Checks" not in text and "recipe" not in text and "seed 7" not in text


def test_what_became_of_old_data_is_told() -> None:
    counts = {"verified": 8, "not_verified": {"its game begins in the middle": 2}, "mended": {}, "moves_left_out": {}}
    origin = {
        "format": "JSON lines",
        "files": 3,
        "refused": {"not valid JSON": 1},
        "keys_left_out": {"note": 2},
        **counts,
    }
    bare = {key: MANIFEST[key] for key in ("serpentune", "records", "teachers")}
    text = card({**bare, "encodings": ["unknown"], "styles": ["unknown"], "migrated_from": origin})
    assert "from data of the first version (JSON lines, files:\n3)" in text
    assert "8 records come from games that replay" in text
    assert "- not verified: 2 its game begins in the middle" in text
    assert "- refused: 1 not valid JSON" in text and "- put right: none" in text
    assert "- keys left out: 2 note" in text
    assert "U, R, D, L" not in text


def test_a_player_s_name_can_not_break_the_table() -> None:
    teachers = {"A|B": MANIFEST["teachers"]["BFS"]}
    assert "| A\\|B | 5 |" in card({**MANIFEST, "teachers": teachers})


@pytest.mark.parametrize(
    ("records", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (100_000, "100K<n<1M"),
     (1_000_000, "1M<n<10M"), (10**9, "1B<n<10B"), (10**12, "n>1T")],
)  # fmt: skip
def test_sizes_are_hugging_face_s_words(records: int, size: str) -> None:
    assert head(card({**MANIFEST, "records": {"train": records}}))["size_categories"] == [size]
