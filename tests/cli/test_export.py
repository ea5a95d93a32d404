"""`serpentune export`: what comes out plays the games of what went in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tests.cli.calls import Result, serpentune
from tests.cli.test_errors import refused
from tests.hub_server import hub_environment
from tests.models.tiny import give_code


def games(folder: Path) -> dict[int, str]:
    """Moves by game seed."""
    lines = map(json.loads, (folder / "games.jsonl").read_text().splitlines())
    return {game["seed"]: game["moves"] for game in lines}


def played(model: Path, folder: Path) -> dict[int, str]:
    """The games of the `results` fixture, played by another model."""
    made = serpentune("evaluate", model, "--games", 6, "--grid-size", 4, "--output", folder)
    assert made.code == 0, made.err
    return games(folder)


@pytest.mark.slow
def test_every_form_of_a_student_plays_its_games(student: Path, results: list[Path], tmp_path: Path) -> None:
    before = games(results[1])
    out = tmp_path / "out"
    made = serpentune("export", student, "--merge", "--gguf", "f32,f16,q8_0", "--output", out, "--json")
    assert made.code == 0, made.err
    files = {file["type"]: Path(file["path"]) for file in made.document["exported"]["gguf"]}
    assert {path.name for path in files.values()} == {"lora-F32.gguf", "lora-F16.gguf", "lora-Q8_0.gguf"}
    assert played(out, tmp_path / "merged") == before
    assert played(files["f32"], tmp_path / "f32") == before
    # Rounded weights may prefer another move where two are nearly as good; from there on it is another game.
    for kind, alike in (("f16", 4), ("q8_0", 1)):
        after = played(files[kind], tmp_path / kind)
        assert sum(after[seed][:alike] == moves[:alike] for seed, moves in before.items()) >= len(before) / 2, kind


def test_a_table_of_files_and_the_folder_are_shown(student: Path, results: list[Path], tmp_path: Path) -> None:
    made = serpentune("export", student, "--gguf", "f16", "q8_0", "--output", tmp_path / "out", "--results", results[1])
    assert made.code == 0, made.err
    assert "lora-Q8_0.gguf" in made.out and made.out.splitlines()[-1] == str(tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| games won | " in card and "Snake 4x4, 6 games, seeds 1000000 to 1000005" in card
    assert "apples a game" in card and "moves that are those of BFS" in card


def test_figures_of_other_files_in_the_same_folder_are_refused(student: Path, tmp_path: Path) -> None:
    own, results = shutil.copytree(student, tmp_path / "own"), tmp_path / "results"
    ask = ("evaluate", own, "--games", 1, "--grid-size", 4, "--output", results)
    assert serpentune(*ask).code == 0
    words = ("export", own, "--merge", "--output", tmp_path / "out", "--results", results)

    manifest = json.loads((results / "manifest.json").read_text())
    del manifest["files_sha256"]  # as of an earlier version
    (results / "manifest.json").write_text(json.dumps(manifest))
    assert "doesn't say which files of" in refused(*words)
    before = (results / "games.jsonl").read_bytes()
    assert serpentune(*ask).code == 0
    assert (results / "games.jsonl").read_bytes() == before

    adapter = own / "adapter_model.safetensors"
    save_file({name: weight * 2 for name, weight in load_file(adapter).items()}, adapter)  # as if trained anew
    assert "holds the games of other files than" in refused(*words)
    assert not (tmp_path / "out").exists()
    shutil.copy(student / adapter.name, adapter)
    moved = own.rename(tmp_path / "moved")
    words = ("export", moved, "--merge", "--dtype", "float16", "--output", tmp_path / "out", "--results", results)
    assert serpentune(*words).code == 0
    assert "; before the export to float16 |" in (tmp_path / "out" / "README.md").read_text()


def test_games_that_are_kept_stay_those_of_the_files_that_played_them(student: Path, tmp_path: Path) -> None:
    own, results = shutil.copytree(student, tmp_path / "own"), tmp_path / "results"
    ask = ("evaluate", own, "--games", 1, "--grid-size", 4, "--output", results)
    assert serpentune(*ask).code == 0
    tokenizer = own / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")  # the weights are what they were
    assert serpentune(*ask).code == 0
    said = refused("export", own, "--merge", "--output", tmp_path / "out", "--results", results)
    assert "holds the games of other files than" in said and "--overwrite" in said


def test_figures_of_a_built_in_model_of_before_are_refused(results: list[Path], tmp_path: Path) -> None:
    folder = shutil.copytree(results[0], tmp_path / "results")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["model"], len(manifest["files_sha256"])) == ("nano", 64)
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files_sha256": "0" * 64}))
    words = ("export", "nano", "--merge", "--output", tmp_path / "out", "--results")
    assert "holds the games of other files than nano holds now" in refused(*words, folder)
    assert serpentune(*words, results[0]).code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--merge, --gguf or --push"),
        (["--merge"], "--output"),
        (["--push", "me/new", "--output", "{tmp}/out"], "Nothing would be written"),
        (["--gguf", "q8-0", "--output", "{tmp}/out"], "Did you mean q8_0?"),
        (["--merge", "--output", "{tmp}/full"], "--overwrite"),
        (["--merge", "--output", "{tmp}/out", "--results", "{results}"], "holds the games of nano, not of"),
        (["--merge", "--output", "{tmp}/out", "--results", "{tmp}/full"], "no results folder"),
        (["--push", "me/new"], "switched off here. Unset HF_HUB_OFFLINE"),
        (["--push", "no name"], "written owner/name"),
    ],
)
def test_what_cannot_be_done_is_said(
    student: Path, results: list[Path], options: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    words = [option.format(tmp=tmp_path, results=results[0]) for option in options]
    assert said in refused("export", student, *words)
    assert [item.name for item in tmp_path.iterdir()] == ["full"]


def test_code_of_a_base_is_run_for_an_export_only_for_those_who_ask(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    base, marker = shutil.copytree(llama, tmp_path / "base"), tmp_path / "executed"
    give_code(base, marker)
    words = ("export", base, "--merge", "--output", tmp_path / "out")
    assert "--trust-remote-code" in refused(*words)
    assert not marker.exists()
    assert serpentune(*words, "--trust-remote-code").code == 0
    assert marker.exists()


def test_folders_that_are_no_model_to_push(student: Path, llama: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "neither *.safetensors nor *.gguf" in refused("export", tmp_path / "empty", "--push", "me/new")
    assert "README.md" in refused("export", llama, "--push", "me/new")
    shutil.copytree(student, local := tmp_path / "local")
    config = json.loads((local / "adapter_config.json").read_text())
    (local / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(llama)}))
    assert "Push a whole model: --merge" in refused("export", local, "--push", "me/new")


def on_hub(hub: str, home: Path, *arguments: object, token: str | None = "good") -> Result:
    """`serpentune export ... --json` with that hub."""
    code = "import sys; from serpentune.cli import main; sys.exit(main(['export', *sys.argv[1:], '--json']))"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        check=False, capture_output=True, text=True, timeout=300, env=hub_environment(hub, home, token),
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def fetched(hub: str, home: Path, name: str, folder: Path) -> dict[str, Any]:
    code = """
import json, sys, huggingface_hub
huggingface_hub.snapshot_download(sys.argv[1], local_dir=sys.argv[2])
print(json.dumps({"private": huggingface_hub.HfApi().model_info(sys.argv[1]).private}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, name, str(folder)],
        check=True, capture_output=True, text=True, timeout=100, env=hub_environment(hub, home, "good"),
    )  # fmt: skip
    about: dict[str, Any] = json.loads(done.stdout)
    shutil.rmtree(folder / ".cache")  # the download's own notes
    return about


@pytest.mark.slow
def test_a_student_goes_to_the_hub_and_comes_back(hub: str, student: Path, results: list[Path], tmp_path: Path) -> None:
    shutil.copytree(student, own := tmp_path / "own")
    (own / "diary.md").write_text("nobody else's business")
    made = on_hub(hub, tmp_path, own, "--push", "me/snake-lora")
    assert made.code == 0, made.err
    assert made.document == {"model": str(own), "exported": None, "pushed": f"{hub}/me/snake-lora"}
    assert fetched(hub, tmp_path, "me/snake-lora", tmp_path / "back")["private"] is True
    arrived = {file.name: file.read_bytes() for file in (tmp_path / "back").iterdir()}
    assert arrived == {file.name: file.read_bytes() for file in own.iterdir() if file.name != "diary.md"}
    assert played(tmp_path / "back", tmp_path / "games") == games(results[1])


@pytest.mark.slow
def test_what_is_written_can_be_pushed_in_one_go(hub: str, student: Path, tmp_path: Path) -> None:
    options = ["--merge", "--gguf", "q8_0", "--output", tmp_path / "out", "--push", "me/snake", "--public"]
    made = on_hub(hub, tmp_path, student, *options)
    assert made.code == 0, made.err
    assert fetched(hub, tmp_path, "me/snake", tmp_path / "back")["private"] is False
    names = {file.name for file in (tmp_path / "back").iterdir()}
    assert names == {file.name for file in (tmp_path / "out").iterdir()} >= {"README.md", "lora-Q8_0.gguf"}


@pytest.mark.slow
def test_a_wrong_token_is_explained(hub: str, student: Path, tmp_path: Path) -> None:
    made = on_hub(hub, tmp_path, student, "--push", "me/unknown", token="bad")
    assert made.code == 2 and "refuses me/unknown (401). Log in with `hf auth login`" in made.document["error"]
