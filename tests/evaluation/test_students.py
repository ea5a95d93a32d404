"""What untuned bases are called beside their students."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import untuned_names
from serpentune.training import AdvancedTrainingConfig


def _configs(*bases: str | Path, chat: bool = False) -> list[AdvancedTrainingConfig]:
    return [AdvancedTrainingConfig(base_model_name=str(base), chat=chat) for base in bases]


def test_one_base_is_called_untuned_and_several_by_their_names() -> None:
    assert untuned_names(_configs("nano", "nano")) == {("nano", False): "untuned"}
    several = [*_configs("nano", "scratch-2m", "nano"), *_configs("nano", chat=True)]
    assert list(untuned_names(several).values()) == ["untuned-nano", "untuned-scratch-2m", "untuned-nano-chat"]


def test_bases_of_one_short_name_have_results_of_their_own(llama: Path, tmp_path: Path) -> None:
    bases = [Path(shutil.copytree(llama, tmp_path / owner / "llama")) for owner in ("a", "b")]
    assert list(untuned_names(_configs(*bases)).values()) == ["untuned-a-llama", "untuned-b-llama"]
    like_chat = shutil.copytree(llama, tmp_path / "llama-chat")
    with pytest.raises(UserError, match="called untuned-llama-chat and untuned-llama-chat, and share a results folder"):
        untuned_names([*_configs(bases[0], chat=True), *_configs(like_chat)])
