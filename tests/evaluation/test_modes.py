"""Ways of asking, policies for answers that can't be used, and players that are no models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation import GameResult, ModelPlayer, Policy, RandomPlayer, TeacherPlayer, play_games
from serpentune.evaluation.judging import judge
from serpentune.evaluation.play import Opening, answers_to
from serpentune.game import Ending, Limits, Move, State, random_states, states_before, verify
from serpentune.models import LoadedModel, prompt_ids
from serpentune.models.decoding import greedy
from serpentune.teachers import get, names
from serpentune.teachers import play as play_teacher
from tests.evaluation.players import Scripted, plan


def player(loaded: LoadedModel, mode: str = "plan", **options: object) -> ModelPlayer:
    return ModelPlayer(
        loaded,
        teacher="BFS",
        encoding=get_encoding("grid"),
        style=get_style("move" if mode == "move" else "plan"),
        mode=mode,
        **options,  # type: ignore[arg-type]
    )


def games_of(results: object) -> list[tuple[int | None, bytes, int, dict[str, int]]]:
    return sorted(
        (result.record.seed, result.record.moves, result.answers, result.invalid)
        for result in results  # type: ignore[attr-defined]
    )


@pytest.mark.slow
def test_slots_play_the_games_of_plain_generate(nano: LoadedModel) -> None:
    plain, slots = (
        games_of(play_games(player(nano, decoder=decoder, places=places), range(20), 6, 6))  # type: ignore[arg-type]
        for decoder, places in (("plain", 20), ("slots", 7))
    )
    assert plain == slots


def test_mode_move_plays_the_likeliest_of_the_four(nano: LoadedModel) -> None:
    states = random_states(60, 6, 6, seed=4)
    answers = answers_to(player(nano, "move"), states)
    shown = player(nano, "move").probabilities(states)
    assert [answer.moves[0] for answer in answers] == shown.argmax(axis=1).tolist()
    assert (shown > 0).all() and (shown.sum(axis=1) <= 1.0001).all()
    asked = prompts(states, "BFS", get_encoding("grid"), get_style("move"))
    first = [
        nano.tokenizer.decode(row[:1]).strip()
        for row in greedy(nano.model, nano.tokenizer, prompt_ids(nano.tokenizer, asked), 1)
    ]
    for answer, text in zip(answers, first, strict=True):
        assert answer.constrained == (text not in "URDL")
        if not answer.constrained:
            assert "URDL"[answer.moves[0]] == text


def test_mode_move_is_never_unreadable_and_says_how_often_it_chose_for_the_model(llama: object) -> None:
    from serpentune.models import load_base

    base = load_base(str(llama), dtype=torch.float32)
    results = list(play_games(player(base, "move"), range(8), 4, 4, limits=Limits(max_steps=20)))
    assert all(set(result.invalid) <= {"reversal"} for result in results)
    assert any(result.constrained for result in results)


def test_mode_free_looks_for_the_move_and_counts_what_was_cut(nano: LoadedModel) -> None:
    results = list(play_games(player(nano, "free", max_new_tokens=3), range(6), 4, 4, limits=Limits(max_steps=30)))
    assert all(result.tokens <= 3 * result.answers for result in results)
    assert sum(result.cut for result in results) > 0


def test_a_way_of_asking_that_is_none_is_refused(nano: LoadedModel) -> None:
    with pytest.raises(UserError, match="Did you mean plan"):
        player(nano, "plam")
    with pytest.raises(UserError, match="places is 0"):
        player(nano, places=0)


def test_replanning_asks_again_and_plays_the_same_where_the_player_knows_its_way() -> None:
    often = list(play_games(Scripted(plan("HAMILTONIAN")), range(3), 4, 4, replan_every=2))
    seldom = list(play_games(Scripted(plan("HAMILTONIAN")), range(3), 4, 4))
    assert [game[:2] for game in games_of(often)] == [game[:2] for game in games_of(seldom)]
    assert min(a.answers for a in often) > max(b.answers for b in seldom)


def hesitant(state: State) -> str:
    """Writes nothing readable where the apple is in the lowest row."""
    return "?" if state.apple < state.width else plan("HAMILTONIAN", most=1)(state)


@pytest.mark.parametrize("policy", ["random", "fallback HAMILTONIAN", "fallback:bfs"])
def test_a_policy_plays_on_and_its_moves_are_told_apart(policy: str) -> None:
    chosen = Policy.parse(policy)
    results = list(play_games(Scripted(hesitant), range(12), 4, 4, policy=chosen))
    for result in results:
        record = result.record
        assert verify(record) is None
        states = states_before(record, range(len(record.moves)))
        low = [place for place, state in enumerate(states) if 0 <= state.apple < 4]
        assert list(result.replaced) == low
        assert result.invalid.get("unreadable", 0) == len(low)
        assert judge([result], get("HAMILTONIAN")).decisions.sum() == len(record.moves) - len(low)
        if chosen.teacher:
            right = get(chosen.teacher).moves(states)
            assert [record.moves[place] for place in low] == right[low].tolist()
        else:
            assert not any(
                state.direction is not None and record.moves[place] == (state.direction + 2) % 4
                for place, state in enumerate(states)
                if place in low
            )
    assert sum(len(result.replaced) for result in results) > 12
    if chosen.teacher == "HAMILTONIAN":
        assert {result.record.ending for result in results} == {Ending.WIN}
    again = games_of(play_games(Scripted(hesitant, places=5), range(12), 4, 4, policy=chosen))
    assert again == games_of(results)


def test_a_teacher_that_is_fallen_back_to_may_give_up() -> None:
    results = list(play_games(Scripted(lambda _: ""), range(30), 4, 4, policy=Policy.parse("fallback BFS")))
    assert {result.record.ending for result in results} >= {Ending.NO_PATH_FOUND}
    assert all(len(result.replaced) == len(result.record.moves) for result in results)


@pytest.mark.parametrize("wrong", ["stop", "fallback", "end BFS", "fallback NOBODY", "random BFS"])
def test_a_policy_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(UserError):
        Policy.parse(wrong)


@pytest.mark.parametrize("teacher", sorted(names()))
def test_a_teacher_as_a_player_plays_its_own_games(teacher: str) -> None:
    results = sorted(play_games(TeacherPlayer(teacher), range(5), 6, 6), key=lambda result: result.record.seed or 0)
    expected = list(play_teacher(get(teacher), range(5), 6, 6))
    assert [replace(result.record, number=None) for result in results] == [
        replace(record, number=None) for record in expected
    ]


def test_chance_never_turns_back_and_is_the_same_for_any_company() -> None:
    results: list[GameResult] = list(play_games(RandomPlayer(), range(40), 6, 6))
    alone = [next(iter(play_games(RandomPlayer(), [seed], 6, 6))) for seed in range(40)]
    assert games_of(results) == games_of(alone)
    assert not any(result.invalid for result in results)
    moves = np.concatenate([np.frombuffer(result.record.moves, np.uint8) for result in results])
    assert (np.bincount(moves, minlength=4) > len(moves) / 8).all() and moves.max() <= Move.LEFT


def test_an_opening_is_the_teacher_s_and_what_follows_the_player_s() -> None:
    results = list(play_games(Scripted(plan("BFS")), range(20), 6, 6, opening=Opening("hamiltonian", 9)))
    for result in results:
        record = result.record
        assert verify(record) is None
        (own,) = play_teacher(get("HAMILTONIAN"), [record.seed or 0], 6, 6)
        assert record.moves[: result.opening] == own.moves[: result.opening]
        states = states_before(record, range(len(record.moves)))
        assert states.length[result.opening - 1 : result.opening + 1].tolist() == [8, 9]
        right = get("BFS").moves(states.take(np.arange(result.opening, len(states))))
        moves = np.frombuffer(record.moves, np.uint8)[result.opening :]
        assert (right == moves)[moves <= Move.LEFT].all()
        scored = judge([result], get("BFS"))
        assert scored.exact.sum() == scored.decisions.sum() <= len(moves)
    assert len({result.opening for result in results}) > 1


def test_a_game_that_its_opening_loses_is_over_and_makes_room() -> None:
    """BFS often dies before its snake has fifteen cells on a board of sixteen; the player of one place plays on."""
    results = list(play_games(Scripted(plan("HAMILTONIAN"), places=1), range(60), 4, 4, opening=Opening("BFS", 15)))
    lost = [result for result in results if not result.answers]
    assert len(results) == 60 and 0 < len(lost) < 60
    assert all(result.opening == len(result.record.moves) for result in lost)
    assert {result.record.ending for result in lost} <= {Ending.NO_PATH_FOUND, Ending.SELF, Ending.WALL}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("HAMILTONIAN", "is no opening"), ("BFS 1", "2 cells or more"), ("NOBODY 5", "no teacher")],
)
def test_an_opening_that_is_none_is_refused(wrong: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Opening.parse(wrong)
    with pytest.raises(UserError, match="fills a board of 4x4"):
        list(play_games(RandomPlayer(), [0], 4, 4, opening=Opening("BFS", 16)))
