"""A served model as a player: against real servers that are well, that misbehave, and that are transformers' own."""

from __future__ import annotations

import asyncio
import email.utils
import json
import logging
import signal
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation import (
    Endpoint,
    EndpointPlayer,
    EvaluationResult,
    EvaluationSettings,
    FunctionPlayer,
    GameResult,
    ModelPlayer,
    Player,
    Traffic,
    endpoint_contestant,
    evaluate_arena,
    evaluate_contestant,
    play_games,
)
from serpentune.evaluation.play import answers_to
from serpentune.evaluation.speed import speed_metrics
from serpentune.game import Limits, letters, random_states
from serpentune.models import LoadedModel, load_base
from serpentune.models.export import export_model
from tests.evaluation.chat_server import COMPLETION_TOKENS, PROMPT_TOKENS, Replies, Reply, plays_bfs, says, serving
from tests.evaluation.players import plan

SIDE = 4
SMALL = EvaluationSettings(
    games=6, width=SIDE, height=SIDE, seed=100, mode="free", limits=Limits(max_steps=40), places=3
)
PAGE = "<!DOCTYPE html><html><body>\x1b[31mBad gateway</body></html>"


def endpoint(url: str, **options: Any) -> Endpoint:
    return Endpoint(url, "snake", **{"first_wait": 0.01, "timeout": 20, **options})


def player(asked: Endpoint, **options: Any) -> EndpointPlayer:
    return EndpointPlayer(asked, teacher="BFS", encoding=get_encoding("grid"), style=get_style("plan"), **options)


def games(of: Player) -> list[tuple[Any, ...]]:
    return described(play_games(of, range(4), SIDE, SIDE, limits=Limits(max_steps=40)))


def described(found: Iterable[GameResult]) -> list[tuple[Any, ...]]:
    return sorted((game.record.seed, game.record.moves, game.answers, sorted(game.invalid.items())) for game in found)


@pytest.fixture(scope="module")
def by_bfs() -> list[tuple[Any, ...]]:
    return games(FunctionPlayer("bfs", lambda states: list(map(plan("BFS"), states))))


def first(*replies: Reply) -> Replies:
    """These to the first questions about each prompt, then what is right."""
    return lambda prompt, number: replies[number] if number < len(replies) else plays_bfs(prompt, number)


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
    in_two = email.utils.formatdate(time.time() + 2, usegmt=True)
    with serving(first(Reply("", 503, {"Retry-After": in_two}))) as server:
        with player(endpoint(server.url), places=1) as asked:
            answers_to(asked, random_states(1, SIDE, SIDE, 3))
        assert server.arrivals[1] - server.arrivals[0] >= 0.5  # a date has whole seconds


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


def lines(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "games.jsonl").read_text().splitlines()]
    return sorted(({**line, "ms": None} for line in found), key=lambda line: line["seed"])


def account(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "performance.json").read_text())["endpoint"]
    return found


def evaluated(asked: Endpoint, folder: Path, settings: EvaluationSettings = SMALL) -> EvaluationResult:
    return evaluate_contestant(endpoint_contestant(asked), folder, settings, quiet=True)


def test_an_outage_keeps_the_finished_games_and_changes_no_number(tmp_path: Path) -> None:
    with serving(plays_bfs) as server:
        asked = endpoint(server.url, retries=1)
        whole = evaluated(asked, tmp_path / "whole")
        assert whole.name == "snake" and len(whole.games) == 6
        wanted = len(server.bodies)
        server.bodies.clear()

        def dies(prompt: str, number: int) -> Reply:
            return plays_bfs(prompt, number) if len(server.bodies) < wanted * 0.8 else Reply(PAGE, 503)

        server.replies = dies
        with pytest.raises(UserError, match=r"doesn't answer any more: 503 .*run the same evaluation again"):
            evaluated(asked, tmp_path / "killed")
        kept = lines(tmp_path / "killed")
        assert 0 < len(kept) < 6
        server.replies = plays_bfs
        evaluated(asked, tmp_path / "killed")
        assert lines(tmp_path / "killed") == lines(tmp_path / "whole")
        with pytest.raises(UserError, match="its endpoint is"):
            evaluated(replace(asked, model="other"), tmp_path / "whole")


def test_a_budget_ends_the_games_and_keeps_the_finished_ones(tmp_path: Path) -> None:
    with serving(plays_bfs) as server:
        price = endpoint(server.url, prices=(0, 1_000_000 / COMPLETION_TOKENS))  # one a request
        evaluated(price, tmp_path / "whole")
        wanted = len(server.bodies)
        assert account(tmp_path / "whole")["requests"] == account(tmp_path / "whole")["cost"] == wanted
        server.bodies.clear()
        with pytest.raises(
            UserError, match=r"budget is spent: \d+ requests to http.* cost \d+ of \d+\. Games that are"
        ):
            evaluated(replace(price, budget=wanted // 2), tmp_path / "half")
        assert wanted // 2 <= len(server.bodies) <= wanted // 2 + SMALL.places
        assert 0 < len(lines(tmp_path / "half")) < 6
        evaluated(replace(price, budget=2 * wanted), tmp_path / "half")
        assert lines(tmp_path / "half") == lines(tmp_path / "whole")
        # What the run before paid is in it; requests that were given up may not have got to the server.
        paid = account(tmp_path / "half")
        assert len(server.bodies) <= paid["requests"] and wanted <= paid["cost"] <= paid["requests"]

        # The evaluations of one contestant spend one budget.
        contestant = endpoint_contestant(replace(price, budget=wanted + 1))
        evaluate_contestant(contestant, tmp_path / "one", SMALL, quiet=True)
        with pytest.raises(UserError, match="budget is spent"):
            evaluate_contestant(contestant, tmp_path / "two", SMALL, quiet=True)

        server.replies = lambda prompt, number: says("U", usage=False)
        with player(price, traffic=(traffic := Traffic())) as asked:
            answers_to(asked, random_states(1, SIDE, SIDE, 3))
            assert traffic.account().cost is None and traffic.account().answers_without_usage == 1
        with pytest.raises(UserError, match="how many tokens it took"):
            games(player(replace(price, budget=10)))


def test_the_account_is_of_every_measure_and_of_every_run(tmp_path: Path) -> None:
    records = [
        {"prompt": prompt, "completion": " U", "game": str(number)}
        for number, prompt in enumerate(
            prompts(random_states(5, SIDE, SIDE, 0), "BFS", get_encoding("grid"), get_style("plan"))
        )
    ]
    with serving(plays_bfs) as server:
        price = endpoint(server.url, prices=(0, 1_000_000 / COMPLETION_TOKENS))
        for measures in (["states"], ["play", "states"], ["play"]):  # all games are finished before the last
            evaluate_contestant(
                endpoint_contestant(price), tmp_path, SMALL, measures=measures, test_records=records, quiet=True
            )
            paid = account(tmp_path)
            assert paid["requests"] == paid["cost"] == len(server.bodies)
            assert paid["completion_tokens"] == COMPLETION_TOKENS * len(server.bodies)
    measured = json.loads((tmp_path / "performance.json").read_text())
    assert measured["games"] == 6 and measured["moves_per_second"] > 0
    assert measured["device"] is measured["peak_memory_mb"] is None
    assert measured["undefined"] == dict.fromkeys(("device", "peak_memory_mb"), "the model is served elsewhere")
    (tmp_path / "performance.json").write_text('{"endpoint": {"requests": -1}}')
    with pytest.raises(UserError, match=r"performance.json: no account of an endpoint \(endpoint.requests: "):
        evaluated(price, tmp_path)


def test_the_speed_of_a_served_model_tells_nothing_of_this_machine() -> None:
    with serving(plays_bfs) as server:
        speed = speed_metrics(endpoint_contestant(endpoint(server.url)), SMALL, answers=2, seconds=0.0)
    unknown = ("device", "device_peak_mb", "host_peak_mb")
    assert [speed[name] for name in unknown] == [None] * 3
    assert {speed["undefined"][name] for name in unknown} == {"the model is served elsewhere"}
    assert speed["batch_1"]["answers"] == 2 and speed["batch_1"]["tokens_per_second"] > 0


def test_each_row_of_an_arena_has_its_own_account(tmp_path: Path) -> None:
    with serving(plays_bfs) as server:
        contestant = endpoint_contestant(endpoint(server.url, prices=(1, 1)))
        rows = evaluate_arena(contestant, tmp_path, replace(SMALL, games=1), quiet=True)
        accounts = [account(tmp_path / row) for row in rows]
        assert [paid["requests"] for paid in accounts] == [
            sum(game.answers for game in result.games) for result in rows.values()
        ]
        assert sum(paid["requests"] for paid in accounts) == len(server.bodies)
        assert contestant.traffic is not None
        assert sum(paid["cost"] for paid in accounts) == pytest.approx(contestant.traffic.spent)


def test_an_endpoint_is_asked_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="start without torchrun"):
        evaluated(endpoint("http://localhost:8000/v1"), tmp_path / "r")
    assert not (tmp_path / "r").exists()


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


@pytest.fixture
def chat_nano(nano: LoadedModel, tmp_path: Path) -> Path:
    """nano, whose tokenizer's chat template shows its own prompts as they are."""
    folder = tmp_path / "nano"
    nano.model.save_pretrained(folder)
    nano.tokenizer.save_pretrained(folder)
    end = nano.tokenizer.eos_token
    template = "{% for message in messages %}{{ message.content }}{% if message.role == 'assistant' %}" + end
    (folder / "chat_template.jinja").write_text(template + "{% endif %}{% endfor %}")
    return folder


def played_here(folder: Path) -> ModelPlayer:
    loaded = load_base(folder, chat=True, dtype=torch.float32)
    encoding, style = get_encoding("grid"), get_style("plan")
    return ModelPlayer(loaded, teacher="BFS", encoding=encoding, style=style, mode="free")


def test_transformers_own_server_plays_the_games_of_the_model_that_it_serves(chat_nano: Path) -> None:
    from transformers.cli.serve import Serve

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Serve(str(chat_nano), host="127.0.0.1", port=port, device="cpu", dtype="float32", non_blocking=True)
    try:
        while not server.server.started:
            time.sleep(0.01)
        asked = Endpoint(f"http://127.0.0.1:{port}/v1", str(chat_nano))
        with player(asked, places=2, traffic=(traffic := Traffic())) as served:
            there = games(served)
    finally:
        server.kill_server()
    local = list(play_games(played_here(chat_nano), range(4), SIDE, SIDE, limits=Limits(max_steps=40)))
    assert there == described(local)
    assert traffic.completion_tokens == sum(game.tokens for game in local)


@pytest.mark.slow
def test_llama_cpp_plays_the_games_of_the_model_that_was_exported_to_it(chat_nano: Path, tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("xllamacpp", reason="llama.cpp's bindings are not installed")
    (file,) = export_model(chat_nano, tmp_path / "out", gguf=["f32"]).gguf
    settings = llama_cpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.warmup = str(file.path), 2048, 2, False
    server = llama_cpp.Server(settings)
    with player(Endpoint(f"{server.listening_address}/v1", "nano"), places=2) as served:
        there = games(served)
    del server
    assert there == games(played_here(chat_nano))
