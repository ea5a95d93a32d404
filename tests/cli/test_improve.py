"""`serpentune improve`: what has to be typed, and what can't be typed together."""

from __future__ import annotations

import pytest

from tests.cli.calls import serpentune


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nano"], "A MODEL to improve and its --teacher are needed"),
        (["--teacher", "CELL"], "A MODEL to improve and its --teacher are needed"),
        (["nano", "--teacher", "CEL"], "Did you mean CELL"),
        (["BFS", "--teacher", "CELL"], "BFS plays without weights"),
        (["nano", "--teacher", "CELL", "--rounds", "0"], "--rounds 0"),
        (["nano", "--teacher", "CELL", "--epochs", "-1"], "--epochs -1"),
        (["nano", "--teacher", "CELL", "--evaluation-seed", "1000000"], "seeds from 1000000 on are kept"),
        (["nano", "--teacher", "CELL", "--set", "lora.rank=8"], "training.lora follows from the student"),
        (
            ["nano", "--teacher", "CELL", "--heuristic-dirs", "logs", "--teacher-games", "9"],
            "Leave out --teacher-games",
        ),
        (["nano", "--resume", "here"], "Leave out MODEL"),
        (["--resume", "here", "--games", "3"], "Leave out --games"),
        (["--resume", "nowhere", "--rounds", "3"], "nowhere holds no experiment: it has no improve.yaml"),
    ],
)
def test_what_is_wrong_is_said_with_code_2(words: list[str], message: str) -> None:
    said = serpentune("improve", *words)
    assert (said.code, said.out) == (2, "") and message in " ".join(said.err.split())
