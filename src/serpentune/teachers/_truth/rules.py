"""Floor 2, teachers: which of the functions in plain Python belongs to which of our teachers."""

from __future__ import annotations

from collections.abc import Callable

from serpentune.teachers._truth.board import Answer, Board
from serpentune.teachers._truth.cell import cell
from serpentune.teachers._truth.cycle import breadth_first_in_order, estimating_in_order, hamiltonian, shortcut
from serpentune.teachers._truth.search import breadth_first, depth_first, estimating, safe_greedy

RULES: dict[str, Callable[[Board], Answer]] = {
    "BFS": breadth_first,
    "BFS-SAFE-GREEDY": safe_greedy,
    "BFS-HAMILTONIAN": breadth_first_in_order,
    "DFS": depth_first,
    "ASTAR": estimating,
    "ASTAR-HAMILTONIAN": estimating_in_order,
    "HAMILTONIAN": hamiltonian,
    "HAMILTONIAN-SHORTCUT": shortcut,
    "CELL": cell,
}
