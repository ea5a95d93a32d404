"""Floor 2, teachers: the part of the table that speaks of the Hamiltonian cycle and of CELL's streets."""

from __future__ import annotations

from serpentune.game import DIRECTIONS
from serpentune.teachers._truth.board import CAREFUL, Board
from serpentune.teachers._truth.cell import has_blocks, streets
from serpentune.teachers._truth.claims import JUMPS, Said, Truth, answer, cell_of, path_of
from serpentune.teachers._truth.cycle import along, cycle, in_order
from serpentune.teachers._truth.sentences import Value, claim


@claim(
    "On the Hamiltonian cycle of {round:number} the head has number {number:n}, and the next cell, {next_cell:xy}, "
    "number {next_number:n}."
)
def on_cycle(board: Board, said: Said) -> Truth:
    ring = cycle(board)
    ahead = ring.next(board.head, board.apple)
    return {
        "round": ring.round,
        "number": ring.number[board.head],
        "next_cell": board.xy(ahead),
        "next_number": ring.number[ahead],
    }


@claim("The apple at {apple:xy} has number {number:n}, {ahead:step} ahead.")
def apple_on_cycle(board: Board, said: Said) -> Truth:
    if board.apple is None:
        return "there is no apple on the board"
    ring = cycle(board)
    return {
        "apple": board.xy(board.apple),
        "number": ring.number[board.apple],
        "ahead": ring.steps(board.head, board.apple),
    }


@claim("No part of the body will be in the way: {teacher:teacher} eats the apple with move {path:n}.", "HAMILTONIAN")
def way_free(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.how != "along" or found.path is None:
        return "the way along the cycle does not lead to the apple on the board"
    return {"path": found.path}


@claim(
    "Before the apple is reached along the cycle, a part of the body will be in the way of {teacher:teacher}.",
    "HAMILTONIAN",
)
def way_blocked(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.how != "along" or found.path is not None or board.apple is None:
        return "the way along the cycle leads to the apple on the board, or is not taken"
    return {}


@claim("The step along the cycle, {along:moves}, is not legal.")
def along_illegal(board: Board, said: Said) -> Truth:
    move = along(board)
    return f"{move.name} is legal on the board" if move in board.legal else {"along": (move,)}


@claim(
    "On the Hamiltonian cycle of {round:number} the head has number {number:n}, the tail number {tail_number:n}, "
    "{gap:step} ahead, and the apple at {apple:xy} number {apple_number:n}, {ahead:step} ahead."
)
def order_with_apple(board: Board, said: Said) -> Truth:
    if board.apple is None:
        return "there is no apple on the board"
    ring = cycle(board)
    return {
        **_order(board),
        "apple": board.xy(board.apple),
        "apple_number": ring.number[board.apple],
        "ahead": ring.steps(board.head, board.apple),
    }


@claim(
    "On the Hamiltonian cycle of {round:number} the head has number {number:n} and the tail number {tail_number:n}, "
    "{gap:step} ahead."
)
def order(board: Board, said: Said) -> Truth:
    return _order(board)


def _order(board: Board) -> dict[str, Value]:
    ring = cycle(board)
    return {
        "round": ring.round,
        "number": ring.number[board.head],
        "tail_number": ring.number[board.tail],
        "gap": ring.steps(board.head, board.tail),
    }


@claim(
    "{teacher:teacher} jumps to number {number:n}, skips {skipped:number} and passes neither the tail nor the apple.",
    *JUMPS,
)
def jumps(board: Board, said: Said) -> Truth:
    steps = _steps_ahead(board, said)
    ring = cycle(board)
    if isinstance(steps, str):
        return steps
    apple = ring.round if board.apple is None else ring.steps(board.head, board.apple)
    if steps > min(apple, ring.steps(board.head, board.tail)):
        return "the move passes the tail or the apple on the board"
    if steps == 1:
        return "the move is a single step along the cycle on the board"
    return {"number": (ring.number[board.head] + steps) % ring.round, "skipped": steps - 1}


@claim("{teacher:teacher} goes one step along the cycle, to number {number:n}.", *JUMPS)
def steps_on(board: Board, said: Said) -> Truth:
    steps = _steps_ahead(board, said)
    if isinstance(steps, str):
        return steps
    ring = cycle(board)
    return (
        {"number": (ring.number[board.head] + 1) % ring.round} if steps == 1 else f"the move leads {steps} steps ahead"
    )


def _by_streets(board: Board, said: Said) -> bool:
    """Whether the teacher in the text is CELL where it has streets, whose path is none of the cycle."""
    return said["teacher"] == "CELL" and has_blocks(board)


def _steps_ahead(board: Board, said: Said) -> int | str:
    found = answer(board, said)
    if found.how not in ("jump", "path") or _by_streets(board, said):
        return "the teacher does not go by the cycle's order on the board"
    return cycle(board).steps(board.head, board.moves[board.head][found.move])


@claim(
    "The snake's {length:cell} are more than half of the board's {cells:cell}: too long for {teacher:teacher} to take "
    "shortcuts.",
    *JUMPS,
    short="The snake covers more than half of the board: too long for {teacher:teacher} to take shortcuts.",
)
def long_snake(board: Board, said: Said) -> Truth:
    length = len(board.state.body)
    if 2 * length <= board.cells:
        return f"the snake has {length} of {board.cells} cells on the board"
    if answer(board, said).how != "jump":
        return "the teacher does not go by the cycle's order on the board"
    return {"length": length, "cells": board.cells}


@claim(
    "Going on like this, {teacher:teacher} eats the apple with move {path:n}.",
    "HAMILTONIAN-SHORTCUT",
    "CELL",
    short="Going on like this, {teacher:teacher} eats the apple.",
)
def jumps_to_apple(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.how != "jump" or found.path is None:
        return "going on like this does not lead to the apple on the board"
    return {"path": found.path}


@claim(
    "Step by step the cycle itself would take {ahead:move}, {saved:n} more than the path of {teacher:teacher}.",
    "BFS-HAMILTONIAN",
    "ASTAR-HAMILTONIAN",
    short="Step by step the cycle itself would take {ahead:move}, more than the path of {teacher:teacher}.",
)
def cycle_itself(board: Board, said: Said) -> Truth:
    ways = _both_ways(board, said)
    if isinstance(ways, str):
        return ways
    ahead, path = ways
    return "it would take no more on the board" if ahead == path else {"ahead": ahead, "saved": ahead - path}


@claim(
    "Step by step the cycle itself would take no more moves than the path of {teacher:teacher}.",
    "BFS-HAMILTONIAN",
    "ASTAR-HAMILTONIAN",
)
def cycle_as_short(board: Board, said: Said) -> Truth:
    ways = _both_ways(board, said)
    if isinstance(ways, str):
        return ways
    ahead, path = ways
    return {} if ahead == path else f"it would take {ahead - path} more on the board"


def _both_ways(board: Board, said: Said) -> tuple[int, int] | str:
    """Moves to the apple step by step along the cycle, and by the teacher's path."""
    path = path_of(board, answer(board, said))
    if isinstance(path, str) or board.apple is None:
        return str(path)
    return cycle(board).steps(board.head, board.apple), path


@claim("The body does not lie in the order of the Hamiltonian cycle.")
def out_of_order(board: Board, said: Said) -> Truth:
    return "it does on the board" if in_order(board) else {}


@claim("The body lies in the order of the Hamiltonian cycle, but no step ahead is open to {teacher:teacher}.", *JUMPS)
def no_step_ahead(board: Board, said: Said) -> Truth:
    if not in_order(board):
        return "the body does not lie in the cycle's order on the board"
    if answer(board, said).how not in CAREFUL or _by_streets(board, said):
        return "a step ahead is open on the board, or the move has another reason"
    return {}


@claim("{teacher:teacher} takes the step along the cycle, after which the tail stays within reach.", *JUMPS)
def careful_along(board: Board, said: Said) -> Truth:
    return {} if answer(board, said).how == "safe along" else "the move has another reason on the board"


@claim(
    "The step along the cycle, {along:moves}, does not keep the tail within reach, so {teacher:teacher} takes the "
    "first move that does, in the order {order:order}.",
    *JUMPS,
)
def careful(board: Board, said: Said) -> Truth:
    if answer(board, said).how != "safe":
        return "the move has another reason on the board"
    return {"along": (along(board),), "order": DIRECTIONS}


@claim("No move keeps the tail within reach, so {teacher:teacher} takes the step along the cycle.", *JUMPS)
def lost_along(board: Board, said: Said) -> Truth:
    return {} if answer(board, said).how == "lost along" else "the move has another reason on the board"


@claim(
    "{columns:column} and {rows:row} can't be cut into blocks, so {teacher:teacher} does what {model:teacher} does.",
    "CELL",
)
def no_blocks(board: Board, said: Said) -> Truth:
    width, height = board.state.width, board.state.height
    if has_blocks(board):
        return f"the board of {width} columns and {height} rows can be cut into blocks"
    return {"columns": width, "rows": height, "model": "HAMILTONIAN-SHORTCUT"}


@claim(
    "At {head:xy} the streets of {teacher:teacher} lead {stay:moves}, within the block, and {leave:moves}, out of it; "
    "it stays.",
    "CELL",
)
def stays(board: Board, said: Said) -> Truth:
    return _street(board, said, True)


@claim(
    "At {head:xy} the streets of {teacher:teacher} lead {stay:moves}, within the block, and {leave:moves}, out of it; "
    "it leaves.",
    "CELL",
)
def leaves(board: Board, said: Said) -> Truth:
    return _street(board, said, False)


def _street(board: Board, said: Said, staying: bool) -> Truth:
    found = answer(board, said)
    if found.how not in ("path", "goal", "block"):
        return "the teacher does not go by its streets on the board"
    stay, leave = streets(board, board.head)
    if (found.move == stay) != staying:
        return f"the move is {found.move.name} on the board"
    return {"head": board.xy(board.head), "stay": (stay,), "leave": (leave,)}


@claim(
    "By these streets the apple at {apple:xy} is {path:move} away, and eating it will cut off no free cell that "
    "{teacher:teacher} could go to first.",
    "CELL",
    short=(
        "By these streets a way leads to the apple at {apple:xy}, and eating it will cut off no free cell that "
        "{teacher:teacher} could go to first."
    ),
)
def nothing_cut_off(board: Board, said: Said) -> Truth:
    path = path_of(board, answer(board, said))
    return path if isinstance(path, str) else {"apple": cell_of(board, board.apple), "path": path}


@claim(
    "Eating the apple at {apple:xy} now would cut off {goal:xy}, so {teacher:teacher} goes there first.",
    "CELL",
    short="Eating the apple at {apple:xy} now would cut off a free cell, so {teacher:teacher} goes there first.",
)
def detour_to(board: Board, said: Said) -> Truth:
    found = answer(board, said)
    if found.goal is None:
        return "the teacher makes no detour on the board"
    return {"apple": cell_of(board, board.apple), "goal": board.xy(found.goal)}


@claim("By these streets {teacher:teacher} finds no way to the apple at {apple:xy}, so it stays if it can.", "CELL")
def no_street_to_apple(board: Board, said: Said) -> Truth:
    if answer(board, said).how != "block":
        return "the teacher has a way to the apple on the board, or goes by other rules"
    return {"apple": cell_of(board, board.apple)}


@claim("No street is open to {teacher:teacher} at {head:xy}, so the rules of the Hamiltonian cycle decide.", "CELL")
def no_street(board: Board, said: Said) -> Truth:
    if not has_blocks(board) or answer(board, said).how not in CAREFUL:
        return "the board has an open street, or no blocks, or nothing to go for"
    return {"head": board.xy(board.head)}
