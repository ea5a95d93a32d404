"""Snake as a Gymnasium environment: a random legal player and a teacher play the same games, many at once.

Run: python examples/06_gymnasium.py (needs the extra `gym`)
Change: TEACHER (DFS, ASTAR, HAMILTONIAN), GAMES (played side by side), SIDE (4 to 50 cells).
"""

from collections.abc import Callable

import gymnasium
import numpy as np
from numpy.typing import NDArray

from serpentune import teachers
from serpentune.game import Ending
from serpentune.game.environment import ENVIRONMENT, Observation, observed_states  # importing it registers Snake

TEACHER, GAMES, SIDE = "BFS", 64, 8

random = np.random.default_rng(0)
teacher = teachers.get(TEACHER)
Player = Callable[[Observation, NDArray[np.int8]], NDArray[np.int64]]


def random_legal(_: Observation, mask: NDArray[np.int8]) -> NDArray[np.int64]:
    """Any of the moves that keep the snake alive (the mask has a 1 for each); any move at all where none does."""
    chances: NDArray[np.float64] = (mask + 1e-9) * random.random(mask.shape)
    return chances.argsort(axis=1)[:, -1]


def like_the_teacher(observation: Observation, _: NDArray[np.int8]) -> NDArray[np.int64]:
    """The teacher's answer to each board; where it gives up (7), LEFT, since no move helps a trapped snake."""
    return np.minimum(teacher.moves(observed_states(observation)).astype(np.int64), 3)


def first_games(player: Player) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return, score and ending of the first game in each place."""
    environments = gymnasium.make_vec(ENVIRONMENT, num_envs=GAMES, width=SIDE, height=SIDE)
    # A game seed decides the apples, so every player meets the same ones; without it, seeds are drawn from `seed`.
    observation, info = environments.reset(seed=0, options={"game_seed": range(GAMES)})
    running = np.ones(GAMES, bool)
    returns, scores, endings = np.zeros(GAMES), np.zeros(GAMES, int), np.zeros(GAMES, int)
    while running.any():
        observation, reward, terminated, truncated, info = environments.step(player(observation, info["action_mask"]))
        returns += reward * running
        ended = running & (terminated | truncated)
        scores[ended], endings[ended] = info["score"][ended], info["ending"][ended]
        running &= ~ended  # the place goes on with a new game, which isn't counted here
    return returns, scores, endings


for name, player in (("random", random_legal), (TEACHER, like_the_teacher)):
    returns, scores, endings = first_games(player)
    counted = ", ".join(f"{(endings == code).sum()} {Ending(code).name}" for code in np.unique(endings))
    print(f"{name}: {scores.mean():.2f} apples a game, mean return {returns.mean():.2f}. Endings: {counted}")

# A single environment, and its board as text. render_mode="rgb_array" gives pixels instead.
single = gymnasium.make(ENVIRONMENT, width=SIDE, height=SIDE, render_mode="ansi")
observation, info = single.reset(options={"game_seed": 1})
for _ in range(20):
    (move,) = teacher.moves(observed_states(observation))
    observation, reward, terminated, truncated, info = single.step(int(move))
print(single.render())
