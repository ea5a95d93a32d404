"""Floor 2, teachers: what a teacher's answer to one state holds."""

from __future__ import annotations

from dataclasses import dataclass

from serpentune.game import Move


@dataclass(frozen=True)
class Decision:
    """A teacher's answer to one state.

    Attributes:
        move: UP, RIGHT, DOWN or LEFT; `NO_PATH_FOUND` when the snake is trapped.
        path_length: moves to the apple along the teacher's path; None when it has none, or plans none.
        nodes_expanded: cells that its search took up; 0 when it doesn't search.
        equal_moves: the moves that it holds equally good, in the fixed order, `move` among them; empty when trapped.
        legal_moves: the legal moves, in the fixed order.
        safe_moves: those of them after which free cells lead from the head to the tail.
        distance: columns plus rows from head to apple (Manhattan); None without apple.
        shortest_path: moves of a shortest path to the apple past a body that stands still; None where there is none.
        free_regions: sizes in cells of the connected regions of free cells, largest first.
        goal: the cell to which the teacher's plan leads before the apple; None where it leads to the apple or nowhere.
    """

    move: Move
    path_length: int | None
    nodes_expanded: int
    equal_moves: tuple[Move, ...]
    legal_moves: tuple[Move, ...]
    safe_moves: tuple[Move, ...]
    distance: int | None
    shortest_path: int | None
    free_regions: tuple[int, ...]
    goal: int | None
