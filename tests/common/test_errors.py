"""A misspelt name is answered with the near match and all known names."""

from __future__ import annotations

import pytest

from serpentune.common.errors import UserError, unknown_name

TEACHERS = ["BFS", "DFS", "ASTAR", "HAMILTONIAN", "BFS-SAFE-GREEDY"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ASTR", "ASTAR"),
        ("a*star", "ASTAR"),
        ("hamilton", "HAMILTONIAN"),
        ("Hamiltonain", "HAMILTONIAN"),
        ("bsf", "BFS"),
        ("bfs_safe_greedy", "BFS-SAFE-GREEDY"),
        ("saef", "BFS-SAFE-GREEDY"),
    ],
)
def test_the_near_match_is_suggested_whatever_the_case(name: str, near: str) -> None:
    assert f" Did you mean {near}? " in str(unknown_name("teacher", name, TEACHERS))


@pytest.mark.parametrize("name", ["", "xyzzy", "42", "MINIMAX"])
def test_nothing_is_suggested_where_nothing_is_near(name: str) -> None:
    assert "Did you mean" not in str(unknown_name("teacher", name, TEACHERS))


def test_the_message_names_the_kind_the_name_and_all_that_is_known_in_order() -> None:
    error = unknown_name("encoding", "gird", {"grid", "coordinates"})
    assert isinstance(error, UserError)
    assert str(error) == "There is no encoding named 'gird'. Did you mean grid? Known: coordinates, grid."
