"""Floor 2, teachers: what CELL does, once more in plain Python for the check of explanations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serpentune.game import Move
from serpentune.teachers._truth.board import Answer, Board, first_legal
from serpentune.teachers._truth.cycle import careful, shortcut

STREETS = {
    (0, 0): (Move.RIGHT, Move.DOWN),
    (1, 0): (Move.UP, Move.RIGHT),
    (1, 1): (Move.LEFT, Move.UP),
    (0, 1): (Move.DOWN, Move.LEFT),
}
"""By the parity of x and y: the move that stays in the block, against the clock, and the one that leaves it."""

_NEVER = -(10**9)
_FOR_EVER = 10**9


def has_blocks(board: Board) -> bool:
    """Whether the board can be cut into blocks, so that CELL goes by its streets."""
    return board.state.width % 2 == 0 and board.state.height % 2 == 0


def streets(board: Board, cell: int) -> tuple[Move, Move]:
    """The move that stays in the block of a cell, and the one that leaves it, off the board perhaps."""
    x, y = board.xy(cell)
    return STREETS[x % 2, y % 2]


@dataclass
class _Times:
    """When the head was last in each cell and each block; now is 0, the body's times are negative."""

    board: Board
    cells: dict[int, int]
    blocks: dict[tuple[int, int], int]

    def block(self, cell: int) -> tuple[int, int]:
        x, y = self.board.xy(cell)
        return x // 2, y // 2

    def enter(self, cell: int, time: int) -> None:
        self.cells[cell] = time
        self.blocks[self.block(cell)] = max(time, self.blocks.get(self.block(cell), time))

    def ways(self, cell: int, left: int, apple: int | None) -> list[int]:
        """The cells where one may go from `cell` so that the joined blocks stay a tree.

        Cells entered at the time `left` or before are free again. Eating holds the tail back, so that the block of the
        apple must be empty a move earlier. A block with a part of the body in it is open only as the one come from.
        """
        moves = self.board.moves[cell]
        stay, leave = streets(self.board, cell)
        back = moves[stay]
        came = self.cells.get(back, _NEVER)
        found = [back] if came <= left else []
        ahead = moves.get(leave)
        if ahead is not None and self.cells.get(ahead, _NEVER) <= left:
            empty = self.blocks.get(self.block(ahead), _NEVER) <= (left - 1 if ahead == apple else left)
            if empty or (came - 1 > left and self.cells.get(self.board.moves[back][leave], _NEVER) == came - 1):
                found.append(ahead)
        return found


def _lay(board: Board) -> tuple[_Times, bool]:
    """The times of the body, and whether each of its steps was one of the ways."""
    times = _Times(board, {}, {})
    body = board.state.body
    on_outline = True
    for behind in range(len(body) - 1, -1, -1):
        if on_outline and behind < len(body) - 1:
            on_outline = body[behind] in times.ways(body[behind + 1], -len(body), None)
        times.enter(body[behind], -behind)
    return times, on_outline


def _search(
    times: _Times, start: int, first: list[int], vacated: Callable[[int], int], apple: int | None
) -> tuple[dict[int, int], dict[int, int]]:
    """Breadth-first over ways: steps to each cell, and the cell before it; `vacated` says what is free by a step."""
    steps, before = {start: 0}, {start: start}
    for cell in (queue := [start]):
        reach = steps[cell] + 1
        for near in first if cell == start else times.ways(cell, vacated(reach), apple):
            if near not in steps:
                steps[near] = reach
                before[near] = cell
                queue.append(near)
    return steps, before


def _way(before: dict[int, int], cell: int) -> list[int]:
    """The cells of the way found, last one first, without the start."""
    way = []
    while before[cell] != cell:
        way.append(cell)
        cell = before[cell]
    return way


def _goal(board: Board, times: _Times, steps: dict[int, int], before: dict[int, int]) -> int:
    """The apple, or the nearest cell that eating it by the way found would cut off."""
    assert board.apple is not None
    length = len(board.state.body)
    later = _Times(board, dict(times.cells), dict(times.blocks))
    for cell in _way(before, board.apple):
        later.enter(cell, steps[cell])
    left = steps[board.apple] - length - 1
    patience = max(board.state.width, board.state.height)
    first = later.ways(board.apple, left + 1, None)
    after, _ = _search(later, board.apple, first, lambda reach: left + min(reach, patience), None)
    free = [cell for cell in steps if cell not in after and later.cells.get(cell, _NEVER) <= left and steps[cell] > 0]
    for cell in sorted(free, key=lambda cell: (steps[cell], cell)):
        if all(times.cells.get(passed, _NEVER) <= -length for passed in _way(before, cell)):
            return cell
    return board.apple


def cell(board: Board) -> Answer:
    """CELL: to the apple over the streets, or first to what eating it would cut off."""
    if not has_blocks(board):
        return shortcut(board)
    if not board.legal or board.apple is None:
        return first_legal(board)
    times, on_outline = _lay(board)
    length = len(board.state.body)
    usable = [board.moves[board.head][move] for move in (board.legal if on_outline else board.safe)]
    ways = [near for near in times.ways(board.head, 1 - length, board.apple) if near in usable]
    if not ways:
        return careful(board)
    steps, before = _search(times, board.head, ways, lambda reach: reach - length, board.apple)
    if board.apple not in steps:
        near, goal = ways[0], None
    else:
        goal = _goal(board, times, steps, before)
        near = _way(before, goal)[-1]
    move = next(move for move, beyond in board.moves[board.head].items() if beyond == near)
    if goal is None:
        return Answer(move, "block", None, len(steps), (move,))
    if goal == board.apple:
        return Answer(move, "path", steps[goal], len(steps), (move,))
    return Answer(move, "goal", None, len(steps), (move,), goal)
