from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from serpentune.evaluation import GameResult, play_games
from serpentune.evaluation.judging import judge
from serpentune.game import Ending, GameRecord, Limits, Move, State, letters, states_before, verify
from serpentune.teachers import Teacher, get
from serpentune.teachers import play as play_teacher
from tests.evaluation.players import Scripted, after, plan


def by(game: GameResult) -> int:
    return game.record.seed or 0


def by_seed(player: Scripted, seeds: range, side: int = 6, **options: object) -> list[GameResult]:
    results = sorted(play_games(player, seeds, side, side, **options), key=by)  # type: ignore[arg-type]
    for result in results:
        assert verify(result.record) is None
    assert [result.record.seed for result in results] == list(seeds)
    return results


def agreement(results: list[GameResult], teacher: Teacher) -> list[tuple[int, int]]:
    """Of each game, how many moves are the teacher's, and in how many states it has one."""
    found = judge(results, teacher)
    return list(zip(found.exact.sum(axis=1).tolist(), found.decisions.sum(axis=1).tolist(), strict=True))


def one(player: Scripted, *, seed: int = 0, side: int = 6, limits: Limits | None = None) -> GameResult:
    return by_seed(player, range(seed, seed + 1), side, limits=limits)[0]


def expected(teacher: str, seeds: range, side: int = 6) -> list[GameRecord]:
    return [replace(record, player="scripted") for record in play_teacher(get(teacher), seeds, side, side)]


def test_a_teacher_that_answers_in_words_wins_move_for_move() -> None:
    results = by_seed(Scripted(plan("HAMILTONIAN")), range(6))
    assert [result.record for result in results] == expected("HAMILTONIAN", range(6))
    for result in results:
        assert result.record.ending == Ending.WIN
        assert result.record.score == result.answers == 35
        assert result.invalid == {}
    assert agreement(results, get("HAMILTONIAN")) == [(result.record.steps,) * 2 for result in results]


@pytest.mark.parametrize("most", [1, 3])
def test_answers_that_stop_short_of_the_apple_make_the_same_game(most: int) -> None:
    player = Scripted(plan("HAMILTONIAN", most=most))
    results = by_seed(player, range(2), side=4)
    assert [result.record for result in results] == expected("HAMILTONIAN", range(2), side=4)
    assert all(result.answers >= result.record.steps / most for result in results)
    assert len(player.asked) == sum(result.answers for result in results)


def test_a_teacher_agrees_with_itself_also_where_it_is_lost() -> None:
    """A trapped teacher has no move, so there is none to agree with."""
    results = by_seed(Scripted(plan("BFS")), range(40))
    records = expected("BFS", range(40))
    assert agreement(results, get("BFS")) == [(record.steps, record.steps) for record in records]
    for result, record in zip(results, records, strict=True):
        assert result.record.score == record.score
        assert result.record.moves[: record.steps] == record.moves
        if record.ending == Ending.NO_PATH_FOUND:
            assert result.record.ending == Ending.MAX_CONSECUTIVE_EMPTY_MOVES_REACHED
    assert any(result.invalid for result in results)


def test_another_teacher_agrees_in_part_and_none_is_asked_without_a_reference() -> None:
    results = by_seed(Scripted(plan("DFS")), range(10))
    found = agreement(results, get("BFS"))
    assert 0 < sum(agreed for agreed, _ in found) < sum(asked for _, asked in found)
    for result, (agreed, asked) in zip(results, found, strict=True):
        states = states_before(result.record, range(result.record.steps))
        right = get("BFS").moves(states)
        assert asked == (right != Move.NO_PATH_FOUND).sum()
        assert agreed == sum(a == b for a, b in zip(right.tolist(), result.record.moves, strict=True))
    assert judge(results, None).decisions.sum() == 0


@pytest.mark.parametrize(
    "answer", ["", "  \n", "left?", "\u2190 \u2191", "the best move is U", "\x00", "blah " * 100_000]
)
def test_an_answer_without_a_move_is_an_empty_move_and_not_asked_again(answer: str) -> None:
    player = Scripted(lambda _: answer)
    result = one(player)
    assert result.record.ending == Ending.MAX_CONSECUTIVE_EMPTY_MOVES_REACHED
    assert letters(result.record.moves) == "EEEEE"
    assert result.invalid == {"unreadable" if answer.strip() else "empty": 5}
    assert result.answers == len(player.asked) == 1


def test_an_endless_answer_is_played_until_it_would_kill() -> None:
    result = one(Scripted(lambda _: "u " * 100_000))
    # From the middle of 6x6 two cells upwards are free; asked there, the first move is played though it is fatal.
    assert letters(result.record.moves) == "UUU"
    assert result.record.ending == Ending.WALL
    assert (result.answers, result.dropped) == (2, (2,))


def test_a_later_fatal_move_is_asked_about_and_a_first_one_is_played() -> None:
    asked: list[State] = []

    def answer(state: State) -> str:
        asked.append(state)
        return "U U U U" if len(asked) == 1 else "L U"

    result = one(Scripted(answer), limits=Limits(max_steps=4))
    assert letters(result.record.moves)[:4] == "UULL"
    assert [state.xy(state.head) for state in asked[:2]] == [(3, 3), (3, 5)]
    assert result.record.ending == Ending.MAX_STEPS_REACHED
    assert result.dropped == (2, 3)


def test_an_answer_that_is_used_up_or_asked_anew_in_time_is_not_dropped() -> None:
    (anew,) = by_seed(Scripted(lambda _: "U U U"), range(1), replan_every=2)
    assert (letters(anew.record.moves), anew.answers, anew.dropped) == ("UUU", 2, ())
    assert one(Scripted(lambda _: "U U")).dropped == ()
    assert one(Scripted(plan("CELL", most=3)), side=4).dropped == ()


def test_turning_back_leaves_the_snake_alone_and_is_counted() -> None:
    player = Scripted(lambda state: "R" if state.direction is None else "L")
    result = one(player)
    assert letters(result.record.moves) == "R" + 10 * "L"
    assert result.record.ending == Ending.MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED
    assert result.invalid == {"reversal": 10}
    assert result.answers == 2


def test_turning_back_later_in_an_answer_is_asked_about() -> None:
    asked: list[State] = []

    def answer(state: State) -> str:
        asked.append(state)
        return "R L L" if len(asked) == 1 else "U"

    result = one(Scripted(answer), limits=Limits(max_steps=2))
    assert letters(result.record.moves) == "RU"
    assert (result.invalid, result.dropped) == ({}, (1,))


def test_a_move_after_the_apple_is_not_played_from_the_old_answer() -> None:
    """What comes after the apple was planned without knowing where the next one lies."""
    player = Scripted(lambda state: plan("HAMILTONIAN")(state) + " U R D L U R D L")
    results = by_seed(player, range(3), side=4)
    assert [result.record for result in results] == expected("HAMILTONIAN", range(3), side=4)
    assert {result.answers for result in results} == {15}


def test_limits_end_games_by_their_names() -> None:
    circle = {Move.UP: "R", Move.RIGHT: "D", Move.DOWN: "L", Move.LEFT: "U", None: "U"}
    player = Scripted(lambda state: circle[state.direction])
    assert one(player, seed=1).record.ending == Ending.MAX_STEPS_REACHED
    assert one(player, seed=1).record.steps == 72
    assert one(player, seed=1, limits=Limits(max_steps=7)).record.steps == 7
    short = one(player, seed=1, limits=Limits(max_steps_per_apple=9)).record
    assert (short.steps, short.ending) == (9, Ending.MAX_STEPS_REACHED)
    empty = one(Scripted(lambda _: ""), limits=Limits(max_consecutive_empty_moves=2))
    assert letters(empty.record.moves) == "EE"
    back = Scripted(lambda state: "U" if state.direction is None else "D")
    assert letters(one(back, limits=Limits(max_consecutive_invalid_reversals=3)).record.moves) == "UDDD"


def moody(state: State) -> str:
    """Sometimes a plan, sometimes junk or a reversal; a function of the state as the contract demands."""
    mood = hash((state.body, state.apple)) % 9
    if mood == 0:
        return "hm"
    if mood == 1 and state.direction is not None:
        return "URDL"[(state.direction + 2) % 4]
    return plan("BFS", most=2 + mood)(state)


def test_the_invalid_counts_add_up() -> None:
    results = by_seed(Scripted(moody), range(60))
    total: Counter[str] = Counter()
    for result in results:
        record = result.record
        directions = states_before(record, range(len(record.moves))).direction.tolist()
        turned = sum(d >= 0 and m == (d + 2) % 4 for m, d in zip(record.moves, directions, strict=True))
        assert result.invalid.get("reversal", 0) == turned
        unusable = result.invalid.get("unreadable", 0) + result.invalid.get("empty", 0)
        assert unusable == record.moves.count(Move.EMPTY)
        assert set(result.invalid) <= {"reversal", "unreadable", "empty"}
        total.update(result.invalid)
    assert min(total["reversal"], total["unreadable"]) > 0


def test_a_game_depends_on_its_seed_alone() -> None:
    together = by_seed(Scripted(moody), range(30))
    alone = [one(Scripted(moody), seed=seed) for seed in range(30)]
    assert [result.record.moves for result in together] == [result.record.moves for result in alone]
    batched = by_seed(Scripted(moody, places=7), range(30))
    assert [strip(result) for result in batched] == [strip(result) for result in together]


def strip(result: GameResult) -> tuple[bytes, tuple[int, ...], int, tuple[tuple[str, int], ...]]:
    record = result.record
    invalid = tuple(sorted(result.invalid.items()))
    return record.moves, record.apples, result.answers, invalid


def test_a_game_is_handed_over_when_it_ends() -> None:
    """So that a kill loses the games that go on, and no others."""
    player = Scripted(lambda state: "" if state.apple % 2 else plan("HAMILTONIAN")(state))
    games = play_games(player, range(20), 4, 4)
    steps = [result.record.steps for result in games]
    first = next(iter(play_games(player, range(20), 4, 4)))
    assert first.record.steps == steps[0] == 5
    assert steps[-1] > 20


def test_progress_counts_games_as_they_end() -> None:
    done: list[int] = []
    for number, _ in enumerate(play_games(Scripted(moody), range(10), 6, 6, advanced=done.append), 1):
        assert sum(done) == number
    assert sum(done) == 10


def test_no_seeds_make_no_games() -> None:
    assert list(play_games(Scripted(moody), [], 6, 6)) == []


def test_after_says_what_the_rules_say() -> None:
    """The plans of these tests are computed apart from the rules; here the two meet."""
    record = next(iter(play_teacher(get("HAMILTONIAN"), [0], 4, 4)))
    states = states_before(record, range(len(record.moves)))
    for place, move in enumerate(record.moves[:-1]):
        if len(states[place + 1].body) == len(states[place].body):
            assert after(states[place], Move(move)) == states[place + 1]
