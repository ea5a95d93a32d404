"""Data sets that travel: the bytes arrive, and what goes wrong is said before anything is in place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import SPLITS, build_dataset, load_splits
from serpentune.datasets.hub import FILES, pull, push
from tests.hub_server import hub_environment


@pytest.fixture(scope="module")
def dataset(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "set"
    build_dataset([logs], folder, samples_per_teacher=60)
    return folder


def same(one: Path, other: Path) -> bool:
    """Whether both hold the same data set; nothing else may lie in the other."""
    held = sorted(str(file.relative_to(other)) for file in other.rglob("*") if file.is_file())
    return held == sorted(FILES) and all((one / name).read_bytes() == (other / name).read_bytes() for name in FILES)


@pytest.mark.parametrize("form", ["path", "file"])
def test_a_folder_takes_the_place_of_a_hub(dataset: Path, tmp_path: Path, form: str) -> None:
    target = tmp_path / "shared disk" / "set"
    place = str(target) if form == "path" else target.as_uri()
    assert push(dataset, place) == str(target)
    assert same(dataset, target)
    assert pull(place, tmp_path / "here")["records"] == json.loads((dataset / "manifest.json").read_text())["records"]
    assert same(dataset, tmp_path / "here")


def test_what_is_there_is_replaced_only_when_asked(dataset: Path, tmp_path: Path) -> None:
    push(dataset, str(tmp_path / "set"))
    with pytest.raises(UserError, match="--overwrite"):
        push(dataset, str(tmp_path / "set"))
    with pytest.raises(UserError, match="--overwrite"):
        pull(str(dataset), tmp_path / "set")
    push(dataset, str(tmp_path / "set"), overwrite=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for move in (lambda: push(dataset, str(tmp_path / "other"), overwrite=True),
                 lambda: pull(str(dataset), tmp_path / "other", overwrite=True)):  # fmt: skip
        with pytest.raises(UserError, match="not one of ours"):
            move()
    assert (tmp_path / "other" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("damage", ["data/test.parquet", "data/train.parquet", "manifest.json"])
def test_a_changed_data_set_travels_nowhere(dataset: Path, tmp_path: Path, damage: str) -> None:
    push(dataset, str(tmp_path / "set"))
    with (tmp_path / "set" / damage).open("ab") as stream:
        stream.write(b"x")
    for move in (lambda: push(tmp_path / "set", str(tmp_path / "there")),
                 lambda: pull(str(tmp_path / "set"), tmp_path / "there")):  # fmt: skip
        with pytest.raises(UserError, match=damage):
            move()
    if damage != "manifest.json":  # without that it is a data set like any other
        (tmp_path / "set" / damage).unlink()
        with pytest.raises(UserError, match=damage):
            pull(str(tmp_path / "set"), tmp_path / "there")
    assert [item.name for item in tmp_path.iterdir()] == ["set"]


def foreign(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    for split, rows in splits.items():
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def test_prompts_and_completions_of_others_become_a_data_set(tmp_path: Path) -> None:
    rows = [{"prompt": f"p {n}", "completion": " U", "teacher": "BFS", "step": n, "extra": 1.5} for n in range(5)]
    source = foreign(tmp_path / "theirs", train=rows, test=rows[:2])
    manifest = pull(str(source), tmp_path / "set")
    assert manifest["records"] == {"train": 5, "validation": 0, "test": 2}
    assert manifest["teachers"]["BFS"]["records"] == manifest["records"]
    assert manifest["pulled_from"]["columns_left_out"] == {"extra": 7}
    splits = load_splits(tmp_path / "set")
    assert {split: len(splits[split]) for split in SPLITS} == manifest["records"]
    first = splits["train"][0]
    assert {name: value for name, value in first.items() if value is not None} == {
        "prompt": "p 0", "completion": " U", "teacher": "BFS", "step": 0, "verified": False,
    }  # fmt: skip
    assert "unknown" in (tmp_path / "set" / "README.md").read_text()
    assert push(tmp_path / "set", str(tmp_path / "again"))


GOOD = {"prompt": "x", "completion": "U"}


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": [{"text": "x"}]}, "train: the column prompt is missing"),
        ({"train": [{"prompt": "x"}]}, "train: the column completion is missing"),
        ({"train": [GOOD, {"prompt": "x", "completion": None}]}, "train, row 2: its completion is null"),
        ({"train": [GOOD], "test": [GOOD, GOOD, {**GOOD, "prompt": " "}]}, "test, row 3: its prompt is empty"),
        ({"train": [{**GOOD, "step": "many"}]}, "the column step is of another type"),
        ({"train": [{**GOOD, "step": 1}, {**GOOD, "step": "1"}]}, "the column step is of another type"),
        ({"train": [{**GOOD, "step": 2**40}]}, "train, row 1: its step is out of range"),
        ({"train": [{**GOOD, "completion": 1}]}, "the column completion is of another type"),
        ({"train": [{**GOOD, "prompt": ["a", "b"]}]}, "the column prompt is of another type"),
        ({"train": [GOOD, {**GOOD, "prompt": ["a", "b"]}]}, "the column prompt is of another type"),
        ({"train": []}, "holds no records"),
    ],
)
def test_what_is_no_data_set_of_prompts_is_refused(
    tmp_path: Path, splits: dict[str, list[dict[str, Any]]], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        pull(str(foreign(tmp_path / "theirs", **splits)), tmp_path / "set")
    assert [item.name for item in tmp_path.iterdir()] == ["theirs"]


def test_text_in_another_encoding_is_refused_and_not_taken_over(tmp_path: Path) -> None:
    theirs = foreign(tmp_path / "theirs", train=[GOOD])
    with (theirs / "train.jsonl").open("ab") as file:
        file.write('{"prompt": "Où aller", "completion": "U"}\n'.encode("latin-1"))
    with pytest.raises(UserError, match=r"UTF.*`serpentune dataset validate .*theirs` names the places"):
        pull(str(theirs), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_messages_name_the_source_and_not_where_it_was_copied_to(dataset: Path, tmp_path: Path) -> None:
    push(dataset, str(tmp_path / "there"))
    (tmp_path / "there" / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=rf"^{re.escape(str(tmp_path / 'there' / 'manifest.json'))}, line 1"):
        pull(str(tmp_path / "there"), tmp_path / "set")


def test_other_splits_and_empty_folders_are_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "data").mkdir(parents=True)
    with pytest.raises(UserError, match="can't be read as a data set"):
        pull(str(theirs), tmp_path / "set")
    pq.write_table(pa.table({"prompt": ["p"], "completion": ["U"]}), theirs / "data" / "extra-00000-of-00001.parquet")
    with pytest.raises(UserError, match="split 'extra'"):
        pull(str(theirs), tmp_path / "set")
    with pytest.raises(UserError, match="no folder"):
        pull(str(tmp_path / "nowhere"), tmp_path / "set")
    with pytest.raises(UserError, match="no revisions"):
        pull(str(theirs), tmp_path / "set", revision="main")


@pytest.mark.parametrize("name", ["a b/c", "a/b/c", "a/b\n", ""])
def test_what_is_no_name_of_a_repository_is_refused(dataset: Path, tmp_path: Path, name: str) -> None:
    for move in (lambda: push(dataset, name), lambda: pull(name or "a//b", tmp_path / "set")):
        with pytest.raises(UserError, match="neither a folder nor a repository"):
            move()


def test_without_the_hub_that_is_said_at_once(dataset: Path, tmp_path: Path) -> None:
    for move in (lambda: push(dataset, "me/snake"), lambda: pull("me/snake", tmp_path / "set")):
        with pytest.raises(UserError, match=r"switched off here\. Unset HF_HUB_OFFLINE"):
            move()
    assert list(tmp_path.iterdir()) == []


def command(hub: str, home: Path, *arguments: object, token: str | None = "good") -> tuple[int, Any]:
    """`serpentune dataset ... --json` with that hub: the exit code and the document."""
    code = "import sys; from serpentune.cli import main; sys.exit(main(['dataset', *sys.argv[1:], '--json']))"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        check=False, capture_output=True, text=True, timeout=100, env=hub_environment(hub, home, token),
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_a_data_set_comes_back_from_the_hub_byte_by_byte(hub: str, dataset: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert command(hub, home, "push", dataset, "me/snake") == (
        0, {"pushed": str(dataset), "to": f"{hub}/datasets/me/snake"},
    )  # fmt: skip
    code, document = command(hub, home, "pull", "me/snake", tmp_path / "set")
    assert code == 0, document
    assert same(dataset, tmp_path / "set")
    read = """
import sys, datasets
found = datasets.load_dataset("me/snake", cache_dir=sys.argv[1])
print({split: len(found[split]) for split in found}, found["test"][0]["prompt"])
"""
    done = subprocess.run(
        [sys.executable, "-c", read, str(tmp_path / "cache")],
        check=False, capture_output=True, text=True, timeout=100, env=hub_environment(hub, home, "good"),
    )  # fmt: skip
    splits = load_splits(dataset)
    assert done.stdout == f"{ {split: len(splits[split]) for split in SPLITS} } {splits['test'][0]['prompt']}\n", (
        done.stderr
    )
    # The repository was made private: without a token it can't be told from one that isn't there.
    for token, name in ((None, "me/snake"), ("good", "me/snail")):
        code, document = command(hub, home, "pull", name, tmp_path / "other", token=token)
        assert code == 2 and f"The hub has no data set {name}, or it is private" in document["error"]
    code, document = command(hub, home, "pull", "me/snake", tmp_path / "other", "--revision", "v7")
    assert code == 2 and "no such revision" in document["error"]
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_data_sets_of_others_come_from_the_hub_too(hub: str, tmp_path: Path) -> None:
    theirs = foreign(tmp_path / "theirs", train=[{"prompt": "p", "completion": "U"}])
    upload = """
import sys, huggingface_hub
api = huggingface_hub.HfApi()
api.create_repo("me/theirs", repo_type="dataset")
api.upload_folder(repo_id="me/theirs", repo_type="dataset", folder_path=sys.argv[1])
"""
    subprocess.run(
        [sys.executable, "-c", upload, str(theirs)],
        check=True, capture_output=True, timeout=100, env=hub_environment(hub, tmp_path / "home", "good"),
    )  # fmt: skip
    code, document = command(hub, tmp_path / "home", "pull", "me/theirs", tmp_path / "set", "--revision", "main")
    assert code == 0, document
    assert document["manifest"]["records"] == {"train": 1, "validation": 0, "test": 0}
    assert document["manifest"]["pulled_from"]["source"] == "me/theirs"
    assert len(document["manifest"]["pulled_from"]["revision"]) == 40
    assert load_splits(tmp_path / "set")["train"][0]["completion"] == "U"


@pytest.mark.slow
def test_nothing_private_goes_into_a_public_repository(hub: str, dataset: Path, tmp_path: Path) -> None:
    assert command(hub, tmp_path, "push", dataset, "me/open", "--public")[0] == 0
    code, document = command(hub, tmp_path, "push", dataset, "me/open")
    assert code == 2 and "for everyone to see. Pass --public" in document["error"]
    assert command(hub, tmp_path, "push", dataset, "me/open", "--public")[0] == 0


@pytest.mark.slow
def test_the_hub_s_refusals_and_silence_are_said(hub: str, dataset: Path, tmp_path: Path) -> None:
    for token in (None, "bad"):
        code, document = command(hub, tmp_path, "push", dataset, "me/new", token=token)
        assert code == 2 and "refuses me/new (401). Log in with `hf auth login`" in document["error"]
    code, document = command("http://127.0.0.1:9", tmp_path, "push", dataset, "me/new")
    assert code == 2 and "can't be reached" in document["error"]
