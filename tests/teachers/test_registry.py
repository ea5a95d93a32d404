"""Names of teachers, and teachers that other packages bring along."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.game import Move, State
from serpentune.teachers import CHOOSE_TYPE, EQUAL_MOVES, NODES_EXPANDED, PATH_LENGTH, Teacher

SOURCE = Path(teachers.__file__).parents[2]


def test_ours_come_first() -> None:
    assert teachers.names()[:8] == (
        "BFS",
        "BFS-SAFE-GREEDY",
        "BFS-HAMILTONIAN",
        "DFS",
        "ASTAR",
        "ASTAR-HAMILTONIAN",
        "HAMILTONIAN",
        "HAMILTONIAN-SHORTCUT",
    )


@pytest.mark.parametrize(
    ("typed", "name"), [("bfs", "BFS"), (" Astar ", "ASTAR"), ("a*", "ASTAR"), ("bfs_safe_greedy", "BFS-SAFE-GREEDY")]
)
def test_case_does_not_matter(typed: str, name: str) -> None:
    assert teachers.get(typed).name == name


def test_a_misspelt_name_gets_the_near_match() -> None:
    with pytest.raises(
        UserError,
        match=r"no teacher named 'HAMILTONAIN'. Did you mean HAMILTONIAN\? Known: ASTAR, ASTAR-HAMILTONIAN, BFS",
    ):
        teachers.get("HAMILTONAIN")


def test_a_name_is_taken_once() -> None:
    other = Teacher(name="BFS", summary="Another.", guarantee="None.", function=lambda state: Move.UP)
    with pytest.raises(ValueError, match="BFS is registered already"):
        teachers.register(other)
    assert teachers.register(teachers.BFS) is teachers.BFS


def test_a_teacher_is_either_compiled_or_python() -> None:
    with pytest.raises(ValueError, match="either a kernel or a Python function"):
        Teacher(name="NONE", summary="Nothing.", guarantee="None.")
    with pytest.raises(ValueError, match="capitals"):
        Teacher(name="small", summary="Small.", guarantee="None.", function=lambda state: Move.UP)
    with pytest.raises(ValueError, match="whichever teacher played"):
        Teacher(name="PLAYER", summary="Anybody.", guarantee="None.", function=lambda state: Move.UP)
    with pytest.raises(TypeError, match="CHOOSE_TYPE"):
        Teacher(name="PLAIN", summary="No kernel.", guarantee="None.", kernel=lambda *arguments: 0)


def test_a_compiled_teacher_from_outside() -> None:
    @numba.njit(CHOOSE_TYPE)
    def always_right(ring, occupied, counters, width, height, work, facts):  # type: ignore[no-untyped-def]
        facts[PATH_LENGTH] = -1
        facts[NODES_EXPANDED] = 0
        facts[EQUAL_MOVES] = 2
        return 1

    teacher = Teacher(name="RIGHT", summary="Always right.", guarantee="None.", kernel=always_right)
    assert teacher.decide(State(6, 6, (0,), 5, None)).equal_moves == (Move.RIGHT,)
    (record,) = teachers.play(teacher, [0], 6, 6)
    assert set(record.moves) == {1}


def _install(folder: Path, points: str, code: str) -> None:
    """What `pip install` leaves of a package with entry points."""
    info = folder / "zigzag-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zigzag\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[serpentune.teachers]\n{points}\n")
    (folder / "zigzag.py").write_text(code)


def _run(folder: Path, code: str) -> str:
    path = os.pathsep.join([str(folder), str(SOURCE)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ZIGZAG = """
from serpentune.game import Move
from serpentune.teachers import Teacher
TEACHER = Teacher(name="ZIGZAG", summary="To and fro.", guarantee="None.", function=lambda state: Move.LEFT)
NUMBER = 7
TWIN = Teacher(name="BFS", summary="Another.", guarantee="None.", function=lambda state: Move.LEFT)
"""


def test_a_package_brings_a_teacher_along(tmp_path: Path) -> None:
    _install(tmp_path, "ZIGZAG = zigzag:TEACHER", ZIGZAG)
    code = """
import sys
from serpentune import teachers
assert teachers.get("BFS").name == "BFS" and "zigzag" not in sys.modules, "loaded before it was needed"
teacher = teachers.get("zigzag")
(record,) = teachers.play(teacher, [0], 6, 6)
print(teachers.names()[-1], record.player, record.ending.name)
"""
    assert _run(tmp_path, code) == "ZIGZAG ZIGZAG WALL"


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ("ZIGZAG = zigzag:MISSING", "zigzag:MISSING of package zigzag can't be loaded (AttributeError"),
        ("ZIGZAG = zigzag:NUMBER", "is a int, not a Teacher"),
        ("BFS = zigzag:TWIN", "a teacher named BFS is registered already"),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, points: str, reason: str) -> None:
    _install(tmp_path, points, ZIGZAG)
    code = """
from serpentune import teachers
from serpentune.common.errors import UserError
try:
    teachers.names()
except UserError as error:
    print(error)
"""
    assert reason in _run(tmp_path, code)
