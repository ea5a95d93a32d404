"""Floor 1, game: Snake as a Gymnasium environment, one game or many in lockstep; needs the extra `gym`.

Importing this module registers `serpentune/Snake-v0`, and so does importing `serpentune` where Gymnasium is imported
already. Gymnasium has had no plugins since 1.0, but an id may name what to import:
`gymnasium.make("serpentune:serpentune/Snake-v0")`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from serpentune.game.lockstep import NO_MOVE, Limits, LockstepGames
from serpentune.game.moves import Ending
from serpentune.game.render import ansi, rgb
from serpentune.game.state import States, check_board

ENVIRONMENT = "serpentune/Snake-v0"

Observation = dict[str, Any]
RenderMode = Literal["ansi", "rgb_array"]
Frame = str | NDArray[np.uint8]

_RENDER_MODES = ("ansi", "rgb_array")
_NO_RENDER_MODE = 'Nothing is rendered without a render mode: make the environment with render_mode="ansi".'
_NO_DIRECTION = 4
_DEATHS = np.isin(list(Ending), [Ending.WALL, Ending.SELF])
_TERMINAL = np.isin(list(Ending), [Ending.WIN, Ending.WALL, Ending.SELF])


class SnakeEnv(gymnasium.Env[Observation, np.int64]):
    """One game of Snake by the rules of `serpentune.game`.

    **Action**, `Discrete(4)`: the code of a `Move`, UP 0, RIGHT 1, DOWN 2, LEFT 3. A reversal is no move: the snake
    stays as it is, and the step counts.

    **Observation**, a `Dict`, the whole visible state (`observed_states` gives it as `States`):

    * `board`, int16 `(height, width)`, the bottom row first, so that `board[y, x]` is the cell `(x, y)`: 0 empty, -1
      the apple, `k` the snake's segment number `k`: 1 the head, its length the tail.
    * `direction`, `Discrete(5)`: the last move that moved the snake, 4 before the first. Only a snake of one cell
      doesn't show it.

    After a death the board is the one before the fatal move; a full board has no apple.

    **Reward**: +1 for an apple, -1 for a death, else 0. A won game sums up to `width * height - 1`.

    **Endings**: `terminated` on WIN, WALL and SELF; `truncated` where a limit stopped a living snake. No limit can be
    seen in an observation, which is why reaching one is no property of the state.

    **Info**: `action_mask`, int8 `(4,)`, 1 for each move that keeps the snake alive (zeros when it is trapped and after
    the end), for `action_space.sample(mask)`; `score`, apples eaten; `steps`; `ending`, a code of `Ending`;
    `game_seed`.

    Args:
        width: cells a row.
        height: cells a column.
        max_steps: moves a game, 0 for no limit.
        max_steps_per_apple: moves without an apple, 0 for no limit, None for twice the number of cells.
        max_consecutive_invalid_reversals: reversals in a row, 0 for no limit.
        render_mode: what `render` returns: "ansi", a text; "rgb_array", uint8 `(24 * height, 24 * width, 3)`.

    Raises:
        UserError: the board is outside the rules.
        ValueError: there is no such render mode.
    """

    metadata = {"render_modes": list(_RENDER_MODES), "render_fps": 10}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        width: int = 10,
        height: int = 10,
        *,
        max_steps: int = 0,
        max_steps_per_apple: int | None = None,
        max_consecutive_invalid_reversals: int = 10,
        render_mode: RenderMode | None = None,
    ) -> None:
        self.observation_space = _observation_space(width, height)
        self.action_space = _action_space()
        self.render_mode = _checked(render_mode)
        limits = Limits(max_steps, max_steps_per_apple, max_consecutive_invalid_reversals)
        self._games = LockstepGames([0], width, height, limits, recorded=False)
        self._over = True
        self._begun = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a new game.

        Args:
            seed: seeds `np_random`, from which the seed of every game is drawn.
            options: `{"game_seed": k}` plays the game with that seed instead: the apples that every other player of the
                seed meets. Nothing is drawn then.

        Raises:
            ValueError: an unknown option, or a game seed that is no 64-bit integer.
        """
        chosen = _game_seeds(options, 1)
        super().reset(seed=seed)
        self._games.restart([0], [_draw(self.np_random)] if chosen is None else chosen)
        self._begun, self._over = True, False
        return self._observation(), self._info()

    def step(self, action: int | np.integer[Any]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one move.

        Raises:
            gymnasium.error.ResetNeeded: before the first `reset`, and after the end of a game.
            gymnasium.error.InvalidAction: the action is none of 0 to 3.
        """
        if self._over:
            raise ResetNeeded("The game is over: call reset." if self._begun else "Call reset before step.")
        if not self.action_space.contains(action):
            raise InvalidAction(f"{action!r} is no action; actions are 0 (UP), 1 (RIGHT), 2 (DOWN) and 3 (LEFT).")
        before = self._games.scores
        self._games.step([int(action)])
        rewards, terminated, truncated = _outcomes(self._games, before)
        self._over = bool(terminated[0] or truncated[0])
        return self._observation(), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), self._info()

    def render(self) -> Frame | None:
        """The present board in the environment's render mode.

        Raises:
            gymnasium.error.ResetNeeded: before the first `reset`.
        """
        if not self._begun:
            raise ResetNeeded("Call reset before render.")
        if self.render_mode is None:
            gymnasium.logger.warn(_NO_RENDER_MODE)
            return None
        return _frames(self._games, self.render_mode)[0]

    def _observation(self) -> Observation:
        return {name: value[0] for name, value in _observations(self._games).items()}

    def _info(self) -> dict[str, Any]:
        infos = {name: value[0] for name, value in _infos(self._games).items()}
        return {name: value if isinstance(value, np.ndarray) else int(value) for name, value in infos.items()}


class SnakeVectorEnv(VectorEnv[Observation, NDArray[np.integer[Any]], NDArray[Any]]):
    """Many games of Snake that advance in one call of a compiled kernel; `gymnasium.make_vec` makes it.

    It gives the same, step for step, as `num_envs` of `SnakeEnv` in Gymnasium's `SyncVectorEnv`: observations, actions
    and infos are those of `SnakeEnv` with a leading axis `(num_envs,)`. The board of the last step of a game is its
    final one; the next step begins a new game in its place whatever the action (autoreset mode NEXT_STEP), with
    reward 0.

    Args:
        num_envs: games.
        width: as in `SnakeEnv`, and so are the others.
        height: see there.
        max_steps: see there.
        max_steps_per_apple: see there.
        max_consecutive_invalid_reversals: see there.
        render_mode: what each frame of `render` is.

    Raises:
        UserError: the board is outside the rules.
        ValueError: there is no such render mode, or no game at all.
    """

    metadata = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": list(_RENDER_MODES),
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        width: int = 10,
        height: int = 10,
        *,
        max_steps: int = 0,
        max_steps_per_apple: int | None = None,
        max_consecutive_invalid_reversals: int = 10,
        render_mode: RenderMode | None = None,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"{num_envs} games can't be played; at least one is needed")
        self.num_envs = num_envs
        self.single_observation_space = _observation_space(width, height)
        self.single_action_space = _action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = _checked(render_mode)
        limits = Limits(max_steps, max_steps_per_apple, max_consecutive_invalid_reversals)
        self._games = LockstepGames(range(num_envs), width, height, limits, recorded=False)
        self._over = np.zeros(num_envs, np.bool_)
        self._randoms: list[tuple[np.random.Generator, int]] = []

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generators from which each place draws the seeds of its games, none before the first `reset`."""
        return tuple(random for random, _ in self._randoms)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """What those generators were seeded with."""
        return tuple(seed for _, seed in self._randoms)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a new game in every place.

        Args:
            seed: seeds the generators: an integer with `seed`, `seed + 1`, ...; a sequence holds one each, with None
                where a generator shall go on as it is.
            options: `{"game_seed": k}` plays the game with that seed in every place, a sequence of `num_envs` seeds one
                each. Later games are drawn again.

        Raises:
            ValueError: not one seed a game, an unknown option, or a game seed that is no 64-bit integer.
        """
        if seed is None:
            seeds: list[int | None] = [None] * self.num_envs
        elif isinstance(seed, int | np.integer):
            seeds = [int(seed) + place for place in range(self.num_envs)]
        else:
            seeds = [None if each is None else int(each) for each in seed]
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds were given for {self.num_envs} games")
        chosen = _game_seeds(options, self.num_envs)
        self._randoms = [
            self._randoms[place] if self._randoms and value is None else seeding.np_random(value)
            for place, value in enumerate(seeds)
        ]
        drawn = [_draw(random) for random in self.np_random] if chosen is None else chosen
        self._games.restart(range(self.num_envs), drawn)
        self._over = np.zeros(self.num_envs, np.bool_)
        return _observations(self._games), self._infos()

    def step(
        self, actions: NDArray[np.integer[Any]]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Play one move in every game; where the last step ended one, begin a new one instead.

        Args:
            actions: integers `(num_envs,)`.

        Raises:
            gymnasium.error.ResetNeeded: before the first `reset`.
            gymnasium.error.InvalidAction: not one of 0 to 3 for each game.
        """
        if not self._randoms:
            raise ResetNeeded("Call reset before step.")
        given = np.asarray(actions)
        if given.shape != (self.num_envs,) or given.dtype.kind not in "iu" or given.min() < 0 or given.max() > 3:
            raise InvalidAction(f"{self.num_envs} actions from 0 (UP) to 3 (LEFT) are needed, not {actions!r}.")
        ended = np.flatnonzero(self._over)
        self._games.restart(ended, [_draw(self._randoms[place][0]) for place in ended.tolist()])
        before = self._games.scores
        self._games.step(np.where(self._over, np.int8(NO_MOVE), given.astype(np.int8)))
        rewards, terminated, truncated = _outcomes(self._games, before)
        self._over = terminated | truncated
        return _observations(self._games), rewards, terminated, truncated, self._infos()

    def render(self) -> tuple[Frame, ...] | None:
        """The present boards in the environment's render mode.

        Raises:
            gymnasium.error.ResetNeeded: before the first `reset`.
        """
        if not self._randoms:
            raise ResetNeeded("Call reset before render.")
        if self.render_mode is None:
            gymnasium.logger.warn(_NO_RENDER_MODE)
            return None
        return _frames(self._games, self.render_mode)

    def _infos(self) -> dict[str, Any]:
        """The infos of the single games as arrays, each with the mask of Gymnasium that says which games have it."""
        infos = _infos(self._games)
        return infos | {f"_{name}": np.ones(self.num_envs, np.bool_) for name in infos}


def observed_states(observation: Observation) -> States:
    """What observations show as `States`, for teachers and encodings.

    Args:
        observation: of one game (1 state) or of `n` (`n` states).
    """
    board = np.asarray(observation["board"])
    boards = board.reshape(-1, *board.shape[-2:])
    count, height, width = boards.shape
    cells = boards.reshape(count, -1)
    states = States.empty(count, width, height)
    rows, places = np.nonzero(cells > 0)
    states.body[rows, cells[rows, places] - 1] = places
    states.length[:] = cells.max(axis=1)
    rows, places = np.nonzero(cells == -1)
    states.apple[rows] = places
    directions = np.asarray(observation["direction"])
    states.direction[:] = np.where(directions == _NO_DIRECTION, -1, directions)
    return states


def _observation_space(width: int, height: int) -> spaces.Dict:
    check_board(width, height)
    board = spaces.Box(-1, width * height, (height, width), np.int16)
    return spaces.Dict({"board": board, "direction": spaces.Discrete(5)})


def _action_space() -> spaces.Discrete:
    return spaces.Discrete(4)


def _checked(render_mode: RenderMode | None) -> RenderMode | None:
    if render_mode is not None and render_mode not in _RENDER_MODES:
        raise ValueError(f"there is no render mode {render_mode!r}; there are {', '.join(_RENDER_MODES)}")
    return render_mode


def _draw(random: np.random.Generator) -> int:
    # From so many that a game is never one of the small seeds with which players are judged.
    return int(random.integers(2**63))


def _game_seeds(options: dict[str, Any] | None, count: int) -> list[int] | None:
    """The seeds that `options` asks for, one for each of `count` games; None without such an option."""
    if strange := set(options or {}) - {"game_seed"}:
        raise ValueError(f"there is no option {min(strange)!r}; the only one is 'game_seed'")
    if not options:
        return None
    given = options["game_seed"]
    try:
        seeds = [operator.index(seed) for seed in ([given] * count if np.ndim(given) == 0 else given)]
    except TypeError as error:
        raise ValueError(f"a game seed is a 64-bit integer, not {given!r}") from error
    if len(seeds) != count:
        raise ValueError(f"{len(seeds)} game seeds were given for {count} games")
    if not all(-(2**63) <= seed < 2**63 for seed in seeds):
        raise ValueError("a game seed is a 64-bit integer")
    return seeds


def _observations(games: LockstepGames) -> Observation:
    directions = games.directions
    return {"board": games.boards(), "direction": np.where(directions < 0, _NO_DIRECTION, directions)}


def _infos(games: LockstepGames) -> dict[str, NDArray[Any]]:
    endings = games.endings
    alive = games.legal() & (endings == Ending.RUNNING)[:, None]
    return {
        "action_mask": alive.astype(np.int8),
        "score": games.scores,
        "steps": games.steps,
        "ending": endings,
        "game_seed": np.array(games.seeds, np.int64),
    }


def _outcomes(
    games: LockstepGames, scores_before: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Rewards, terminated and truncated of the step that has just been played."""
    endings = games.endings
    terminated = _TERMINAL[endings]
    rewards = (games.scores - scores_before - _DEATHS[endings]).astype(np.float64)
    return rewards, terminated, (endings != Ending.RUNNING) & ~terminated


def _frames(games: LockstepGames, render_mode: str) -> tuple[Frame, ...]:
    return tuple(ansi(state) if render_mode == "ansi" else rgb(state) for state in games.states())


if ENVIRONMENT not in gymnasium.registry:  # it is where `serpentune` was imported after Gymnasium
    gymnasium.register(ENVIRONMENT, entry_point=f"{__name__}:SnakeEnv", vector_entry_point=f"{__name__}:SnakeVectorEnv")
