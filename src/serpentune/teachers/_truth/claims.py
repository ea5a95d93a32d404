"""Floor 2, teachers: the table of what explanations can claim, and what the board says of it; first, of any move.

`claims_search` and `claims_cycle` hold the rest of the table.
"""

from __future__ import annotations

from typing import TypeAlias

from serpentune.game import DIRECTIONS
from serpentune.teachers._truth.board import Answer, Board
from serpentune.teachers._truth.sentences import Value, claim

Said: TypeAlias = dict[str, Value]
Truth: TypeAlias = dict[str, Value] | str

QUEUES = ("BFS", "BFS-SAFE-GREEDY", "BFS-HAMILTONIAN")
ESTIMATES = ("ASTAR", "ASTAR-HAMILTONIAN")
JUMPS = ("HAMILTONIAN-SHORTCUT", "BFS-HAMILTONIAN", "ASTAR-HAMILTONIAN", "CELL")
"""Teachers that search level by level, with an estimate, or jump ahead on the cycle; CELL where it has no streets."""


def answer(board: Board, said: Said) -> Answer:
    """What the teacher in the text does; the reader has made sure that it is known."""
    found = board.answer(str(said["teacher"]))
    assert found is not None
    return found


def cell_of(board: Board, cell: int | None) -> Value:
    """A cell as `(x, y)`; without one, a place that no text can name rightly."""
    return (-1, -1) if cell is None else board.xy(cell)


def path_of(board: Board, found: Answer) -> int | str:
    """Moves of the path that a search has found, or in words why there is none."""
    if not board.legal:
        return "no move is legal on the board, so nothing is planned"
    if found.how != "path" or found.path is None:
        return "the teacher has no such path on this board"
    return found.path


@claim("{teacher:teacher} plays {move:moves}, from {head:xy} to {next_cell:xy}.")
def plays(board: Board, said: Said) -> Truth:
    move = answer(board, said).move
    if not board.legal:
        return "no move is legal on the board"
    if move not in board.legal:
        return f"the teacher answers {move.name}, which is not legal on the board"
    return {"move": (move,), "head": board.xy(board.head), "next_cell": board.xy(board.moves[board.head][move])}


@claim("{teacher:teacher} plays {move:moves}, from {head:xy} to {next_cell:xy}, and eats the apple there.")
def eats(board: Board, said: Said) -> Truth:
    true = plays.says(board, said)
    if not isinstance(true, str) and true["next_cell"] != cell_of(board, board.apple):
        return f"the apple is not on {true['next_cell']}"
    return true


@claim("{teacher:teacher} gives up: no move of the head at {head:xy} is legal.")
def gives_up(board: Board, said: Said) -> Truth:
    if board.legal:
        return f"{board.legal[0].name} is legal on the board"
    return {"head": board.xy(board.head)}


@claim("From the head at {head:xy} to the apple at {apple:xy} the Manhattan distance is {distance:n}.")
def apart(board: Board, said: Said) -> Truth:
    if board.distance is None:
        return "there is no apple on the board"
    return {"head": board.xy(board.head), "apple": cell_of(board, board.apple), "distance": board.distance}


@claim("There is no apple on the board.")
def no_apple(board: Board, said: Said) -> Truth:
    return {} if board.apple is None else f"there is an apple at {board.xy(board.apple)}"


@claim("The snake fills the board, all {cells:cell}, and there is no apple.")
def full(board: Board, said: Said) -> Truth:
    if len(board.body) < board.cells:
        return f"{board.cells - len(board.body)} of {board.cells} cells are free on the board"
    return {"cells": board.cells}


@claim(
    "A shortest path to the apple has {shortest:move}.",
    short="A path to the apple is open.",
)
def shortest(board: Board, said: Said) -> Truth:
    return "no path leads to the apple" if board.shortest is None else {"shortest": board.shortest}


@claim("Past the body as it lies no path leads to the apple.")
def walled_off(board: Board, said: Said) -> Truth:
    if board.apple is None:
        return "there is no apple on the board"
    return {} if board.shortest is None else f"the board has a path of {board.shortest} moves"


@claim("The legal moves are {legal:moves}.")
def legal(board: Board, said: Said) -> Truth:
    return {"legal": board.legal} if len(board.legal) > 1 else f"the board has {len(board.legal)} legal moves"


@claim("Only {legal:moves} is legal.")
def only_legal(board: Board, said: Said) -> Truth:
    return {"legal": board.legal} if len(board.legal) == 1 else f"the board has {len(board.legal)} legal moves"


@claim("The legal moves are {legal:moves}, and the tail, now at {tail:xy}, stays within reach after each of them.")
def all_safe(board: Board, said: Said) -> Truth:
    if len(board.legal) < 2 or board.safe != board.legal:
        return f"of {len(board.legal)} legal moves {len(board.safe)} keep the tail within reach"
    return {"legal": board.legal, "tail": board.xy(board.tail)}


@claim("The legal moves are {legal:moves}, but the tail, now at {tail:xy}, stays within reach only after {safe:moves}.")
def some_safe(board: Board, said: Said) -> Truth:
    if not 0 < len(board.safe) < len(board.legal):
        return f"of {len(board.legal)} legal moves {len(board.safe)} keep the tail within reach"
    return {"legal": board.legal, "safe": board.safe, "tail": board.xy(board.tail)}


@claim("The legal moves are {legal:moves}, and the tail, now at {tail:xy}, is out of reach after each of them.")
def none_safe(board: Board, said: Said) -> Truth:
    if len(board.legal) < 2 or board.safe:
        return f"of {len(board.legal)} legal moves {len(board.safe)} keep the tail within reach"
    return {"legal": board.legal, "tail": board.xy(board.tail)}


@claim("Only {legal:moves} is legal, and the tail, now at {tail:xy}, stays within reach after it.")
def one_safe(board: Board, said: Said) -> Truth:
    if len(board.legal) != 1 or not board.safe:
        return f"of {len(board.legal)} legal moves {len(board.safe)} keep the tail within reach"
    return {"legal": board.legal, "tail": board.xy(board.tail)}


@claim("Only {legal:moves} is legal, and the tail, now at {tail:xy}, is out of reach after it.")
def one_unsafe(board: Board, said: Said) -> Truth:
    if len(board.legal) != 1 or board.safe:
        return f"of {len(board.legal)} legal moves {len(board.safe)} keep the tail within reach"
    return {"legal": board.legal, "tail": board.xy(board.tail)}


@claim(
    "The body cuts the {free:n} free cells into {regions:region}, the largest of {largest:cell}.",
    short="",
)
def cut(board: Board, said: Said) -> Truth:
    sizes = board.regions
    if len(sizes) < 2:
        return f"the board has {sum(sizes)} free cells in {len(sizes)} regions"
    return {"free": sum(sizes), "regions": len(sizes), "largest": sizes[0]}


@claim(
    "The {free:n} free cells are connected.",
    short="",
)
def connected(board: Board, said: Said) -> Truth:
    sizes = board.regions
    return {"free": sizes[0]} if len(sizes) == 1 else f"the board has {sum(sizes)} free cells in {len(sizes)} regions"


@claim("The only free cell is {cell:xy}.")
def lone_cell(board: Board, said: Said) -> Truth:
    if board.regions != (1,):
        return f"the board has {sum(board.regions)} free cells"
    return {"cell": cell_of(board, next(iter(set(range(board.cells)) - board.body)))}


@claim("Having no path, {teacher:teacher} takes the first legal move in the order {order:order}.")
def first_legal(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.how != "first legal":
        return "no move is legal on the board" if found.how == "trapped" else "the move has another reason on the board"
    return {"order": DIRECTIONS}


@claim("{equal:moves} begin such paths, and {teacher:teacher} takes the first in the order {order:order}.", *QUEUES)
def tie_in_order(board: Board, said: Said) -> Truth:
    true = _tie(board, said)
    return true if isinstance(true, str) else {**true, "order": DIRECTIONS}


@claim("{equal:moves} begin such paths, and {teacher:teacher} takes the one that it found first.", *ESTIMATES)
def tie_found_first(board: Board, said: Said) -> Truth:
    return _tie(board, said)


def _tie(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    path = path_of(board, found)
    if isinstance(path, str):
        return path
    return {"equal": found.equal} if len(found.equal) > 1 else f"{found.move.name} alone begins one on the board"


@claim("For {teacher:teacher} no other move than {move:moves} begins such a path.", "BFS", "BFS-SAFE-GREEDY", "ASTAR")
def no_tie(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    path = path_of(board, found)
    if isinstance(path, str):
        return path
    return {"move": found.equal} if len(found.equal) == 1 else f"{len(found.equal)} moves begin one on the board"


@claim(
    "No move keeps the tail within reach, so {teacher:teacher} takes the first legal one in the order {order:order}.",
    "BFS-SAFE-GREEDY",
    *JUMPS,
)
def lost(board: Board, said: Said) -> Truth:
    if answer(board, said).how != "lost":
        return "the move has another reason on the board"
    return {"order": DIRECTIONS}
