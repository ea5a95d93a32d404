"""Folders as people leave them: edited, torn, empty, given twice. A stated refusal, or a stated way out, and no NaN."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import METRICS, ModelComparator, compare_all
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.language import MeasuredRecord, save_lines
from serpentune.evaluation.results import GAMES, LANGUAGE, LANGUAGE_RECORDS, MANIFEST, recompute
from tests.comparison.players import cycle, play, save

Played = dict[str, list[GameResult]]


@pytest.fixture
def folders(tmp_path: Path, played: Played) -> list[Path]:
    for name in ("careless", "greedy"):
        save(tmp_path / name, name, played[name][:30])
        records = [
            MeasuredRecord(
                f"P {k}", " U", " U" if k else " D", limit=4, tokens=2, nll=1 + k % 3, right=1, game=f"{k % 5}"
            )
            for k in range(15)
        ]
        save_lines(tmp_path / name / LANGUAGE_RECORDS, records)
        recompute(tmp_path / name)
    return [tmp_path / "careless", tmp_path / "greedy"]


def _edit(path: Path, change: Callable[[Any], Any]) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def _manifest(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: _edit(folder / MANIFEST, lambda manifest: {**manifest, **changes})


def _line(folder: Path, number: int, **changes: Any) -> None:
    lines = (folder / GAMES).read_text().splitlines()
    lines[number] = json.dumps({**json.loads(lines[number]), **changes})
    (folder / GAMES).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_manifest(grid="5x5"), "manifests differ in grid"),
        (_manifest(limits=None), "manifests differ in limits"),
        (_manifest(policy=["greedy"]), "manifests differ in policy"),
        (_manifest(rules=2), "manifests differ in rules"),
        (lambda folder: _line(folder, 3, score=24), r"games.jsonl, line 4: its score is"),
        (lambda folder: _line(folder, 3, end="WIN"), r"games.jsonl, line 4: its ending is"),
        (lambda folder: _line(folder, 3, score=float("nan")), r"games.jsonl, line 4: "),
        (lambda folder: _line(folder, 3, seed=1000), "seed 1000 stands more than once"),
        (lambda folder: _line(folder, 3, seed=1003.7), r"games.jsonl, line 4: not a game"),
        (lambda folder: (folder / GAMES).write_text((folder / GAMES).read_text()[:-30]), "it is torn"),
        (lambda folder: (folder / GAMES).write_text(""), "no game is finished"),
        (lambda folder: (folder / GAMES).unlink(), "can't be read"),
        (lambda folder: (folder / GAMES).write_bytes(b"\xff\xfe\n"), "can't be read"),
        (lambda folder: (folder / MANIFEST).write_text("{"), r"manifest\.json"),
        (lambda folder: (folder / MANIFEST).unlink(), "is no results folder"),
        (lambda folder: (folder / LANGUAGE_RECORDS).write_text("{}\n"), r"language\.jsonl, line 1"),
        (shutil.rmtree, "is no results folder"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "is no results folder"),
    ],
)
def test_a_spoilt_folder_is_refused_in_words(folders: list[Path], spoil: Callable[[Path], Any], words: str) -> None:
    spoil(folders[1])
    with pytest.raises(UserError, match=words):
        compare_all(folders)


def test_edited_language_figures_are_not_believed(folders: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    """Where the records are there, figures of others are computed again; where they are gone, NaN is refused."""
    honest = compare_all(folders, metrics=["loss"])

    def spoil(document: dict[str, Any]) -> dict[str, Any]:
        return {"made_of": {**document["made_of"], "sha256": "0"}, "figures": {"loss": 0.0, "perplexity": float("nan")}}

    _edit(folders[1] / LANGUAGE, spoil)
    assert compare_all(folders, metrics=["loss"]) == honest
    assert "is not of the games and answers beside it" in caplog.text
    (folders[1] / LANGUAGE_RECORDS).unlink()
    with pytest.raises(UserError, match=r"greedy: perplexity in language.json is nan, no number"):
        compare_all(folders)


def test_a_folder_given_twice_is_refused(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is given twice"):
        compare_all([folders[0], folders[0]])
    with pytest.raises(UserError, match="is given twice"):
        compare_all([folders[0], folders[1], folders[1] / ".." / "greedy"])
    link = tmp_path / "link"
    link.symlink_to(folders[0])
    with pytest.raises(UserError, match="is given twice"):
        ModelComparator(tmp_path / "out").compare_two_models(folders[0], link)


def test_copies_are_no_different_models(folders: list[Path], tmp_path: Path) -> None:
    shutil.copytree(folders[0], tmp_path / "copy")
    reports = compare_all([folders[0], tmp_path / "copy"], metrics=list(METRICS), margins={"score": 1})
    (report,) = reports.values()
    assert "move for move alike" in report.verdict
    assert not {row.verdict for row in report.rows} & {"better", "worse"}
    assert all(row.p_value in (None, 1) for row in report.rows)
    assert "nan" not in json.dumps(report.to_json(), allow_nan=False).lower()


def test_all_wins_against_all_wins(tmp_path: Path) -> None:
    games = play(cycle, range(40), 4)
    a, b = (save(tmp_path / name, name, games) for name in "ab")
    (report,) = compare_all([a, b], metrics=list(METRICS), margins={"win": 0.1}).values()
    assert {row.metric: row.verdict for row in report.rows if row.metric in ("win", "score")} == {
        "win": "the same",
        "score": "no difference shown",
    }
    assert "nan" not in json.dumps(report.to_json(), allow_nan=False).lower()
    assert "nan" not in report.to_markdown().lower()


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 40))])
def test_no_edit_ends_in_anything_but_a_refusal_or_a_report(folders: list[Path], seed: int) -> None:
    """Bytes of a file lost, doubled or changed: never a traceback, never NaN."""
    rng = random.Random(seed)
    path = folders[1] / rng.choice([GAMES, MANIFEST, LANGUAGE, LANGUAGE_RECORDS, "play.json"])
    raw = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(raw))
        match rng.randrange(4):
            case 0:
                raw[at] = rng.choice(b'0123456789"{}[],:-eE.tfnNaI')
            case 1:
                del raw[at : at + rng.randint(1, 40)]
            case 2:
                raw[at:at] = raw[at : at + rng.randint(1, 40)]
            case _:
                raw[at:at] = rng.choice([b"NaN", b"null", b"1e999", b"-", b"\n", b"\x00", b"\xff"])
    path.write_bytes(bytes(raw))
    try:
        reports = compare_all(folders, metrics=list(METRICS), margins={"score": 1})
    except UserError as error:
        assert len(str(error)) > 20
        return
    for report in reports.values():
        assert "nan" not in json.dumps(report.to_json(), allow_nan=False).lower()
