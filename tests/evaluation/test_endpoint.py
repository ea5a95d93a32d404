"""A served model as a player: against a real server that is well, and that misbehaves."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import (
    Endpoint,
    FunctionPlayer,
    Traffic,
    endpoint_contestant,
    play_games,
)
from serpentune.evaluation.play import answers_to
from serpentune.game import Limits, letters, random_states
from tests.evaluation.chat_server import COMPLETION_TOKENS, PROMPT_TOKENS, Reply, plays_bfs, says, serving
from tests.evaluation.players import plan
from tests.evaluation.served import (
    PAGE,
    SIDE,
    SMALL,
    endpoint,
    evaluated,
    first,
    games,
    player,
)


@pytest.fixture(scope="module")
def by_bfs() -> list[tuple[Any, ...]]:
    return games(FunctionPlayer("bfs", lambda states: list(map(plan("BFS"), states))))


def test_games_of_a_served_model_are_those_that_its_answers_make(by_bfs: list[tuple[Any, ...]]) -> None:
    traffic = Traffic()
    priced = {"prices": (2.0, 10.0)}
    with serving(plays_bfs) as server, player(endpoint(server.url, **priced), places=3, traffic=traffic) as asked:
        assert games(asked) == by_bfs
        counted = traffic.account()
        answers = sum(game[2] for game in by_bfs)
        assert counted.requests == len(server.bodies) == answers and counted.retries == 0
        assert counted.prompt_tokens == answers * PROMPT_TOKENS
        assert counted.completion_tokens == answers * COMPLETION_TOKENS
        assert counted.cost == pytest.approx(answers * (2.0 * PROMPT_TOKENS + 10.0 * COMPLETION_TOKENS) / 1e6)
        assert 0 < (counted.latency_ms_p50 or 0) <= (counted.latency_ms_p95 or 0)
        assert counted.answered_by == ["snake-2"]
        assert server.busiest <= 3
        body = server.bodies[0]
        assert (body["model"], body["temperature"], body["max_tokens"]) == ("snake", 0, 256)
        assert [message["role"] for message in body["messages"]] == ["user"]
        assert "Authorization" not in server.headers[0] and server.headers[0]["path"] == "/v1/chat/completions"


def test_a_request_holds_what_the_user_chose() -> None:
    chosen = {"seed": 7, "max_tokens": None, "max_completion_tokens": 99, "temperature": None}
    with serving(plays_bfs) as server:
        asked = endpoint(f"{server.url}/chat/completions?version=2", system="You play Snake.", parameters=chosen)
        with player(asked) as who:
            answers_to(who, random_states(1, SIDE, SIDE, 0))
        body = server.bodies[0]
        assert body["messages"][0] == {"role": "system", "content": "You play Snake."}
        assert (body["seed"], body["max_completion_tokens"]) == (7, 99)
        assert not {"max_tokens", "temperature"} & {*body}
        assert server.headers[0]["path"] == "/v1/chat/completions?version=2"
        assert asked.identity()["url"] == server.url


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (Reply("", 500), "http_500"),
        (Reply(PAGE, 502), "http_502"),
        (Reply("slow down", 429, {"Retry-After": "0"}), "http_429"),
        (Reply(PAGE, headers={"Content-Type": "text/html"}), "no_json"),
        (Reply("{", headers={"Content-Length": "100"}), "broken"),
        (Reply("[" * 100_000), "no_json"),
        (Reply('{"choices": []}'), "other_json"),
        (Reply('{"error": {"message": "busy"}}'), "other_json"),
        (Reply('{"choices": [{"message": {"content": ["U"]}}]}'), "other_json"),
        (Reply(says("U").content.replace(f": {PROMPT_TOKENS}", ": -1")), "other_json"),
    ],
)
def test_what_passes_is_asked_again_and_counted(bad: Reply, kind: str, by_bfs: list[tuple[Any, ...]]) -> None:
    traffic = Traffic()
    with serving(first(bad, bad)) as server, player(endpoint(server.url), traffic=traffic) as asked:
        assert games(asked) == by_bfs
        counted, distinct = traffic.account(), len(server.asked)
        assert counted.failures == {kind: 2 * distinct} and counted.retries == 2 * distinct
        assert counted.requests == counted.retries + sum(game[2] for game in by_bfs)
        assert counted.failed_answers == 0


def test_a_try_that_takes_too_long_is_given_up(by_bfs: list[tuple[Any, ...]]) -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            yield b" "
            time.sleep(0.02)

    slow, traffic = first(Reply(trickle), replace(says("U"), wait=1.5)), Traffic()
    with serving(slow) as server, player(endpoint(server.url, timeout=0.5), places=16, traffic=traffic) as asked:
        answers = answers_to(asked, random_states(2, SIDE, SIDE, 3))
        assert all(answer.moves for answer in answers)
        assert traffic.account().failures == {"timeout": 4}


def test_no_question_is_asked_before_the_time_that_the_service_names() -> None:
    with serving(first(Reply("", 429, {"Retry-After": "1"}))) as server:
        with player(endpoint(server.url), places=1) as asked:
            answers_to(asked, random_states(1, SIDE, SIDE, 3))
        assert server.arrivals[1] - server.arrivals[0] >= 0.9  # the first is noted a little after it was sent
    due = int(time.time()) + 2  # a date has whole seconds
    with serving(first(Reply("", 503, {"Retry-After": email.utils.formatdate(due, usegmt=True)}))) as server:
        with player(endpoint(server.url), places=1) as asked:
            answers_to(asked, random_states(1, SIDE, SIDE, 3))
        assert len(server.arrivals) == 2 and time.time() >= due


def test_a_service_that_asks_for_hours_is_said_at_once() -> None:
    quota = Reply('{"error": {"message": "daily quota"}}', 429, {"Retry-After": "86400"})
    with serving(first(quota)) as server, player(endpoint(server.url), places=1) as asked:
        with pytest.raises(UserError, match=r"429 Too Many Requests: daily quota, and asks to wait for 1440 minutes"):
            games(asked)
        assert len(server.bodies) == 1


def test_requests_keep_to_the_rate_limit() -> None:
    began = time.monotonic()
    with serving(plays_bfs) as server, player(endpoint(server.url, rate_limit=600)) as asked:
        answers_to(asked, random_states(6, SIDE, SIDE, 3))
        assert server.arrivals[-1] - began >= 0.5


@pytest.mark.parametrize("bad", [Reply("boom", 500), Reply("too long", 400), Reply(lambda: iter([b"x" * 10**6] * 9))])
def test_a_prompt_that_alone_gets_no_answer_is_counted_as_failed(bad: Reply, caplog: pytest.LogCaptureFixture) -> None:
    states = random_states(5, SIDE, SIDE, 3)
    traffic = Traffic()
    with serving(plays_bfs) as server, player(endpoint(server.url, retries=2), places=1, traffic=traffic) as asked:
        right = answers_to(asked, states)
        distinct = [body["messages"][0]["content"] for body in server.bodies]
        server.replies = lambda prompt, number: bad if prompt == distinct[2] else plays_bfs(prompt, number)
        again = answers_to(asked, states)
        assert [answer.unusable for answer in again] == ["", "", "failed", "", ""]
        assert again[:2] == right[:2] and again[3:] == right[3:]
        assert traffic.account().failed_answers == 1
        tries = 4 if bad.status == 500 else 1  # the others would be the same every time
        assert sum(traffic.account().failures.values()) == tries
        assert "answers others, but not this prompt" in caplog.text


def test_a_game_meets_a_failed_answer_as_one_that_cannot_be_read() -> None:
    def fails(prompt: str, number: int) -> Reply:
        return plays_bfs(prompt, number) if prompt == next(iter(server.asked)) else Reply("too long", 400)

    with serving(fails) as server, player(endpoint(server.url), places=1) as asked:
        (game,) = play_games(asked, [1], SIDE, SIDE, limits=Limits())
        assert game.record.ending.name == "MAX_CONSECUTIVE_EMPTY_MOVES_REACHED"
        assert game.record.score == 1 and game.answers == 2 and {*game.invalid} == {"failed"}


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (
            Reply('{"error": {"message": "bad key"}}', 401),
            r"answers 401 Unauthorized: bad key. Name the environment",
        ),
        (Reply("", 402), r"answers 402 Payment Required: \(nothing\). The account can't pay"),
        (Reply("", 403), r"403 Forbidden.*may not use this model"),
        (Reply('{"detail": "Not Found"}', 404), r"404 Not Found: Not Found. Check the address"),
        (Reply("", 301, {"Location": "https://other/v1?key=3"}), r"has moved to https://other/v1. Take that address"),
        (
            Reply('{"error": {"message": "no temperature!"}}', 400),
            r"answered no question: 400 Bad Request: no temp",
        ),
        (Reply(PAGE), r"answered no question: the answer is no JSON: <!DOCTYPE html><html><body> \[31mBad gateway"),
    ],
)
def test_a_refusal_is_said_with_the_address_and_the_reason(reply: Reply, answer: str) -> None:
    with serving(lambda prompt, number: reply) as server:
        asked = player(endpoint(server.url, retries=1), places=1)
        with pytest.raises(UserError, match=answer) as error:
            games(asked)
        assert str(error.value).startswith(f"The endpoint {server.url} (model snake) ")
        assert len(server.bodies) == (2 if reply.content == PAGE else 1)


def test_an_address_where_nobody_listens_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(UserError, match="answered no question: no connection"):
            games(player(endpoint(url, first_wait=60)))


@pytest.mark.parametrize(
    ("text", "finish", "moves", "unusable", "cut"),
    [
        ("I think the snake should go UP.", "stop", "U", "", False),
        ('```json\n{"move": "left"}\n```', "stop", "L", "", False),
        ("", "stop", "", "empty", False),
        (None, "content_filter", "", "empty", False),
        ("Go UP, or rather DOWN", "stop", "", "contradictory", False),
        ("让我想想 🐍 \u202e \x00", "stop", "", "unreadable", False),
        ("🐍 RIGHT ➡️", "stop", "R", "", False),
        ("hm " * 20_000, "length", "", "unreadable", True),
    ],
)
def test_what_a_model_writes_is_read_as_of_any_model(
    text: str | None, finish: str, moves: str, unusable: str, cut: bool
) -> None:
    with serving(lambda prompt, number: says(text, finish=finish)) as server, player(endpoint(server.url)) as asked:
        (answer,) = answers_to(asked, random_states(1, SIDE, SIDE, 3))
    assert (letters(answer.moves), answer.unusable, answer.cut) == (moves, unusable, cut)
    assert answer.tokens == COMPLETION_TOKENS


def test_in_mode_plan_the_answer_begins_with_the_moves() -> None:
    with serving(lambda prompt, number: says("So I go UP.")) as server:
        with player(endpoint(server.url), mode="plan") as asked:
            assert answers_to(asked, random_states(1, SIDE, SIDE, 3))[0].unusable == "unreadable"
        with pytest.raises(UserError, match="can't be asked in mode move"):
            player(endpoint(server.url), mode="move")


def test_a_key_is_sent_and_stands_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SNAKE_KEY", "sk-very-secret")
    with serving(plays_bfs) as server:
        asked = endpoint(server.url, api_key_env="SNAKE_KEY")
        evaluated(asked, tmp_path / "r", replace(SMALL, games=1))
        assert server.headers[0]["Authorization"] == "Bearer sk-very-secret"
        server.replies = lambda prompt, number: Reply("sk-very-secret is not a valid key", 401)
        with pytest.raises(UserError, match=r"401 Unauthorized: \[API key\] is not a valid key"):
            games(player(asked))
        with_password = endpoint(server.url.replace("://", "://joe:pass-word@"))
        server.replies = plays_bfs
        evaluated(with_password, tmp_path / "p", replace(SMALL, games=1))
        assert server.headers[-1]["Authorization"].startswith("Basic ")
    files = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert server.url in files
    assert not any(secret in files + caplog.text for secret in ("very-secret", "pass-word"))
    monkeypatch.setenv("SNAKE_KEY", " ")
    with pytest.raises(UserError, match="SNAKE_KEY holds no API key"):
        endpoint_contestant(asked)


def test_ctrl_c_ends_at_once_and_gives_up_what_is_in_flight() -> None:
    hangs = threading.Event()

    def waits(prompt: str, number: int) -> Reply:
        hangs.set()
        return replace(says("U"), wait=2)

    def press() -> None:
        hangs.wait()
        time.sleep(0.2)  # until all are asked and the player waits
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with serving(waits) as server:
        asked = player(endpoint(server.url, timeout=600))
        threading.Thread(target=press).start()
        with pytest.raises(KeyboardInterrupt):
            games(asked)
        assert not asked.close.alive
        assert server.busy  # nobody waited for it


def test_it_plays_where_an_event_loop_runs_already(by_bfs: list[tuple[Any, ...]]) -> None:
    async def notebook() -> list[tuple[Any, ...]]:
        with serving(plays_bfs) as server, player(endpoint(server.url)) as asked:
            return games(asked)

    assert asyncio.run(notebook()) == by_bfs


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"url": "localhost:8000/v1"}, "is no address of an endpoint; one looks like http://localhost:8000/v1"),
        ({"url": "http://"}, "is no address of an endpoint"),
        ({"url": "http://[::1"}, "address can't be read"),
        ({"url": "ftp://user:pass-word@host/v1"}, "'ftp://host/v1' is no address"),
        ({"model": " "}, "needs the name of the model"),
        ({"retries": -1}, "retries of an endpoint is -1; it is 0 or more"),
        ({"timeout": 0}, "timeout of an endpoint is 0; it is more than 0"),
        ({"rate_limit": float("nan")}, "rate_limit of an endpoint is nan"),
        ({"prices": (1.0, -1.0)}, "prices of an endpoint are .*; they are 0 or more"),
        ({"budget": 1.0}, "A budget needs prices"),
        ({"parameters": {"stream": True}}, "stream is no parameter"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict[str, Any], answer: str) -> None:
    with pytest.raises(UserError, match=answer):
        Endpoint(**{"url": "http://localhost:8000/v1", "model": "snake", **options})
