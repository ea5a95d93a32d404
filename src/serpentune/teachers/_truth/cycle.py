"""Floor 2, teachers: the Hamiltonian cycle and what its teachers do, once more in plain Python for the check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from serpentune.game import Move
from serpentune.teachers._truth.board import Answer, Board, first_legal
from serpentune.teachers._truth.search import estimating, ordered

_CORNER = 0


@dataclass(frozen=True)
class Cycle:
    """The cycle of one board size.

    Attributes:
        cells: its cells from number 0 on; on an odd board without the corner, which shares number 0.
        number: the number of each cell.
        round: how many numbers there are.
    """

    cells: tuple[int, ...]
    number: dict[int, int]
    round: int

    def steps(self, start: int, stop: int) -> int:
        """Steps ahead from one cell to another; a round to itself or its twin."""
        return (self.number[stop] - self.number[start]) % self.round or self.round

    def next(self, cell: int, apple: int | None) -> int:
        """The cell one step ahead; of two with that number, the corner if the apple lies there, else the other."""
        number = (self.number[cell] + 1) % self.round
        if apple == _CORNER and self.number[_CORNER] == number:
            return _CORNER
        return self.cells[number]


@lru_cache(maxsize=64)
def cycle_of(width: int, height: int) -> Cycle:
    """The cycle as it is defined, drawn cell by cell.

    An even height: the bottom row to the right, then row by row upward in columns 1 and above, then down column 0. An
    odd height and an even width: the same with x and y exchanged. Both odd: up column 0, row by row downward in columns
    1 and above to row 2, then to the left in the rows 1 and 0, down and up by turns, to `(1, 0)` and `(1, 1)`.
    """
    if width % 2 == 1 and height % 2 == 1:
        way = [(0, y) for y in range(1, height)]
        for y in range(height - 1, 1, -1):
            row = range(1, width) if y % 2 == 0 else range(width - 1, 0, -1)
            way += [(x, y) for x in row]
        for x in range(width - 1, 0, -1):
            way += [(x, 1), (x, 0)] if x % 2 == 0 else [(x, 0), (x, 1)]
    else:
        wide, high = (width, height) if height % 2 == 0 else (height, width)
        way = [(x, 0) for x in range(wide)]
        for y in range(1, high):
            row = range(1, wide) if y % 2 == 0 else range(wide - 1, 0, -1)
            way += [(x, y) for x in row]
        way += [(0, y) for y in range(high - 1, 0, -1)]
        if height % 2 == 1:
            way = [(y, x) for x, y in way]
    start = way.index((1, 1))
    cells = tuple(y * width + x for x, y in way[start:] + way[:start])
    number = {cell: place for place, cell in enumerate(cells)}
    number.setdefault(_CORNER, 0)
    return Cycle(cells, number, len(cells))


def cycle(board: Board) -> Cycle:
    """The cycle of this board."""
    return cycle_of(board.state.width, board.state.height)


def along(board: Board) -> Move:
    """The move along the cycle, legal or not."""
    ahead = cycle(board).next(board.head, board.apple)
    return next(move for move, cell in board.moves[board.head].items() if cell == ahead)


def in_order(board: Board) -> bool:
    """Whether the body's numbers go forward from tail to head, over less than a round."""
    ring, body = cycle(board), board.state.body
    return sum(ring.steps(older, newer) for newer, older in pairwise(body)) < ring.round


def hamiltonian(board: Board) -> Answer:
    """HAMILTONIAN: the step along the cycle, or the first legal move where that is not legal."""
    move = along(board)
    if move not in board.legal:
        return first_legal(board)
    ring, body = cycle(board), board.state.body
    leaves = {cell: len(body) - behind for behind, cell in enumerate(body)}
    cell = board.head
    for steps in range(1, board.cells + 1):
        cell = ring.next(cell, board.apple)
        if cell == board.apple:
            return Answer(move, "along", steps, 0, (move,))
        if steps < leaves.get(cell, 0):
            break
    return Answer(move, "along", None, 0, (move,))


def _jump(board: Board, head: int, back: Move | None, tail: int) -> Move | None:
    """The move that leads farthest ahead on the cycle and passes neither the tail nor the apple."""
    ring, apple, length = cycle(board), board.apple, len(board.state.body)
    gap = ring.steps(head, tail)
    to_apple = ring.round if apple is None else ring.steps(head, apple)
    most = min(gap, ring.round - 2) if 2 * length <= board.cells else 1
    twins = ring.round < board.cells
    if twins and apple is not None and to_apple >= gap and ring.number[apple] == ring.number[_CORNER]:
        most = 1
    best, far = None, 0
    for move, near in board.moves[head].items():
        steps = (ring.number[near] - ring.number[head]) % ring.round
        if move == back or steps > min(most, to_apple):
            continue
        if near == apple:
            if steps < gap or length == board.cells - 1:
                return move
        elif steps > far and (steps < to_apple or near == tail):
            best, far = move, steps
    return best


def _reverse(direction: Move | None) -> Move | None:
    return None if direction is None else Move((direction + 2) % 4)


def _jumps_to_apple(board: Board) -> int | None:
    """How many jumps lead to the apple, the body moving along; None where it takes more than a round."""
    if board.apple is None:
        return None
    trail = list(reversed(board.state.body))
    head, back = board.head, _reverse(board.state.direction)
    for steps in range(board.cells):
        move = _jump(board, head, back, trail[steps])
        if move is None:
            return None
        head = board.moves[head][move]
        if head == board.apple:
            return steps + 1
        trail.append(head)
        back = _reverse(move)
    return None


def careful(board: Board) -> Answer:
    """What the cycle's teachers answer out of order: along the cycle if safe, else safe, else along, else legal."""
    ahead = along(board)
    if ahead in board.safe:
        return Answer(ahead, "safe along", equal=(ahead,))
    if board.safe:
        return Answer(board.safe[0], "safe", equal=board.safe)
    if ahead in board.legal:
        return Answer(ahead, "lost along", equal=(ahead,))
    return first_legal(board, how="lost")


def _jumping(board: Board) -> Answer | None:
    move = _jump(board, board.head, _reverse(board.state.direction), board.tail) if in_order(board) else None
    return None if move is None else Answer(move, "jump", None, 0, (move,))


def shortcut(board: Board) -> Answer:
    """HAMILTONIAN-SHORTCUT: the farthest jump in order, careful moves out of it."""
    found = _jumping(board)
    if found is None:
        return careful(board)
    return Answer(found.move, "jump", _jumps_to_apple(board), 0, found.equal)


def _ordered_path(board: Board, estimate: bool) -> Answer:
    jump = _jumping(board)
    if board.apple is None or not in_order(board):
        return jump or careful(board)
    ring = cycle(board)
    to_apple = ring.steps(board.head, board.apple)
    taken, path = 0, None
    if to_apple < min(ring.steps(board.head, board.tail), ring.round - 1):
        if 2 * len(board.state.body) > board.cells:
            path = to_apple
        else:
            ahead = {cell: (number - ring.number[board.head]) % ring.round for cell, number in ring.number.items()}
            order = {cell: rank for cell, rank in ahead.items() if rank < to_apple or cell == board.apple}
            found = estimating(board, order) if estimate else ordered(board, order)
            if found.how == "path":
                return found
            taken = found.taken
    return replace(jump, path=path, taken=taken) if jump else replace(careful(board), taken=taken)


def breadth_first_in_order(board: Board) -> Answer:
    """BFS-HAMILTONIAN: a shortest path whose every step goes ahead on the cycle, else a jump, else a careful move."""
    return _ordered_path(board, False)


def estimating_in_order(board: Board) -> Answer:
    """ASTAR-HAMILTONIAN: the same by A*."""
    return _ordered_path(board, True)
