"""Floor 2, teachers: what the searching teachers do, found once more in plain Python for the check of explanations."""

from __future__ import annotations

import heapq

from serpentune.game import DIRECTIONS, Move
from serpentune.teachers._truth.board import Answer, Board, first_legal


def breadth_first(board: Board) -> Answer:
    """BFS: the first move, in the fixed order, of those that begin a shortest path."""
    if not board.legal or board.apple is None:
        return first_legal(board)
    path, equal = board.begins(board.legal)
    if path is None:
        return first_legal(board, len(board.from_apple))
    return Answer(equal[0], "path", path, _taken(board, path), equal)


def _taken(board: Board, path: int) -> int:
    """Cells taken from the queue until the level that lies beside the head is done."""
    return sum(steps < path for steps in board.from_apple.values())


def depth_first(board: Board) -> Answer:
    """DFS: nearer to the apple first, then in the fixed order; the first move of the path that meets the apple."""
    if not board.legal or board.apple is None:
        return first_legal(board)
    to_x, to_y = board.xy(board.apple)
    seen = {board.head}
    path = [board.head]
    moves: list[Move] = []
    while path:
        x, y = board.xy(path[-1])
        nearer = {Move.UP: to_y > y, Move.RIGHT: to_x > x, Move.DOWN: to_y < y, Move.LEFT: to_x < x}
        near = board.moves[path[-1]]
        choice = [m for m, cell in near.items() if cell not in seen and cell not in board.closed]
        if not moves:
            choice = [move for move in choice if move in board.legal]
        if not choice:
            path.pop()
            del moves[-1:]
            continue
        move = min(choice, key=lambda move: (not nearer[move], move))
        path.append(near[move])
        moves.append(move)
        seen.add(near[move])
        if near[move] == board.apple:
            return Answer(moves[0], "path", len(moves), len(seen), (moves[0],))
    return first_legal(board, len(seen))


def estimating(board: Board, order: dict[int, int] | None = None) -> Answer:
    """ASTAR: the first move of the path found first, where the cell found last is taken up first among equals.

    Args:
        board: the board.
        order: the cells that may be entered; a step may lead to a higher number only. None: every free cell, any step.
    """
    if not board.legal or board.apple is None:
        return first_legal(board)
    to_x, to_y = board.xy(board.apple)
    steps, first = {board.head: 0}, {board.head: board.legal[0]}
    done: set[int] = set()
    heap = [(0, 0, board.head)]
    found = 0
    while heap:
        cell = heapq.heappop(heap)[2]
        if cell in done:
            continue
        if cell == board.apple:
            return Answer(first[cell], "path", steps[cell], len(done), _beginning(board, order))
        done.add(cell)
        reach = steps[cell] + 1
        for move in reversed(DIRECTIONS):
            near = board.moves[cell].get(move)
            if near is None or near in board.closed or (cell == board.head and move not in board.legal):
                continue
            if order is not None and not order.get(near, -1) > order[cell]:
                continue
            if steps.get(near, reach + 1) > reach:
                steps[near] = reach
                first[near] = move if cell == board.head else first[cell]
                found += 1
                x, y = board.xy(near)
                heapq.heappush(heap, (reach + abs(x - to_x) + abs(y - to_y), -found, near))
    return first_legal(board, len(done))


def _beginning(board: Board, order: dict[int, int] | None) -> tuple[Move, ...]:
    return board.begins(board.legal)[1] if order is None else ordered(board, order).equal


def ordered(board: Board, order: dict[int, int]) -> Answer:
    """The search of BFS over steps to a higher number only; `order` holds the cells that may be entered."""
    assert board.apple is not None
    steps = {board.apple: 0}
    level = [board.apple]
    while level:
        equal = tuple(m for m in board.legal if board.moves[board.head][m] in level)
        if equal:
            path = steps[level[0]] + 1
            return Answer(equal[0], "path", path, len(steps), equal)
        following: list[int] = []
        for cell in level:
            for near in board.around[cell]:
                free = near not in board.closed and near not in steps
                if free and 0 < order.get(near, 0) < order[cell]:
                    steps[near] = steps[cell] + 1
                    following.append(near)
        level = following
    return first_legal(board, len(steps))


def safe_greedy(board: Board) -> Answer:
    """BFS-SAFE-GREEDY: shortest paths that leave the tail in reach; else far from the apple, then from the tail."""
    if not board.safe:
        return first_legal(board, how="lost")
    taken = 0
    if board.apple is not None:
        path, begin = board.begins(board.safe)
        taken = len(board.from_apple) if path is None else _taken(board, path)
        equal = tuple(move for move in begin if _leads_out(board, move))
        if equal:
            return Answer(equal[0], "path", path, taken, equal)

    def far(move: Move) -> tuple[int, int]:
        return board.distance_from(board.moves[board.head][move]) or 0, board.steps_to_tail(move) or 0

    farthest = max(far(move) for move in board.safe)
    equal = tuple(move for move in board.safe if far(move) == farthest)
    return Answer(equal[0], "far", None, taken, equal)


def _leads_out(board: Board, move: Move) -> bool:
    """Whether the tail can be reached once the path that begins with `move` has been walked and the apple eaten."""
    length = len(board.state.body)
    if length <= 2 or length == board.cells - 1:
        return True
    turn = {cell: place for place, cell in enumerate(board.from_apple)}
    cell = board.moves[board.head][move]
    body = [cell, *board.state.body]
    while cell != board.apple:
        nearer = [near for near in board.around[cell] if board.from_apple.get(near) == board.from_apple[cell] - 1]
        cell = min(nearer, key=turn.__getitem__)
        body.insert(0, cell)
    body = body[: length + 1]
    return board.way(body[0], body[-1], frozenset(body[:-1])) is not None
