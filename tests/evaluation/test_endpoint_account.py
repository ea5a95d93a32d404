"""What is kept, counted and spent where a served model plays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation import (
    Traffic,
    endpoint_contestant,
    evaluate_arena,
    evaluate_contestant,
)
from serpentune.evaluation.play import answers_to
from serpentune.evaluation.speed import speed_metrics
from serpentune.game import random_states
from tests.evaluation.chat_server import COMPLETION_TOKENS, Reply, plays_bfs, says, serving
from tests.evaluation.served import (
    PAGE,
    SIDE,
    SMALL,
    account,
    endpoint,
    evaluated,
    games,
    lines,
    player,
)


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


def test_a_served_model_is_asked_for_a_teacher_that_is_registered_nowhere(tmp_path: Path) -> None:
    texts = prompts(random_states(2, SIDE, SIDE, 0), "SOMEBODY", get_encoding("grid"), get_style("plan"))
    records = [{"prompt": text, "completion": " U"} for text in texts]
    with serving(plays_bfs) as server:
        found = evaluate_contestant(
            endpoint_contestant(endpoint(server.url)),
            tmp_path,
            SMALL,
            measures="states",
            test_records=records,
            quiet=True,
        )
        assert found.states is not None and found.states["SOMEBODY"]["legal_rate"] == 1
        assert all("Player SOMEBODY" in body["messages"][0]["content"] for body in server.bodies)


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
