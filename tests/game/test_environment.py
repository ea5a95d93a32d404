"""The Gymnasium environment: its contract, the rules behind it, and the vector form against single environments."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from serpentune.common.errors import UserError
from serpentune.game import Ending, Limits, LockstepGames, Move
from serpentune.game.environment import ENVIRONMENT, SnakeEnv, SnakeVectorEnv, observed_states
from tests.game.reference_rules import ReferenceGame, hamiltonian_cycle

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
@pytest.mark.parametrize("board", [{}, {"width": 4, "height": 7}, {"width": 50, "height": 50}], ids=str)
def test_gymnasium_finds_nothing_to_complain_about(board: dict[str, int], render_mode: str | None) -> None:
    env = gymnasium.make(ENVIRONMENT, render_mode=render_mode, **board)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


@pytest.mark.parametrize(("imports", "module"), [("", "serpentune:"), ("import serpentune", "")])
def test_it_is_made_by_its_name(imports: str, module: str) -> None:
    code = f"""
import gymnasium
{imports}
env = gymnasium.make("{module}{ENVIRONMENT}", width=6, height=5)
envs = gymnasium.make_vec("{module}{ENVIRONMENT}", num_envs=3)
print(env.reset(seed=1)[0]["board"].shape, type(envs).__name__, envs.reset(seed=1)[0]["board"].shape)
assert gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json())).spec == env.spec
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(5, 6) SnakeVectorEnv (3, 10, 10)\n"
    assert done.stderr == ""


def test_an_old_gymnasium_that_another_package_brought_does_no_harm() -> None:
    code = """
import sys, types
registered = []
sys.modules["gymnasium"] = types.SimpleNamespace(register=lambda name, **entry_points: registered.append(name))
import serpentune.game
assert registered == ["serpentune/Snake-v0"]
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_nothing_else_imports_gymnasium_or_pillow() -> None:
    code = "import sys, serpentune.game, serpentune.teachers; print({'gymnasium', 'PIL'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert done.stdout == "set()\n", done.stderr


def check_against(reference: ReferenceGame, observation: dict[str, Any], info: dict[str, Any]) -> None:
    """Compare what the environment shows with the slow implementation of the rules."""
    board = np.zeros((reference.height, reference.width), np.int16)
    for place, (x, y) in enumerate(reference.body):
        board[y, x] = place + 1
    if reference.apple is not None:
        board[reference.apple[1], reference.apple[0]] = -1
    assert observation["board"].tolist() == board.tolist()
    assert observation["direction"] == (4 if reference.direction is None else reference.direction)
    legal = reference.legal() if reference.ending == Ending.RUNNING else [False] * 4
    assert info["action_mask"].tolist() == [int(each) for each in legal]
    assert (info["score"], info["steps"]) == (reference.score, reference.steps)
    assert info["ending"] == reference.ending


@pytest.mark.parametrize("limits", [{}, {"max_steps": 9}, {"max_consecutive_invalid_reversals": 1}], ids=str)
@pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 5)])
def test_games_follow_the_rules_step_by_step(width: int, height: int, limits: dict[str, int]) -> None:
    env = SnakeEnv(width, height, **limits)
    rng = np.random.default_rng(1)
    met = set()
    for seed in range(60):
        reference = ReferenceGame(width, height, seed, Limits(**limits))
        observation, info = env.reset(options={"game_seed": seed})
        check_against(reference, observation, info)
        assert info["game_seed"] == seed
        while reference.ending == Ending.RUNNING:
            sensible = rng.random() < 0.9 and info["action_mask"].any()
            action = env.action_space.sample(info["action_mask"]) if sensible else rng.integers(4)
            score = reference.score
            reference.play(Move(int(action)))
            observation, reward, terminated, truncated, info = env.step(action)
            check_against(reference, observation, info)
            died = reference.ending in (Ending.WALL, Ending.SELF)
            assert reward == reference.score - score - died
            assert terminated == (died or reference.ending == Ending.WIN)
            assert truncated == (reference.ending != Ending.RUNNING and not terminated)
            assert env.observation_space.contains(observation)
        met.add(reference.ending)
    assert len(met) >= 2, met


def test_a_won_game_is_terminated_and_sums_up_to_all_apples() -> None:
    env = SnakeEnv(6, 4)
    cycle = hamiltonian_cycle(6, 4)
    observation, _ = env.reset(seed=3)
    rewards, terminated, truncated = [], False, False
    while not (terminated or truncated):
        y, x = np.argwhere(observation["board"] == 1)[0].tolist()
        observation, reward, terminated, truncated, info = env.step(cycle[(x, y)])
        rewards.append(reward)
    assert terminated and not truncated and info["ending"] == Ending.WIN
    assert sum(rewards) == 23 and set(rewards) == {0.0, 1.0}
    assert observation["board"].min() == 1 and observation["board"].max() == 24


def test_a_reversal_is_a_step_but_no_move() -> None:
    env = SnakeEnv(8, 8, max_consecutive_invalid_reversals=3)
    env.reset(seed=0)
    before, *_ = env.step(0)
    for count in (1, 2, 3):
        after, reward, terminated, truncated, info = env.step(2)
        assert (after["board"] == before["board"]).all() and after["direction"] == 0
        assert (reward, terminated, truncated) == (0.0, False, count == 3)
        assert info["steps"] == count + 1
    assert info["ending"] == Ending.MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED


def test_step_and_render_raise_out_of_turn() -> None:
    env = SnakeEnv(4, 4, render_mode="ansi")
    for call in (lambda: env.step(0), env.render):
        with pytest.raises(ResetNeeded, match="Call reset before"):
            call()
    env.reset(seed=0)
    for action in (4, -1, 1.5, None, "UP", np.array([0])):
        with pytest.raises(InvalidAction, match="actions are 0"):
            env.step(action)  # type: ignore[arg-type]
    while not env.step(1)[2]:
        pass
    with pytest.raises(ResetNeeded, match="The game is over: call reset"):
        env.step(1)
    assert "▶" in (env.render() or "")
    env.reset()
    env.step(1)


def test_bad_settings_are_refused() -> None:
    for make in (SnakeEnv, SnakeVectorEnv):
        with pytest.raises(UserError, match="3x10"):
            make(width=3)
        with pytest.raises(ValueError, match="no render mode 'human'"):
            make(render_mode="human")  # type: ignore[arg-type]
        env = make()
        with pytest.raises(ValueError, match="no option 'seed'"):
            env.reset(options={"seed": 1})
        with pytest.raises(ValueError, match="64-bit"):
            env.reset(options={"game_seed": 2**63})
        with pytest.raises(ValueError, match=r"not 1\.5"):
            env.reset(options={"game_seed": 1.5})
    with pytest.raises(ValueError, match="at least one"):
        SnakeVectorEnv(0)
    for seeds in ([1], [1, 2, 3]):
        with pytest.raises(ValueError, match="2 games"):
            SnakeVectorEnv(2).reset(seed=seeds)
        with pytest.raises(ValueError, match="2 games"):
            SnakeVectorEnv(2).reset(options={"game_seed": seeds})


def test_a_seed_decides_all_games_and_a_game_seed_one() -> None:
    env = SnakeEnv()

    def games(seed: int | None) -> list[int]:
        return [env.reset(seed=seed if k == 0 else None)[1]["game_seed"] for k in range(5)]

    first = games(1)
    assert len(set(first)) == 5 and min(first) > 2**32, "small seeds are those with which players are judged"
    assert games(1) == first and games(2) != first and games(None) != first
    env.reset(seed=1)
    assert env.reset(options={"game_seed": -5})[1]["game_seed"] == -5
    assert env.reset()[1]["game_seed"] == first[1], "a chosen game draws nothing"


def test_frames() -> None:
    text = gymnasium.make(ENVIRONMENT, width=5, height=4, render_mode="ansi")
    text.reset(seed=1)
    drawn = text.render()
    assert isinstance(drawn, str) and "■" in drawn and len(drawn.splitlines()) == 6
    envs = gymnasium.make_vec(ENVIRONMENT, num_envs=3, width=5, height=4, render_mode="rgb_array")
    envs.reset(seed=1)
    frames = envs.render()
    assert frames is not None and [frame.shape for frame in frames] == [(96, 120, 3)] * 3
    for silent in (SnakeEnv(), SnakeVectorEnv(2)):
        silent.reset(seed=1)
        with pytest.warns(UserWarning, match="render mode"):
            assert silent.render() is None


def same(one: Any, other: Any) -> None:
    """Assert that two observations or infos are equal: names, types, shapes and values."""
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        assert one[name].shape == other[name].shape, name
        assert (one[name] == other[name]).all(), name


@pytest.mark.parametrize(
    "settings", [{}, {"width": 4, "height": 5}, {"max_steps": 7}, {"max_steps_per_apple": 6, "width": 6}], ids=str
)
@pytest.mark.parametrize("options", [None, pytest.param({"game_seed": 11}, marks=pytest.mark.slow)], ids=str)
def test_the_vector_form_equals_single_environments_step_for_step(
    settings: dict[str, int], options: dict[str, int] | None
) -> None:
    count = 7
    lockstep = gymnasium.make_vec(ENVIRONMENT, num_envs=count, **settings)
    single = gymnasium.make_vec(ENVIRONMENT, num_envs=count, vectorization_mode="sync", **settings)
    assert isinstance(lockstep, SnakeVectorEnv) and not isinstance(single, SnakeVectorEnv)
    assert lockstep.metadata["autoreset_mode"] is single.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert lockstep.observation_space == single.observation_space and lockstep.action_space == single.action_space
    rng = np.random.default_rng(5)
    resets, ends = 0, 0
    for seed in (3, None, [9, None, 1, 2, None, 9, 0]):
        one, other = (envs.reset(seed=seed, options=options) for envs in (lockstep, single))
        same(one[0], other[0])
        same(one[1], other[1])
        over = np.zeros(count, bool)
        for _ in range(150):
            mask = one[-1]["action_mask"].astype(float) + 0.05
            actions = np.array([rng.choice(4, p=row / row.sum()) for row in mask])
            one, other = lockstep.step(actions), single.step(actions)
            same(one[0], other[0])
            for mine, theirs in zip(one[1:4], other[1:4], strict=True):
                assert mine.dtype == theirs.dtype and mine.tolist() == theirs.tolist()
            same(one[4], other[4])
            assert lockstep.observation_space.contains(one[0])
            assert not one[1][over].any() and (one[4]["steps"][over] == 0).all()
            resets += over.sum()
            over = one[2] | one[3]
            ends += over.sum()
    assert resets > 20 and ends > 20
    assert lockstep.np_random_seed == single.np_random_seed


@pytest.mark.parametrize("mode", ["vector_entry_point", "async"])
def test_wrappers_and_processes_of_gymnasium_take_it(mode: str) -> None:
    envs = gymnasium.make_vec(f"{SnakeEnv.__module__}:{ENVIRONMENT}", num_envs=2, width=5, height=4,
                              vectorization_mode=mode)  # fmt: skip
    try:
        observation, info = envs.reset(seed=np.int64(4) if mode == "vector_entry_point" else 4)
        assert info["game_seed"].tolist() == SnakeVectorEnv(2).reset(seed=4)[1]["game_seed"].tolist()
        assert envs.observation_space.contains(observation)
    finally:
        envs.close()
    flat = gymnasium.wrappers.FlattenObservation(SnakeEnv(5, 4))
    seen, _ = flat.reset(seed=1)
    assert seen.shape == (25,) and seen[20:].tolist() == [0, 0, 0, 0, 1]


def test_each_place_can_play_a_game_of_its_own() -> None:
    envs = SnakeVectorEnv(3, 6, 6)
    observation, info = envs.reset(seed=1, options={"game_seed": [4, 8, -1]})
    assert info["game_seed"].tolist() == [4, 8, -1]
    expected = LockstepGames([4, 8, -1], 6, 6).states()
    assert list(observed_states(observation)) == list(expected)


def test_the_vector_form_raises_out_of_turn() -> None:
    envs = SnakeVectorEnv(2, render_mode="ansi")
    for call in (lambda: envs.step(np.array([0, 0])), envs.render):
        with pytest.raises(ResetNeeded):
            call()
    envs.reset(seed=0)
    for actions in ([0], [0, 4], [-1, 0], [0.5, 1.0], 3, [[0, 1]]):
        with pytest.raises(InvalidAction, match="2 actions"):
            envs.step(np.array(actions))
    assert envs.step(np.array([0, 1]))[4]["steps"].tolist() == [1, 1]


def test_observations_give_back_the_states() -> None:
    games = LockstepGames(range(50), 7, 6, recorded=False)
    rng = np.random.default_rng(2)
    for _ in range(60):
        observation = {"board": games.boards(), "direction": games.directions % 5}  # -1 is 4 there
        assert list(observed_states(observation)) == list(games.states())
        legal = games.legal() + 1e-9
        games.step([rng.choice(4, p=row / row.sum()) for row in legal])
    one, _ = SnakeEnv(7, 6).reset(options={"game_seed": 3})
    assert list(observed_states(one)) == list(LockstepGames([3], 7, 6).states())


def test_gymnasium_s_statistics_of_episodes_are_right() -> None:
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(SnakeVectorEnv(16, 5, 5))
    _, info = envs.reset(seed=1)
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(300):
        actions = np.array([rng.choice(4, p=row / row.sum()) for row in info["action_mask"] + 1e-9])
        _, _, terminated, truncated, info = envs.step(actions)
        over = terminated | truncated
        if over.any():
            died = np.isin(info["ending"], [Ending.WALL, Ending.SELF])
            assert info["episode"]["r"][over].tolist() == (info["score"] - died)[over].tolist()
            assert info["episode"]["l"][over].tolist() == info["steps"][over].tolist()
            seen += over.sum()
    assert seen > 30


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 32])
def test_memory_stays_flat(count: int) -> None:
    envs = SnakeVectorEnv(count, 6, 6)
    envs.reset(seed=1)
    actions = np.random.default_rng(4).integers(0, 4, (4000, count))

    def play() -> int:
        for row in actions:
            envs.step(row)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = play()
        after = play()
    finally:
        tracemalloc.stop()
    assert after - before < 4000 * count / 4, "less than a quarter of a byte a move"
