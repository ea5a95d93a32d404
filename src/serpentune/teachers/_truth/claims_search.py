"""Floor 2, teachers: the part of the table that speaks of searches for a path."""

from __future__ import annotations

from serpentune.game import DIRECTIONS
from serpentune.teachers._truth.board import Board
from serpentune.teachers._truth.claims import Said, Truth, answer, cell_of, path_of
from serpentune.teachers._truth.sentences import claim


@claim(
    "Level by level from the apple at {apple:xy}, {teacher:teacher} takes {taken:cell} from its queue until it meets "
    "the head on level {level:n}: a shortest path has {path:move}.",
    "BFS",
    short="Level by level from the apple at {apple:xy}, {teacher:teacher} finds a shortest path.",
)
def shortest_by_queue(board: Board, said: Said) -> Truth:
    return _queue(board, said)


@claim(
    "Level by level from the apple at {apple:xy}, {teacher:teacher} takes {taken:cell} from its queue until it meets "
    "the head on level {level:n}, behind a move that keeps the tail within reach.",
    "BFS-SAFE-GREEDY",
    short=(
        "Level by level from the apple at {apple:xy}, {teacher:teacher} finds a shortest path behind a move that "
        "keeps the tail within reach."
    ),
)
def safe_by_queue(board: Board, said: Said) -> Truth:
    return _queue(board, said)


@claim(
    "After this path of {path:move} the tail of {teacher:teacher} can be reached as well.",
    "BFS-SAFE-GREEDY",
    short="After this path the tail of {teacher:teacher} can be reached as well.",
)
def safe_after_path(board: Board, said: Said) -> Truth:
    path = path_of(board, answer(board, said))
    return path if isinstance(path, str) else {"path": path}


@claim(
    "Level by level from the apple at {apple:xy} and only ahead on the cycle, {teacher:teacher} takes {taken:cell} "
    "from its queue until it meets the head on level {level:n}: a shortest such path has {path:move}.",
    "BFS-HAMILTONIAN",
    short=(
        "Level by level from the apple at {apple:xy} and only ahead on the cycle, {teacher:teacher} finds a shortest "
        "such path."
    ),
)
def ordered_by_queue(board: Board, said: Said) -> Truth:
    return _queue(board, said)


def _queue(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    path = path_of(board, found)
    if isinstance(path, str):
        return path
    return {"apple": cell_of(board, board.apple), "taken": found.taken, "level": path, "path": path}


@claim(
    "Level by level from the apple at {apple:xy}, {teacher:teacher} takes {taken:cell} from its queue and never meets "
    "the head: there is no path.",
    "BFS",
    short="Level by level from the apple at {apple:xy}, {teacher:teacher} never meets the head: there is no path.",
)
def queue_runs_out(board: Board, said: Said) -> Truth:
    return _in_vain(board, said)


@claim(
    "{teacher:teacher} looks at {taken:cell}, all in its reach, without meeting the apple at {apple:xy}.",
    "ASTAR",
    "DFS",
    short="{teacher:teacher} looks at all cells in its reach without meeting the apple at {apple:xy}.",
)
def search_in_vain(board: Board, said: Said) -> Truth:
    return _in_vain(board, said)


def _in_vain(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.how != "first legal" or board.apple is None:
        return "the board has a path, or nothing to search for"
    return {"apple": cell_of(board, board.apple), "taken": found.taken}


@claim(
    "The Manhattan distance is {distance:n}, so {extra:step} of a shortest path are a detour.",
    short="Even a shortest path is a detour.",
)
def detour(board: Board, said: Said) -> Truth:
    if board.shortest is None or board.distance is None or board.shortest == board.distance:
        return "no shortest path on the board is longer than the Manhattan distance"
    return {"distance": board.distance, "extra": board.shortest - board.distance}


@claim(
    "The Manhattan distance is {distance:n} too, so no detour is needed.",
    short="A shortest path needs no detour.",
)
def straight(board: Board, said: Said) -> Truth:
    if board.shortest is None or board.shortest != board.distance:
        return "the board has no path as short as the Manhattan distance"
    return {"distance": board.distance}


@claim(
    "{teacher:teacher} goes deep, nearer to the apple at {apple:xy} first, and after {taken:cell} has found a path "
    "of {path:move}.",
    "DFS",
    short="{teacher:teacher} goes deep, nearer to the apple at {apple:xy} first, and finds a path.",
)
def deep(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    path = path_of(board, found)
    if isinstance(path, str):
        return path
    return {"apple": cell_of(board, board.apple), "taken": found.taken, "path": path}


@claim(
    "A shortest path has {shortest:move}, so {teacher:teacher} goes {extra:step} further than needed.",
    "DFS",
    short="A shorter path is open, so {teacher:teacher} goes further than needed.",
)
def longer(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if board.shortest is None or found.path is None or found.path <= board.shortest:
        return "the teacher's path is not longer than a shortest one on the board"
    return {"shortest": board.shortest, "extra": found.path - board.shortest}


@claim(
    "No path is shorter than {path:move}.",
    short="",
)
def none_shorter(board: Board, said: Said) -> Truth:
    return "the board has no path" if board.shortest is None else {"path": board.shortest}


@claim(
    "{teacher:teacher} estimates {estimate:move} to the apple at {apple:xy}, the Manhattan distance, and finds a path "
    "of {path:move} after taking up {taken:cell}.",
    "ASTAR",
    short=(
        "With the Manhattan distance to the apple at {apple:xy} as its estimate, {teacher:teacher} finds a shortest "
        "path."
    ),
)
def estimated(board: Board, said: Said) -> Truth:
    return _estimate(board, said)


@claim(
    "{teacher:teacher} estimates {estimate:move} to the apple at {apple:xy}, the Manhattan distance, and finds a path "
    "of {path:move} only ahead on the cycle after taking up {taken:cell}.",
    "ASTAR-HAMILTONIAN",
    short=(
        "With the Manhattan distance to the apple at {apple:xy} as its estimate and only ahead on the cycle, "
        "{teacher:teacher} finds a shortest such path."
    ),
)
def ordered_by_estimate(board: Board, said: Said) -> Truth:
    return _estimate(board, said)


def _estimate(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    path = path_of(board, found)
    if isinstance(path, str) or board.distance is None:
        return str(path)
    return {
        "estimate": board.distance,
        "apple": cell_of(board, board.apple),
        "path": path,
        "taken": found.taken,
    }


@claim(
    "The path of {teacher:teacher} is {extra:move} longer than the estimate, so no straight way is open.",
    "ASTAR",
    short="The path of {teacher:teacher} is longer than the estimate, so no straight way is open.",
)
def above_estimate(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.path is None or board.distance is None or found.path == board.distance:
        return "the path is as short as the estimate on the board, or there is none"
    return {"extra": found.path - board.distance}


@claim(
    "A path as short as the estimate, {path:move}, can't be bettered.",
    short="A path as short as the estimate is open, and can't be bettered.",
)
def as_estimated(board: Board, said: Said) -> Truth:
    if board.shortest is None or board.shortest != board.distance:
        return "the board has no path as short as the Manhattan distance"
    return {"path": board.shortest}


@claim(
    "{teacher:teacher} finds no path to the apple at {apple:xy} that keeps the tail within reach.", "BFS-SAFE-GREEDY"
)
def no_safe_path(board: Board, said: Said) -> Truth:
    if board.apple is None or answer(board, said).how != "far":
        return "the teacher finds such a path on the board, or looks for none"
    return {"apple": cell_of(board, board.apple)}


@claim(
    "So {teacher:teacher} wanders: within reach of the tail it goes farthest from the apple, and then by the longest "
    "way to the tail, with {equal:moves}.",
    "BFS-SAFE-GREEDY",
)
def wanders(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.how != "far" or board.apple is None:
        return "the teacher does not wander on the board"
    return {"equal": found.equal}


@claim(
    "Within reach of the tail {teacher:teacher} goes by the longest way to it, with {equal:moves}.",
    "BFS-SAFE-GREEDY",
)
def wanders_without_apple(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.how != "far" or board.apple is not None:
        return "the teacher does not wander without an apple on the board"
    return {"equal": found.equal}


@claim(
    "Where moves are equal, as {equal:moves} are, {teacher:teacher} takes the first in the order {order:order}.",
    "BFS-SAFE-GREEDY",
)
def equally_good(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if len(found.equal) < 2:
        return "no other move is as good for the teacher on the board"
    return {"equal": found.equal, "order": DIRECTIONS}
