from __future__ import annotations

import copy

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation import ModelPlayer, play_games
from serpentune.evaluation.play import answers_to
from serpentune.game import random_states
from serpentune.models import LoadedModel


def player(loaded: LoadedModel, *, style: str = "plan", places: int = 256) -> ModelPlayer:
    return ModelPlayer(loaded, teacher="BFS", encoding=get_encoding("grid"), style=get_style(style), places=places)


@pytest.mark.parametrize("style", ["plan", "move"])
def test_an_answer_is_the_same_alone_and_among_many(nano: LoadedModel, style: str) -> None:
    states = random_states(24, 6, 6, seed=0)
    together = answers_to(player(nano, style=style), states)
    assert answers_to(player(nano, style=style, places=1), states) == together
    assert answers_to(player(nano, style=style, places=7), states) == together
    assert sum(bool(answer.moves) for answer in together) > 12
    assert sum(answer.tokens for answer in together) >= 24


def test_a_move_is_asked_for_one_move(nano: LoadedModel) -> None:
    answers = answers_to(player(nano, style="move"), random_states(16, 6, 6, seed=1))
    assert all(len(answer.moves) <= 2 for answer in answers)


def test_games_are_the_same_for_any_places(nano: LoadedModel) -> None:
    games = []
    for size in (3, 256):
        results = play_games(player(nano, places=size), range(6), 4, 4)
        games.append(sorted((result.record.seed, result.record.moves, result.answers) for result in results))
    assert games[0] == games[1]


def test_places_are_no_more_than_there_are_games(nano: LoadedModel) -> None:
    grid, plan = get_encoding("grid"), get_style("plan")
    of = {
        most: ModelPlayer(nano, teacher="BFS", encoding=grid, style=plan, most=most).places for most in (3, 1000, None)
    }
    assert of == {3: 3, 1000: 64, None: 64}


def test_a_board_beyond_the_context_is_refused(nano: LoadedModel) -> None:
    with pytest.raises(UserError, match=r"reads at most \d+ tokens.*Use a smaller board"):
        answers_to(player(nano), random_states(1, 50, 50, seed=0))


def test_settings_that_a_model_ships_do_not_change_its_play(nano: LoadedModel) -> None:
    """Hub models come with sampling and penalties; the answer that is measured is the likeliest one."""
    states = random_states(12, 6, 6, seed=2)
    plain = answers_to(player(nano), states)
    model = copy.deepcopy(nano.model)
    model.generation_config.do_sample = True
    model.generation_config.temperature = 5.0
    model.generation_config.repetition_penalty = 3.0
    model.generation_config.max_new_tokens = 1
    asked = player(LoadedModel(model, nano.tokenizer, "nano", "folder"))
    assert answers_to(asked, states) == plain


def test_a_player_is_called_by_its_name(nano: LoadedModel) -> None:
    grid, plan = get_encoding("grid"), get_style("plan")
    assert player(nano).name == "nano"
    assert ModelPlayer(nano, teacher="BFS", encoding=grid, style=plan, name="mine").name == "mine"


def test_a_model_that_explains_is_asked_for_its_move_only(nano: LoadedModel) -> None:
    answers = answers_to(player(nano, style="explain"), random_states(6, 6, 6, seed=1))
    assert len(answers) == 6
    assert all(answer.tokens <= 2 for answer in answers)
