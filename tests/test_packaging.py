"""What a user gets who installs the wheel, and that what the documents and pins promise is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import serpentune

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "pandas", "scipy.stats", "statsmodels", "gymnasium", "PIL")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def _python(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, env=environment, cwd=path
    )


def test_the_wheel_holds_all_that_the_source_tree_holds(wheel: zipfile.ZipFile) -> None:
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == source
    assert "serpentune/py.typed" in shipped
    for model in ("nano", "nano_6x6", "nano_10x10"):
        assert 0 < wheel.getinfo(f"serpentune/models/{model}/model.safetensors").file_size <= 8_000_000
    assert any(name.startswith("serpentune/report/templates/") for name in shipped)


def test_extensions_leaves_room_for_other_packages_of_that_name(wheel: zipfile.ZipFile) -> None:
    assert any(name.startswith("extensions/") for name in wheel.namelist())
    assert "extensions/__init__.py" not in wheel.namelist()


def test_the_unpacked_wheel_runs_away_from_the_source_tree(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    where = _python("-c", "import serpentune; print(serpentune.__file__)", path=tmp_path)
    assert Path(where.stdout.strip()) == tmp_path / "serpentune" / "__init__.py"
    version = _python("-m", "serpentune", "--version", path=tmp_path)
    assert version.returncode == 0, version.stderr
    assert serpentune.__version__ in version.stdout


def test_the_wheel_names_its_version_licence_and_command(wheel: zipfile.ZipFile) -> None:
    info = f"serpentune-{serpentune.__version__}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "License-Expression: MIT" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "serpentune = serpentune.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    code = f"import sys, serpentune.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    result = _python("-c", code, path=ROOT / "src")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


def test_every_dependency_is_pinned_at_a_version_that_it_admits() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = [Requirement(text) for text in [*PROJECT["dependencies"], *chain.from_iterable(extras.values())]]
    pins = _pins()
    for requirement in wanted:
        if requirement.name != "serpentune":
            pin = pins.get(canonicalize_name(requirement.name))
            assert pin is not None, f"{requirement.name} is not in constraints.txt: run make lock"
            assert requirement.specifier.contains(pin), f"constraints.txt pins {requirement.name} at {pin}"


def test_the_documents_name_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        named = re.findall(r"`(?:\w+=\S+ )*make ([a-z -]+)[^`]*`", document.read_text(encoding="utf-8"))
        unknown = {word for words in named for word in words.split()} - targets
        assert not unknown, f"{document.name} names {unknown}, which the Makefile doesn't have"


def test_the_teacher_of_contributing_is_found_when_its_package_is_installed(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    module, entry_point = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)[0] for kind in ("python", "toml"))
    (tmp_path / "greedy_teacher.py").write_text(module, encoding="utf-8")
    installed = tmp_path / "greedy_teacher-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy-teacher\nVersion: 1.0\n", encoding="utf-8")
    names = tomllib.loads(entry_point)["project"]["entry-points"]
    lines = [f"[{group}]\n{name} = {value}" for group, points in names.items() for name, value in points.items()]
    (installed / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "src")!r})
from serpentune.teachers import get, names, play
assert "GREEDY" in names()
scores = [game.score for game in play(get("greedy"), range(10), 6, 6)]
print(min(scores))
"""
    result = _python("-c", code, path=tmp_path)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 1
