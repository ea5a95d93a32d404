"""A watched game is the game that would be played anyway, until a human takes part; and what is said of its moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation import (
    Answer,
    EvaluationSettings,
    FunctionPlayer,
    ModelPlayer,
    Player,
    Policy,
    RandomPlayer,
    TeacherPlayer,
    play_games,
)
from serpentune.evaluation.play import Opening
from serpentune.evaluation.watch import WatchedGame, open_game
from serpentune.game import MOVE_LETTERS, Move, State, states_before, verify
from serpentune.models import LoadedModel
from serpentune.teachers import BFS, CELL, Teacher, get
from tests.evaluation.players import Scripted, plan


def student(loaded: LoadedModel, style: str = "plan") -> ModelPlayer:
    return ModelPlayer(loaded, teacher="BFS", encoding=get_encoding("grid"), style=get_style(style), places=1)


def in_turn(*answers: str) -> Scripted:
    """Another answer for each length of the snake and cell of its head."""
    return Scripted(lambda state: answers[(len(state.body) + state.head) % len(answers)])


@pytest.mark.parametrize(
    ("player", "policy", "replan_every"),
    [
        (TeacherPlayer("BFS"), "end", None),
        (RandomPlayer(), "end", None),
        (Scripted(plan("BFS")), "end", None),
        (Scripted(plan("BFS")), "end", 2),
        (in_turn(" U R", " L L D D", " R U U L", " D"), "end", None),
        (in_turn(" U R", "I don't know", " R U"), "random", None),
        (in_turn(" U R", "I don't know", " D L"), "fallback BFS", 1),
        (in_turn("", " U"), "end", None),
    ],
)
def test_it_is_the_game_that_is_played_without_looking(player: Player, policy: str, replan_every: int | None) -> None:
    for seed in range(4):
        game = WatchedGame(player, seed, 5, 4, policy=Policy.parse(policy), replan_every=replan_every)
        moments = list(game)
        (result,) = play_games(player, [seed], 5, 4, policy=Policy.parse(policy), replan_every=replan_every)
        assert game.record == result.record and verify(game.record) is None
        assert moments == game.moments
        moved = [moment.move for moment in moments if moment.move != Move.NO_PATH_FOUND]
        assert bytes(moved) == game.record.moves
        assert [moment.step for moment in moments if moment.by == "policy"] == list(result.replaced)
        states = states_before(game.record, range(len(game.record.moves) + 1))
        assert [moment.state for moment in moments[: len(moved)]] == list(states)[:-1]
        assert game.state == states[len(game.record.moves)]


def test_an_opening_is_played_before_the_first_moment() -> None:
    player, opening = Scripted(plan("BFS")), Opening("HAMILTONIAN", 5)
    game = WatchedGame(player, 3, 5, 4, opening=opening)
    assert game.opening == game.record.steps > 4
    (result,) = play_games(player, [3], 5, 4, opening=opening)
    assert game.play_to_the_end() == result.record and result.opening == game.opening == game.moments[0].step
    with pytest.raises(UserError, match="fills a board"):
        WatchedGame(player, 3, 4, 4, opening=Opening("BFS", 16))


def test_a_model_s_game_carries_its_probabilities_and_the_teacher_s_choice(nano: LoadedModel) -> None:
    player = student(nano)
    game = WatchedGame(player, 3, 4, 4, teacher="CELL")
    moments = list(game)
    (result,) = play_games(player, [3], 4, 4)
    assert game.record == result.record and game.unknown == ""
    for moment in moments:
        decision = CELL.decide(moment.state)
        assert moment.teacher == decision and moment.differs == (moment.move != decision.move)
        assert moment.probabilities is not None and 0 < sum(moment.probabilities) <= 1.0001
        if moment.at == 0 and moment.answer.moves:
            assert moment.move == max(range(4), key=moment.probabilities.__getitem__)
    unseen = WatchedGame(player, 3, 4, 4, details=False)
    assert unseen.play_to_the_end() == game.record
    assert all(moment.probabilities is None for moment in unseen.moments)


def test_a_plan_is_shown_to_the_apple_or_the_edge() -> None:
    for moment in WatchedGame(Scripted(plan("BFS")), 1, 5, 5):
        assert moment.way == moment.plan and moment.plan[:1] in (b"", bytes([moment.move]))
    beyond = next(iter(WatchedGame(Scripted(lambda _: " U U U U U U"), 1, 4, 4)))
    assert beyond.plan == bytes(6) and beyond.way == bytes(1)


def test_a_human_s_move_is_played_instead_and_the_player_is_asked_again() -> None:
    player = Scripted(lambda _: " U U U U")
    game = WatchedGame(player, 1, 8, 8)
    for moment in game:
        assert moment.by == "player"
        if moment.step == 1:
            asked = len(player.asked)
            game.play_instead(Move.RIGHT)
        if moment.step == 2:
            assert moment.state.direction == Move.RIGHT and moment.at == 0 and len(player.asked) == asked + 1
            break
    assert [(moment.move, moment.by) for moment in game.moments] == [(Move.UP, "player"), (Move.RIGHT, "human")]
    assert game.moments[1].plan == b"" and game.record.moves == bytes([Move.UP, Move.RIGHT])
    assert game.record.ending.name == "RUNNING"
    assert game.play_to_the_end().moves.startswith(bytes([Move.UP, Move.RIGHT, Move.UP])), "it can be gone on with"
    with pytest.raises(ValueError, match="EMPTY"):
        game.play_instead(Move.EMPTY)


@pytest.mark.slow
def test_a_whole_game_can_be_played_by_hand(nano: LoadedModel) -> None:
    game = WatchedGame(student(nano), 5, 4, 4, teacher="HAMILTONIAN")
    for moment in game:
        game.play_instead(moment.teacher.move)
    assert game.record.ending.name == "WIN" and not any(moment.differs for moment in game.moments)
    assert {moment.by for moment in game.moments} == {"human"}


def test_reasons_are_held_against_the_board_that_they_speak_of() -> None:
    def lying(state: State) -> str:
        move = BFS.decide(state).move
        return f" {MOVE_LETTERS[move]}\n{BFS.explain(state)} The legal moves are UP, RIGHT, DOWN and LEFT. I am sure."

    for moment in WatchedGame(Scripted(lying), 2, 6, 6):
        found = moment.explanation
        if not moment.teacher.legal_moves:
            assert moment.answer.unusable and found is None, "it has given up"
            break
        assert found is not None and found.unreadable == ("I am sure.",) and len(found.true) >= 2
        if moment.step:
            assert [false.sentence for false in found.false] == ["The legal moves are UP, RIGHT, DOWN and LEFT."]
    told = next(iter(WatchedGame(TeacherPlayer("BFS"), 2, 6, 6)))
    assert told.explanation is not None and " ".join(told.explanation.true) == BFS.explain(told.state)
    assert next(iter(WatchedGame(Scripted(lambda _: " U"), 2, 6, 6))).explanation is None


@pytest.mark.parametrize("style", ["explain", "explain-short"])
def test_a_model_that_is_asked_to_explain_has_room_for_it(llama: Path, style: str) -> None:
    settings = EvaluationSettings(width=4, height=4, seed=1, style=style)
    with pytest.raises(UserError, match=r"reads at most 256 tokens.* its answer up to 512"):
        next(iter(open_game(llama, settings)))
    moment = next(iter(open_game(llama, replace(settings, max_new_tokens=20))))
    assert 1 <= moment.answer.tokens <= 20


def test_who_plays_is_named_as_everywhere() -> None:
    settings = EvaluationSettings(width=4, height=4, seed=1, teacher="ASTAR")
    for name, player, teacher in (("cell", "CELL", "CELL"), ("random", "random", "ASTAR"), ("nano", "nano", "ASTAR")):
        game = open_game(name, settings)
        assert (game.player.name, game.teacher.name) == (player, teacher)
    assert open_game("A*", settings, teacher="DFS").teacher is get("DFS")
    with pytest.raises(UserError, match=r"BSF.*Did you mean the teacher BFS\?"):
        open_game("BSF", settings)
    with pytest.raises(UserError, match="There is no teacher named 'CELLO'"):
        open_game("nano", settings, teacher="CELLO")


def test_a_teacher_of_one_s_own_that_answers_what_is_not_legal_has_no_reasons() -> None:
    ahead = Teacher("AHEAD", "goes up", "nothing", function=lambda state: Move.UP)
    game = WatchedGame(TeacherPlayer(ahead), 1, 6, 6)
    assert game.teacher is ahead
    last = list(game)[-1]
    assert last.explanation is None and last.move not in last.teacher.legal_moves and game.record.ending.name == "WALL"


def test_probabilities_that_cannot_be_told_are_said_to_be_unknown(nano: LoadedModel) -> None:
    letters = pre_tokenizers.ByteLevel.alphabet()
    bytes_alone = Tokenizer(models.BPE({letter: place for place, letter in enumerate(sorted(letters))}, []))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_alone, eos_token="!", pad_token="!", padding_side="left")
    game = WatchedGame(student(replace(nano, tokenizer=tokenizer)), 1, 4, 4)
    assert next(iter(game)).probabilities is None
    assert "two of the moves begin with the same token" in game.unknown


def test_impossible_boards_and_seeds_are_refused() -> None:
    with pytest.raises(UserError, match="A 3x3 board"):
        WatchedGame(RandomPlayer(), 1, 3, 3)
    with pytest.raises(UserError, match="out of range"):
        WatchedGame(RandomPlayer(), -1, 6, 6)


def test_answers_without_text_explain_nothing() -> None:
    player = FunctionPlayer("mute", lambda states: [Answer(b"", "failed")] * len(states))
    (first, *_) = WatchedGame(player, 1, 4, 4)
    assert first.move == Move.EMPTY and first.answer.unusable == "failed" and first.explanation is None
