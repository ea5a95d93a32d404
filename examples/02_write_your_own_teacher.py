"""Write a teacher of your own in a few lines, and find out whether it plays better than BFS.

Run: python examples/02_write_your_own_teacher.py
Change: what `roomy` does. The docstring of `serpentune.teachers.Teacher` says what a teacher must keep to.
"""

import numpy as np

from serpentune import teachers
from serpentune.game import Move, State
from serpentune.statistics import paired_mean_interval, paired_permutation

GAMES, SIDE = 200, 6


def around(state: State, cell: int) -> dict[Move, int]:
    x, y = state.xy(cell)
    near = {Move.UP: (x, y + 1), Move.RIGHT: (x + 1, y), Move.DOWN: (x, y - 1), Move.LEFT: (x - 1, y)}
    return {to: j * state.width + i for to, (i, j) in near.items() if 0 <= i < state.width and 0 <= j < state.height}


def roomy(state: State) -> Move:
    """Go where the most cells can be reached; among equally roomy moves, toward the apple."""
    blocked = set(state.body[:-1])  # the tail leaves its cell
    back = None if state.direction is None else (state.direction + 2) % 4  # reversing is no move
    choices = {}
    for move, cell in around(state, state.head).items():
        if cell not in blocked and move != back:
            reached, seen = [cell], blocked | {cell}
            for place in reached:  # grows while it is read
                fresh = set(around(state, place).values()) - seen
                reached += fresh
                seen |= fresh
            (x, y), (apple_x, apple_y) = state.xy(cell), state.xy(state.apple)
            choices[move] = (len(reached), -abs(apple_x - x) - abs(apple_y - y))
    return max(choices, key=lambda move: choices[move]) if choices else Move.NO_PATH_FOUND


teachers.register(teachers.Teacher(name="ROOMY", summary="Keeps room.", guarantee="None.", function=roomy))

# Both meet the same apples, seed by seed, so that luck with the apples cancels out as far as it can.
bfs, own = (
    np.array([game.score for game in teachers.play(teachers.get(name), range(GAMES), SIDE, SIDE)])
    for name in ("BFS", "ROOMY")
)
print(f"BFS eats {bfs.mean():.1f} apples a game, ROOMY {own.mean():.1f}.")
print(paired_mean_interval(bfs, own, np.random.default_rng(0)).sentence())
test = paired_permutation(bfs, own, np.random.default_rng(0))
print(test.sentence())
shown = test.p_value is not None and test.p_value < 0.05
print(f"{'ROOMY' if own.mean() > bfs.mean() else 'BFS'} is better." if shown else "These games show no difference.")
