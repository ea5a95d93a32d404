"""Floor 2: the heuristics that students imitate, a short module each over shared search kernels, and their registry.

Knows nothing of text formats or models.
"""

from serpentune.teachers._astar import ASTAR
from serpentune.teachers._bfs import BFS
from serpentune.teachers._cell import CELL
from serpentune.teachers._check import ExplanationCheck, FalseClaim, check_explanation
from serpentune.teachers._decision import Decision
from serpentune.teachers._dfs import DFS
from serpentune.teachers._facts import legal_and_safe
from serpentune.teachers._hamiltonian import HAMILTONIAN
from serpentune.teachers._hybrids import ASTAR_HAMILTONIAN, BFS_HAMILTONIAN
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    EQUAL_MOVES,
    FACTS,
    GOAL,
    NODES_EXPANDED,
    PATH_LENGTH,
    WORK_PER_CELL,
)
from serpentune.teachers._noise import NOISY, PLAYER, player_name
from serpentune.teachers._play import play, play_batch
from serpentune.teachers._registry import behind, find, fingerprint, get, names, register
from serpentune.teachers._safe_greedy import BFS_SAFE_GREEDY
from serpentune.teachers._shortcut import HAMILTONIAN_SHORTCUT
from serpentune.teachers._teacher import Promise, Teacher

for _teacher in (
    BFS,
    BFS_SAFE_GREEDY,
    BFS_HAMILTONIAN,
    DFS,
    ASTAR,
    ASTAR_HAMILTONIAN,
    HAMILTONIAN,
    HAMILTONIAN_SHORTCUT,
    CELL,
):
    register(_teacher)

__all__ = [
    "ASTAR",
    "ASTAR_HAMILTONIAN",
    "BFS",
    "BFS_HAMILTONIAN",
    "BFS_SAFE_GREEDY",
    "CELL",
    "CHOOSE_TYPE",
    "DFS",
    "EQUAL_MOVES",
    "FACTS",
    "GOAL",
    "HAMILTONIAN",
    "HAMILTONIAN_SHORTCUT",
    "NODES_EXPANDED",
    "NOISY",
    "PATH_LENGTH",
    "PLAYER",
    "WORK_PER_CELL",
    "Decision",
    "ExplanationCheck",
    "FalseClaim",
    "Promise",
    "Teacher",
    "behind",
    "check_explanation",
    "find",
    "fingerprint",
    "get",
    "legal_and_safe",
    "names",
    "play",
    "play_batch",
    "player_name",
    "register",
]
