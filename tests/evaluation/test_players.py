from __future__ import annotations

import copy

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, read_moves
from serpentune.evaluation import ModelPlayer, play_games
from serpentune.game import random_states
from serpentune.models import LoadedModel


def player(loaded: LoadedModel, *, style: str = "plan", batch_size: int = 256) -> ModelPlayer:
    return ModelPlayer(
        loaded, teacher="BFS", encoding=get_encoding("grid"), style=get_style(style), batch_size=batch_size
    )


@pytest.mark.parametrize("style", ["plan", "move"])
def test_an_answer_is_the_same_alone_and_among_many(nano: LoadedModel, style: str) -> None:
    states = random_states(24, 6, 6, seed=0)
    together = player(nano, style=style).answers(states)
    alone = player(nano, style=style)
    assert [alone.answers(states.take([index]))[0] for index in range(24)] == together
    in_sevens = player(nano, style=style, batch_size=7)
    assert in_sevens.answers(states) == together
    assert sum(bool(read_moves(text)) for text in together) > 12
    assert in_sevens.tokens == alone.tokens >= 24
    assert in_sevens.seconds > 0


def test_a_move_is_asked_for_one_move(nano: LoadedModel) -> None:
    answers = player(nano, style="move").answers(random_states(16, 6, 6, seed=1))
    assert all(len(text.split()) <= 2 for text in answers)


def test_games_are_the_same_for_any_batch_size(nano: LoadedModel) -> None:
    games = []
    for size in (3, 256):
        results = play_games(player(nano, batch_size=size), range(6), 4, 4)
        games.append(sorted((result.record.seed, result.record.moves, result.answers) for result in results))
    assert games[0] == games[1]


def test_a_board_beyond_the_context_is_refused(nano: LoadedModel) -> None:
    with pytest.raises(UserError, match=r"reads at most \d+ tokens.*Use a smaller board"):
        player(nano).answers(random_states(1, 50, 50, seed=0))


def test_settings_that_a_model_ships_do_not_change_its_play(nano: LoadedModel) -> None:
    """Hub models come with sampling and penalties; the answer that is measured is the likeliest one."""
    states = random_states(12, 6, 6, seed=2)
    plain = player(nano).answers(states)
    model = copy.deepcopy(nano.model)
    model.generation_config.do_sample = True
    model.generation_config.temperature = 5.0
    model.generation_config.repetition_penalty = 3.0
    model.generation_config.max_new_tokens = 1
    assert player(LoadedModel(model, nano.tokenizer, "nano", "folder")).answers(states) == plain


def test_a_player_is_called_by_its_name(nano: LoadedModel) -> None:
    grid, plan = get_encoding("grid"), get_style("plan")
    assert player(nano).name == "nano"
    assert ModelPlayer(nano, teacher="BFS", encoding=grid, style=plan, name="mine").name == "mine"


def test_a_model_that_explains_is_asked_for_its_move_only(nano: LoadedModel) -> None:
    explaining = player(nano, style="explain")
    assert len(explaining.answers(random_states(6, 6, 6, seed=1))) == 6
    assert explaining.tokens <= 2 * 6
