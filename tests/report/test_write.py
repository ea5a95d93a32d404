"""The page as a file: what it says, that it says it safely, and that it stays small."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.comparison import METRICS, compare_all
from serpentune.evaluation import play_games
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from serpentune.report import _comparisons, _models, _replays, write_report
from serpentune.report._provenance import provenance
from serpentune.statistics import wilson_interval
from tests.evaluation.players import Scripted
from tests.report.parsed import Page
from tests.report.players import UNRULY, cycle, greedy, play, walk


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report.read_text(encoding="utf-8"))


def test_text_from_outside_opens_no_element(page: Page) -> None:
    assert page.tags.count("script") == 3
    assert page.comments == []
    assert "".join(page.text).count(UNRULY) > 10
    assert json.loads(page.scripts["page-data"])["models"] == [UNRULY, "greedy", "cycle"]


@pytest.mark.parametrize("part", ["<!--", "<script>alert", "</script><"])
def test_raw_text_never_carries_markup(report: Path, part: str) -> None:
    assert part not in report.read_text(encoding="utf-8").replace("</script>\n", "")


def test_page_asks_nothing_of_a_network(page: Page, report: Path) -> None:
    sources = [value for name, value in page.attributes if name in ("src", "href", "action", "poster")]
    assert all(value is not None and value.startswith(("#", "data:")) for value in sources)
    assert not re.search(r"url\(|@import", report.read_text(encoding="utf-8"))


def test_policy_allows_the_pages_own_script_alone(report: Path, page: Page) -> None:
    policy = next(value for name, value in page.attributes if name == "content" and value and "script-src" in value)
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_a_report_names_models_as_seen_from_here(
    results: list[EvaluationResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = str(tmp_path.parent / "theirs")
    for model, shown in ((str(tmp_path / "output" / "mine"), "output/mine"), (elsewhere, elsewhere), ("nano", "nano")):
        result = replace(results[0], manifest={**results[0].manifest, "model": model})
        assert ("model", shown) in provenance([result]).shared


def test_games_come_back_as_they_were_played(page: Page, results: list[EvaluationResult]) -> None:
    rows, _ = json.loads(zlib.decompress(base64.b64decode(page.scripts["page-games"])))
    assert [seed for seed, _ in rows] == [str(seed) for seed in results[0].seeds]
    record = results[1].games[3].record
    width, height, moves, apples, ending, score, _ = rows[3][1][1]
    assert score == record.score
    assert (width, height, len(moves), tuple(apples), ending) == (
        6,
        6,
        len(record.moves),
        record.apples,
        record.ending.name,
    )


def test_win_rate_and_its_interval_stand_in_the_table(page: Page, results: list[EvaluationResult]) -> None:
    text = " ".join(page.text)
    assert results[2].wins.all()
    interval = wilson_interval(40, 40).interval
    assert interval is not None
    assert "100.0%" in text and f"[{100 * interval.low:.1f}%, 100.0%]" in text
    assert f"{results[1].scores.mean():.2f}" in text


def test_what_was_not_measured_is_said_and_never_nan(page: Page) -> None:
    text = " ".join(page.text)
    assert (
        "not measured" in text
        and "Not measured: Bits per byte, Exact match, True claims, Same move, Same as its plan." in text
    )
    assert "1.23 GB" in text
    assert not re.search(r"\b(nan|NaN|inf|None|undefined)\b", text)


def test_summary_comes_before_every_table_and_limits_its_claims(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert text.index('id="summary"') < text.index("<table")
    assert "about these models as they are" in text and "several training seeds" in text


def test_nan_figures_are_not_measured(tmp_path: Path) -> None:
    result = play(tmp_path / "r", "model", walk, range(3), language={"perplexity": None, "bleu": 3.0, "rouge_l": True})
    broken = EvaluationResult(
        result.name,
        result.manifest,
        result.games,
        {"perplexity": float("nan"), "bleu": 3.0},
        {"ms_per_move": float("inf")},
    )
    training = {"model": {"history": [{"step": 1, "loss": float("nan")}, {"step": 2, "loss": 0.5}], "seconds": None}}
    text = write_report([broken], tmp_path / "r.html", title="t", training=training)[0].read_text(encoding="utf-8")
    assert " nan" not in text.lower() and ">inf" not in text


@pytest.mark.parametrize("choose", [walk, cycle])
def test_one_game_and_games_that_are_all_alike_make_a_report(tmp_path: Path, choose: object) -> None:
    result = play(tmp_path / "r", "model", choose, [7])  # type: ignore[arg-type]
    assert "this model as it is" in write_report([result], tmp_path / "r.html", title="t")[0].read_text(
        encoding="utf-8"
    )


def test_a_result_without_games_is_shown_as_such(tmp_path: Path) -> None:
    empty = EvaluationResult("empty", {"name": "empty"}, (), None, None)
    text = write_report([empty], tmp_path / "r.html", title="t")[0].read_text(encoding="utf-8")
    assert "not measured" in text and 'id="replays"' not in text


def test_no_results_and_equal_names_are_refused(tmp_path: Path, results: list[EvaluationResult]) -> None:
    with pytest.raises(UserError, match="nothing to report"):
        write_report([], tmp_path / "r.html", title="t")
    with pytest.raises(UserError, match="Two results are called 'greedy'"):
        write_report([results[1], results[1]], tmp_path / "r.html", title="t")
    assert not (tmp_path / "r.html").exists()


def test_same_results_make_the_same_page(tmp_path: Path, results: list[EvaluationResult]) -> None:
    first, second = (write_report(results, tmp_path / f"{n}.html", title="t")[0].read_bytes() for n in "ab")
    assert first == second


@pytest.mark.slow
def test_five_models_on_two_hundred_games_stay_below_a_megabyte(tmp_path: Path) -> None:
    results = []
    for number, name in enumerate(["BFS", "DFS", "ASTAR", "HAMILTONIAN", "HAMILTONIAN"]):
        # Different seeds for each, since equal games would pack too well.
        records = teachers.play(teachers.get(name), range(200 * number, 200 * number + 200), 10, 10)
        games = tuple(GameResult(record, record.steps, {}, ms=1.0) for record in records)
        results.append(EvaluationResult(f"model {number}", {"name": name}, games, None, None))
    (path,) = write_report(results, tmp_path / "r.html", title="t")
    assert path.stat().st_size <= 1_000_000
    assert "This file holds the replays of the first" not in path.read_text(encoding="utf-8")


def test_games_beyond_the_budget_are_left_out_and_counted(results: list[EvaluationResult]) -> None:
    packed = _replays.pack(results, budget=2_000)
    assert len(packed.data) <= 2_000
    assert 0 < packed.kept < packed.total == 40
    assert len(json.loads(zlib.decompress(base64.b64decode(packed.data)))[0]) == packed.kept


def test_the_losses_of_a_sweep_have_a_panel_each(tmp_path: Path) -> None:
    history = [{"step": step, "loss": 3 / step} for step in range(1, 40)] + [{"step": 39, "eval_loss": 0.5}]
    training = {f"lr {n} <i>": {"history": history} for n in range(18)}
    played = [play(tmp_path / "greedy", "greedy", greedy, range(3))]
    for few, panels in ((dict(list(training.items())[:7]), 0), (training, 18)):
        text = write_report(played, tmp_path / "report.html", title="Sweep", training=few)[0].read_text(
            encoding="utf-8"
        )
        assert text.count('aria-label="Loss of lr ') == panels
        assert text.count('<use href="#every-curve"/>') == panels
        assert len(re.findall(r'<polyline class="curve behind"', text)) == panels
        assert "<i>" not in text


def test_what_is_said_of_intervals_and_pairs_is_that_of_the_data(
    tmp_path: Path, results: list[EvaluationResult]
) -> None:
    walker, eater, winner = results
    (told,) = (report.to_json() for report in compare_all([eater, walker], level=0.999).values())
    (page,) = write_report([eater, walker], tmp_path / "r.html", title="t", comparisons=[told])
    text = page.read_text(encoding="utf-8")
    assert re.search(r'aria-label="[^"]* minus greedy: [^"]*, 99\.9% interval', text)
    assert re.search(r'aria-label="greedy: [^"]*, 95% interval', text)
    assert "Differences are paired by game seed, with 99.9%" in text and "corrected for the number of tests" in text
    assert "reached that score more often in these games" in text and "hold for each score by itself" in text
    assert "its 99.9% interval" in text and "with 99.9% intervals" in text
    assert "mean scores by bootstrap-t and t, the wider of both" in text
    assert 'title="games that both played; below it the correlation' in text and "of language" not in text
    row = told["rows"][0]
    assert row["metric"] == "score" and f">correlation {row['correlation']:.2f}".replace("-", "\N{MINUS SIGN}") in text
    # All games of the winner score the same, so what bounds its mean is a limit, and that is said.
    (page,) = write_report([winner], tmp_path / "alone.html", title="t")
    text = page.read_text(encoding="utf-8")
    assert "mean scores by exact binomial limit" in text and f"Nearly all games of {winner.name} have the same" in text


def test_pairs_of_methods_and_of_language_are_named(results: list[EvaluationResult]) -> None:
    (told,) = (report.to_json() for report in compare_all(results[1:]).values())
    perplexity = {**told["rows"][0], "metric": "perplexity"}
    pair = _comparisons.describe([{**told, "about": "methods", "rows": [*told["rows"], perplexity]}], {})
    assert pair is not None
    (hint,) = [column.hint for column in pair.pairs[0].table.columns if column.head == "Pairs"]
    assert "paired by game seed and, of language, by held-out record, with 95% intervals" in pair.note
    assert hint.partition("; below")[0] == (
        "games that all students played; of language, held-out records that all students were measured on"
    )


def test_a_difference_without_an_interval_is_a_point(results: list[EvaluationResult], tmp_path: Path) -> None:
    (told,) = (report.to_json() for report in compare_all(results[1:], metrics=["score"]).values())
    (row,) = told["rows"]
    apart = [{**told, "a": "other", "rows": [{**row, "interval": None}]}, told]
    (page,) = write_report(results, tmp_path / "r.html", title="t", comparisons=apart)
    text = page.read_text(encoding="utf-8")
    difference = f"{row['difference']:.2f}"
    assert f'aria-label="cycle minus other: {difference}"' in text
    assert f'aria-label="cycle minus greedy: {difference}, 95% interval' in text
    assert "Where there is no interval, the difference stands alone, or in the tables only." in text
    none = [{**told, "rows": [{**row, "interval": None}]}]
    (page,) = write_report(results, tmp_path / "none.html", title="t", comparisons=none)
    text = page.read_text(encoding="utf-8")
    assert "cycle minus greedy:" not in text and "Difference: " not in text


def test_every_metric_has_a_title_of_its_own() -> None:
    titles = [metric.title for metric in METRICS.values()]
    assert all(titles) and len(set(titles)) == len(titles)
    assert "Agreement" not in titles


def test_verdicts_on_methods_say_so_and_margins_get_columns(tmp_path: Path, results: list[EvaluationResult]) -> None:
    (told,) = (report.to_json() for report in compare_all(results[1:]).values())
    first, *others = told["rows"]
    first |= {"margin": 2.0, "p_same_adjusted": 0.04}
    told |= {
        "a": "LoRA",
        "b": "Full",
        "about": "methods",
        "scope": "This is about the methods.",
        "rows": [first, *others],
    }
    text = write_report(results, tmp_path / "r.html", title="t", comparisons=[told])[0].read_text(encoding="utf-8")
    assert "This is about the methods. All other figures are about these models as they are" in text
    assert "p, the same</th>" in text and ">margin " in text
    assert "LoRA <span" in text


def test_an_answer_that_is_played_again_is_one_invalid_answer(results: list[EvaluationResult], tmp_path: Path) -> None:
    """A mute player's one answer is played until the game ends; that is no 300% of its answers."""
    games = tuple(play_games(Scripted(lambda _: "well"), range(4), 6, 6))
    mute = replace(results[0], games=games, stored_play=None)
    assert sum(mute.invalid.values()) > 4 == mute.play["answers"]
    (page,) = write_report([mute], tmp_path / "r.html", title="t")
    assert '>100.0%<span class="detail">4 of 4</span>' in page.read_text(encoding="utf-8")


def test_intervals_by_length_say_how_they_were_found(results: list[EvaluationResult], tmp_path: Path) -> None:
    (page,) = write_report(results, tmp_path / "r.html", title="t")
    text = page.read_text(encoding="utf-8")
    assert "Intervals in brackets are of 95%, by bootstrap-t and t, the wider of both, over games" in text
    assert "[0.0%, 100.0%]" not in text


def test_wins_as_written_have_a_column_where_a_plan_was_dropped(tmp_path: Path) -> None:
    told = play(tmp_path / "told", "told", cycle, range(4))
    lines = (tmp_path / "told" / "games.jsonl").read_text().splitlines()
    assert told.wins.all() and all(json.loads(line)["dropped"] == [] for line in lines)
    (tmp_path / "told" / "games.jsonl").write_text(
        "\n".join([json.dumps(json.loads(lines[0]) | {"dropped": [3]}), *lines[1:]]) + "\n"
    )
    dropped = EvaluationResult.load(tmp_path / "told")
    assert "Won as written" not in [column.head for column in _models.play_table(_models.describe([told])).columns]
    table = _models.play_table(_models.describe([told, dropped, replace(told, games=())]))
    at = [column.head for column in table.columns].index("Won as written")
    assert [row.cells[at].text for row in table.rows] == ["100.0%", "75.0%", "not measured"]
    assert {len(row.cells) for row in table.rows} == {len(table.columns)}
