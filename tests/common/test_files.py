"""Files are complete under their final name or not there at all; errors say what, where and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import (
    ensure_free,
    ensure_no_file,
    read_json,
    replacing_file,
    replacing_folder,
    sha256,
    write_json,
    write_text,
)

as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


class Boom(Exception):
    """What a user's code raises in the middle."""


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(item.name for item in folder.iterdir())


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse to write more than `size` bytes into one file, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where the machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        if not mounted:
            pytest.skip("no right to mount a small file system")
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def test_a_file_is_replaced_with_the_folders_above_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "text.txt"
    write_text(path, "one")
    write_text(path, "zwei ↑")
    assert path.read_bytes() == "zwei ↑".encode()
    assert names(path.parent) == ["text.txt"]


def test_a_replaced_file_has_the_rights_of_a_new_one(tmp_path: Path) -> None:
    write_text(tmp_path / "ours", "x")
    (tmp_path / "theirs").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode
    with replacing_folder(tmp_path / "our folder"):
        pass
    (tmp_path / "their folder").mkdir()
    assert (tmp_path / "our folder").stat().st_mode == (tmp_path / "their folder").stat().st_mode


@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt, SystemExit])
def test_a_failure_in_the_middle_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "text.txt"
    write_text(path, "old")
    with pytest.raises(error), replacing_file(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["text.txt"]


def test_a_failure_before_the_first_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Boom), replacing_file(tmp_path / "text.txt") as part:
        part.write_text("half")
        raise Boom
    assert names(tmp_path) == []


def test_a_killed_process_leaves_no_half_file_under_the_final_name(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from serpentune.common.files import replacing_file, replacing_folder

        here = Path(sys.argv[1])
        with replacing_file(here / "file") as part, replacing_folder(here / "folder") as folder:
            part.write_text("half")
            (folder / "file").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert all(name.startswith(".") and name.endswith(".part") for name in names(tmp_path))


def test_no_room_while_a_file_is_written(small_disk: Path) -> None:
    path = small_disk / "games.json"
    write_text(path, "old")
    with pytest.raises(UserError, match=r"No room left on the disk while writing .*games\.json"):
        write_text(path, "x" * 200_000)
    assert path.read_text() == "old"
    assert names(small_disk) == ["games.json"]


def test_no_room_while_a_folder_is_written(small_disk: Path) -> None:
    path = small_disk / "run"
    with replacing_folder(path) as part:
        (part / "old").write_text("old")
    with pytest.raises(UserError, match="No room left"), replacing_folder(path, overwrite=True) as part:
        for number in range(100):
            (part / str(number)).write_bytes(bytes(4096))
    assert names(small_disk) == ["run"]
    assert names(path) == ["old"]


def test_a_refused_write_is_explained_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "games.json"
    write_text(path, "old")
    with pytest.raises(UserError, match=r"games\.json can't be written \(File too large\)"), files_of_at_most(1000):
        write_text(path, "x" * 2000)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["games.json"]


def test_a_place_that_is_no_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"text\.txt can't be written"):
        write_text(tmp_path / "file" / "text.txt", "x")
    with pytest.raises(UserError, match=r"run can't be written"), replacing_folder(tmp_path / "file" / "run"):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"folder can't be written \(Is a directory\)"):
        write_text(tmp_path / "folder", "x")
    assert names(tmp_path) == ["file", "folder"]


@as_root
def test_a_folder_without_the_right_to_write_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="Permission denied"):
            write_text(tmp_path / "text.txt", "x")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run"
    with replacing_folder(path) as part:
        (part / "sub").mkdir()
        (part / "sub" / "file").write_text("new")
        assert not path.exists()
    assert (path / "sub" / "file").read_text() == "new"
    assert names(path.parent) == ["run"]


def test_a_folder_with_content_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / "precious").write_text("old")
    with pytest.raises(UserError, match=r"run already holds files.*--overwrite"), replacing_folder(path):
        pytest.fail("the work must not begin")
    assert (path / "precious").read_text() == "old"
    assert names(tmp_path) == ["run"]


def test_nobody_is_sent_for_an_option_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"already holds files\. Choose another folder\.$"):
        ensure_free(tmp_path, overwrite=None)


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    with replacing_folder(path) as part:
        (part / "file").write_text("new")
    assert names(path) == ["file"]


def test_overwriting_replaces_the_whole_folder(tmp_path: Path) -> None:
    path = tmp_path / "run"
    for name in ("one", "two"):
        with replacing_folder(path, overwrite=True) as part:
            (part / name).write_text(name)
    assert names(path) == ["two"]
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt])
def test_a_failure_while_overwriting_leaves_the_old_folder(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "run"
    with replacing_folder(path) as part:
        (part / "old").write_text("old")
    with pytest.raises(error), replacing_folder(path, overwrite=True) as part:
        (part / "new").write_text("half")
        raise error
    assert names(path) == ["old"]
    assert names(tmp_path) == ["run"]


def test_overwriting_through_a_link_leaves_what_it_led_to(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "run"
    target.mkdir()
    (target / "precious").write_text("old")
    link.symlink_to(target)
    with replacing_folder(link, overwrite=True) as part:
        (part / "new").write_text("new")
    assert names(link) == ["new"]
    assert not link.is_symlink()
    assert names(target) == ["precious"]
    assert names(tmp_path) == ["run", "target"]


def test_a_file_where_a_folder_shall_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="is a file"):
            ensure_free(tmp_path / "run", overwrite=overwrite)
    ensure_free(tmp_path / "new", overwrite=False)


def test_no_file_is_replaced_unasked(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch()
    with pytest.raises(UserError, match=r"old exists\. Choose another file, or pass --overwrite to replace it\.$"):
        ensure_no_file(new, old, overwrite=False)
    ensure_no_file(new, old, overwrite=True)
    ensure_no_file(new, overwrite=False)


def test_json_is_written_for_people_and_read_back(tmp_path: Path) -> None:
    value = {"z": 1, "a": [1.5, None, "↑"]}
    write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "z": 1,')
    assert "↑" in text
    assert read_json(tmp_path / "x.json") == value


def test_what_json_has_no_word_for_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", 1)
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", float("nan"))
    assert read_json(tmp_path / "x.json") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n "a": 1,\n "b": \n', r"x\.json, line 4: not valid JSON"),
        (b"", r"x\.json, line 1: not valid JSON"),
        (b'{"a": 1}\n\n{"b": 2}', r"x\.json, line 3: not valid JSON"),
        (b"\xff\xfe\x00", r"x\.json: not valid JSON"),
        (b"[" * 200_000, r"x\.json: not valid JSON"),
        (b"9" * 10_000, r"x\.json: not valid JSON"),
    ],
    ids=["broken off", "empty", "two documents", "not UTF-8", "too deep", "endless number"],
)
def test_damaged_json_is_refused_with_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_json(tmp_path / "x.json")


def test_a_missing_json_file_or_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.json: can't be read \(No such file or directory\)"):
        read_json(tmp_path / "nowhere.json")
    with pytest.raises(UserError, match=r"can't be read \(Is a directory\)"):
        read_json(tmp_path)


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(data)
    assert sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def make(folder: Path, files: dict[str, str]) -> str:
    """A folder of small files and its hash."""
    for name, text in files.items():
        write_text(folder / name, text)
    return sha256(folder)


def test_the_hash_of_a_folder_knows_names_contents_and_nothing_else(tmp_path: Path) -> None:
    files = {"a": "1", "sub/b": "2", "sub/c": ""}
    first = make(tmp_path / "first", files)
    assert make(tmp_path / "second", dict(reversed(files.items()))) == first
    (tmp_path / "second" / "empty").mkdir()
    assert sha256(tmp_path / "second") == first
    others = [
        {"a": "1", "sub/b": "2"},
        {"a": "2", "sub/b": "1", "sub/c": ""},
        {"a": "1", "sub/b": "", "sub/c": "2"},
        {"a": "1", "b": "2", "sub/c": ""},
        {},
    ]
    (tmp_path / "4").mkdir()
    hashes = [make(tmp_path / str(number), other) for number, other in enumerate(others)]
    assert len({first, *hashes}) == len(others) + 1


def test_the_end_of_one_file_does_not_pass_for_the_name_of_the_next(tmp_path: Path) -> None:
    apart = make(tmp_path / "apart", {"a": "x", "b": "y"})
    assert make(tmp_path / "together", {"a": "xb\0y"}) != apart
    assert make(tmp_path / "sized", {"a": "xb\0001\0y"}) != apart


def test_the_hash_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        sha256(tmp_path / "nowhere")


def test_json_files_end_with_a_line(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", [1])
    assert (tmp_path / "x.json").read_text() == json.dumps([1], indent=2) + "\n"


def test_ctrl_c_between_the_renames_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    replace, calls = Path.replace, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing_folder(folder, overwrite=True) as part:
        (part / "new.txt").write_text("new")
    assert [item.name for item in tmp_path.iterdir()] == ["run"]
    assert (folder / "notes.txt").read_text() == "mine"


def test_files_of_a_folder_get_the_rights_that_any_new_file_has(tmp_path: Path) -> None:
    (fresh := tmp_path / "fresh").write_text("")
    with replacing_folder(tmp_path / "out") as part:
        (part / "weights").write_text("")
        (part / "weights").chmod(0o600)  # as safetensors makes them
    assert (tmp_path / "out" / "weights").stat().st_mode == fresh.stat().st_mode
