from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.common.cache import cache_folder
from serpentune.common.errors import UserError


def test_the_nearest_named_place_holds_the_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERPENTUNE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder("tokens") == tmp_path / ".cache/serpentune/tokens"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder("tokens") == tmp_path / ".cache/serpentune/tokens"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_folder("tokens") == tmp_path / "shared/serpentune/tokens"
    monkeypatch.setenv("SERPENTUNE_CACHE", "~/own")
    assert cache_folder("tokens") == tmp_path / "own/tokens"
    assert not list(tmp_path.iterdir())


def test_a_user_without_a_home_is_told_what_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERPENTUNE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UserError, match="SERPENTUNE_CACHE"):
        cache_folder("tokens")
