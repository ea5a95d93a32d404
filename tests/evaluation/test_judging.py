"""What moves are worth, against plain Python that goes move by move."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import Answer, FunctionPlayer, GameResult, Policy, play_games
from serpentune.evaluation.judging import LENGTHS, Judgement, fatal_moves, judge
from serpentune.evaluation.play import Opening
from serpentune.game import DIRECTIONS, Ending, Move, State, States, letters, states_before
from serpentune.teachers import Teacher, get, names
from tests.evaluation.players import Scripted, plan
from tests.teachers.reference import legal_moves, safe_moves

FIRST_LEGAL = Teacher(
    name="FIRST-LEGAL",
    summary="The first legal move.",
    guarantee="None.",
    function=lambda state: next(iter(legal_moves(state)), Move.NO_PATH_FOUND),
)


def moody(state: State) -> str:
    """Mostly good, but sometimes silent, backwards or deadly; a function of the state."""
    mood = (sum(state.body) + 3 * state.apple) % 11
    if mood == 0:
        return "" if state.apple % 2 else "well"
    if mood == 1 and state.direction is not None:
        return letters(bytes([(state.direction + 2) % 4]))
    if mood == 2:
        return letters(bytes([DIRECTIONS[sum(state.body) % 4]]))
    return plan("BFS", most=4)(state)


def reluctant(states: States) -> list[Answer]:
    """Answers of which some were not the first choice."""
    return [
        Answer(bytes([move]), constrained=bool((state.head + state.apple) % 3 == 0))
        for move, state in zip(get("DFS").moves(states).tolist(), states, strict=True)
    ]


PLAYED = {
    "end": lambda: play_games(Scripted(moody), range(40), 6, 5),
    "random": lambda: play_games(Scripted(moody), range(40), 6, 5, policy=Policy("random")),
    "fallback": lambda: play_games(Scripted(moody), range(40), 6, 5, policy=Policy.parse("fallback BFS")),
    "opening": lambda: play_games(Scripted(moody), range(60), 6, 5, opening=Opening.parse("DFS 14")),
    "constrained": lambda: play_games(FunctionPlayer("reluctant", reluctant), range(20), 6, 5),
}


@pytest.fixture(scope="module", params=PLAYED)
def games(request: pytest.FixtureRequest) -> list[GameResult]:
    return list(PLAYED[request.param]())


def counted(game: GameResult, teacher: Teacher | None) -> Counter[tuple[str, int]]:
    """The counts of one game by name and bin, found move by move."""
    counts: Counter[tuple[str, int]] = Counter()
    moves = [*game.record.moves, *([Move.NO_PATH_FOUND] if game.record.ending == Ending.NO_PATH_FOUND else [])]
    states = list(states_before(game.record, range(len(moves))))
    answers = illegal = again = 0
    for place, (code, state) in enumerate(zip(moves, states, strict=True)):
        move = Move(code)
        if place < game.opening or (game.opening and not game.answers):
            continue
        length = max(place for place, least in enumerate(LENGTHS) if least <= len(state.body))
        legal, safe = legal_moves(state), safe_moves(state)
        replaced = place in game.replaced
        # A state that comes twice in a row is asked about once.
        asked = place == game.opening or states[place - 1] != state
        illegal += bool(legal) and asked and (replaced or place in game.constrained or move not in legal)
        answers -= not legal and asked
        backwards = state.direction is not None and move == (state.direction + 2) % 4
        again += not asked
        if replaced:
            continue
        decision = None if teacher is None else teacher.decide(state)
        if decision is not None and decision.move != Move.NO_PATH_FOUND and asked:
            counts["decisions", length] += 1
            counts["exact", length] += move == decision.move
            counts["equal", length] += move in decision.equal_moves
        if move in DIRECTIONS and not backwards:
            counts["moves", length] += 1
            counts["fatal", length] += bool(safe) and move not in safe
    counts["answers", 0] = game.answers + answers
    counts["legal", 0] = game.answers + answers - illegal
    counts["unusable", 0] = sum(game.invalid.values()) - again
    return +counts


def as_counted(judged: Judgement, game: int) -> Counter[tuple[str, int]]:
    counts = Counter({(name, 0): int(getattr(judged, name)[game]) for name in ("answers", "legal", "unusable")})
    for name in ("decisions", "exact", "equal", "moves", "fatal"):
        counts |= Counter({(name, place): int(count) for place, count in enumerate(getattr(judged, name)[game])})
    return +counts


@pytest.mark.parametrize(
    "teacher",
    ["BFS", pytest.param("CELL", marks=pytest.mark.slow), FIRST_LEGAL, None],
    ids=["BFS", "CELL", "in Python", "nobody"],
)
def test_counts_are_those_of_plain_python(games: list[GameResult], teacher: str | Teacher | None) -> None:
    chosen = get(teacher) if isinstance(teacher, str) else teacher
    judged = judge(games, chosen)
    for number, game in enumerate(games):
        assert as_counted(judged, number) == counted(game, chosen)


def test_the_games_hold_what_is_to_be_counted() -> None:
    games = list(PLAYED["end"]())
    judged = judge(games, get("BFS"))
    assert judged.fatal.sum() > 5
    assert (judged.exact.sum(), judged.legal.sum()) < (judged.decisions.sum(), judged.answers.sum())
    assert judged.exact.sum() < judged.equal.sum()
    assert (judged.moves.sum(axis=0) > 0).sum() >= 3
    assert sum(game.invalid.get("reversal", 0) for game in games) > 0
    assert sum(sum(game.invalid.values()) for game in games) > judged.unusable.sum() > 0, "none was played again"
    assert (judged.unusable <= [game.answers for game in games]).all()
    mute = list(play_games(Scripted(lambda _: "well"), range(3), 6, 5))
    assert judge(mute, None).unusable.tolist() == [game.answers for game in mute] == [1, 1, 1]
    assert all(sum(game.invalid.values()) > 1 for game in mute)
    assert all(any(game.replaced for game in PLAYED[policy]()) for policy in ("random", "fallback"))
    begun = list(PLAYED["opening"]())
    assert min(game.opening for game in begun) > 0
    assert any(not game.answers for game in begun), "none that ended in its opening"
    unwilling = list(PLAYED["constrained"]())
    assert {game.record.ending for game in unwilling} >= {Ending.NO_PATH_FOUND}
    assert any(len(game.record.moves) in game.constrained for game in unwilling), "none that gave up unwillingly"
    for game in unwilling:
        assert GameResult.from_json(game.to_json(), "reluctant").constrained == game.constrained


def test_a_teacher_that_never_dies_makes_no_fatal_move_and_is_always_legal() -> None:
    played = list(play_games(Scripted(plan("HAMILTONIAN")), range(5), 6, 6))
    judged = judge(played, get("HAMILTONIAN"))
    assert judged.fatal.sum() == 0
    np.testing.assert_array_equal(judged.legal, judged.answers)
    np.testing.assert_array_equal(judged.exact, judged.decisions)


def test_fatal_moves_are_found_where_they_are_counted(games: list[GameResult]) -> None:
    for game, places in zip(games, fatal_moves(games), strict=True):
        states, moves = states_before(game.record, places), [game.record.moves[place] for place in places]
        assert all(
            safe_moves(state) and move not in safe_moves(state) for state, move in zip(states, moves, strict=True)
        )
        found = counted(game, None)
        assert len(places) == sum(count for (name, _), count in found.items() if name == "fatal")


def test_judging_in_pieces_changes_nothing(games: list[GameResult], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judge(games, get("BFS"))
    monkeypatch.setattr("serpentune.evaluation.judging._CELLS_AT_ONCE", 30 * 17)
    pieces = judge(games, get("BFS"))
    for name in ("decisions", "exact", "equal", "moves", "fatal", "legal", "answers"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name))


def test_seeds_may_be_of_any_size(games: list[GameResult]) -> None:
    large = [replace(game, record=replace(game.record, seed=10**30 + number)) for number, game in enumerate(games)]
    np.testing.assert_array_equal(judge(large, get("BFS")).exact, judge(games, get("BFS")).exact)


def test_a_game_with_too_few_answers_is_named(games: list[GameResult]) -> None:
    broken = [*games[:3], replace(games[3], answers=0, opening=0)]
    with pytest.raises(UserError, match=f"seed {games[3].record.seed} says that it has fewer answers"):
        judge(broken, None)


@pytest.mark.parametrize("name", names())
def test_every_teacher_can_be_the_reference(name: str) -> None:
    judged = judge(list(PLAYED["end"]()), get(name))
    assert 0 < judged.exact.sum() <= judged.equal.sum() <= judged.decisions.sum()
