"""A report as JSON, CSV and Markdown: the same figures as on the page, and nothing that a machine can't read."""

from __future__ import annotations

import csv
import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import compare_all
from serpentune.evaluation import figures
from serpentune.evaluation.results import EvaluationResult
from serpentune.report import FORMATS, report_files, write_report

NAMES = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a | b\n# heading [x](javascript:alert(1)) `code`",
    "\u2028\u2029\x00\ud800",
    "\u202eright to left, and שלום",
    "'\"; DROP TABLE" + " long" * 60,
)
"""Names of models that break out of HTML, Markdown and CSV, or that no file can hold."""


def write(results: list[EvaluationResult], path: Path) -> dict[str, str]:
    """A report in every form, as text by the file's name."""
    comparisons = [report.to_json() for report in compare_all(results).values()] if len(results) > 1 else []
    files = write_report(results, path, title=results[0].name, comparisons=comparisons, formats=FORMATS)
    assert set(files) == set(path.parent.iterdir())
    return {file.name: file.read_text(encoding="utf-8") for file in files}


@pytest.fixture(scope="module")
def written(results: list[EvaluationResult], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write(results, tmp_path_factory.mktemp("all") / "report.html")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_every_form_has_the_same_figures(written: dict[str, str], results: list[EvaluationResult]) -> None:
    assert set(written) == {
        "report.html", "report.json", "report.md", "report-models.csv", "report-comparisons.csv",
    }  # fmt: skip
    told = json.loads(written["report.json"])
    assert [model["name"] for model in told["models"]] == [result.name for result in results]
    for model, row, result in zip(told["models"], rows(written["report-models.csv"]), results, strict=True):
        assert model["figures"] == json.loads(json.dumps(figures(result)))
        assert float(row["score_mean"]) == pytest.approx(result.scores.mean())
        assert [game["score"] for game in model["games"]] == result.scores.tolist()
        assert f"{result.scores.mean():.2f}" in written["report.md"]
    comparison = told["comparisons"][0]["rows"][0]
    row = rows(written["report-comparisons.csv"])[0]
    assert (row["metric"], row["b"], float(row["interval_low"])) == ("score", "greedy", comparison["interval"][0])
    assert told["agreement"]["names"] == [result.name for result in results]
    assert told["agreement"]["moves"][1][1] == 1


def test_the_same_results_make_the_same_bytes(
    written: dict[str, str], results: list[EvaluationResult], tmp_path: Path
) -> None:
    assert write(results, tmp_path / "report.html") == written


def test_whatever_limits_the_page_limits_the_text(written: dict[str, str], results: list[EvaluationResult]) -> None:
    page, text = written["report.html"], _plain(written["report.md"])
    outside = re.sub(r'<section id="replays".*?</section>', "", page, flags=re.DOTALL)
    said = re.findall(
        r'<p class="(?:caveat|lead)">(.*?)</p>|<h3>(?:Mean score|Difference: [^<]*|Win rate [^<]*)</h3><p>(.*?)</p>',
        outside,
    )
    caveats = [_plain(html.unescape(either or other)) for either, other in said]
    assert len(caveats) >= 6 and [caveat for caveat in caveats if caveat not in text] == []
    for part in ("Everything here is about these models as they are on these games.", "several training seeds"):
        assert part in text
    assert "Without a won game" in text and "Nearly all games of cycle have the same score" in text
    assert "mean scores by" in text and "- Game seeds: 1000 to 1039" in text


def test_a_text_without_comparisons_says_that_it_describes(results: list[EvaluationResult], tmp_path: Path) -> None:
    (path,) = write_report(results, tmp_path / "r.md", title="t")
    assert "cycle has the highest mean score, 35.00 apples a game. No comparison was made" in path.read_text()


def _plain(text: str) -> str:
    """Text without what only Markdown or only HTML needs."""
    return " ".join(html.unescape(re.sub(r"\\([^\w\s])", r"\1", text)).split())


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_are_nothing_but_text(results: list[EvaluationResult], tmp_path: Path, name: str) -> None:
    named = [replace(results[0], name=name, manifest={**results[0].manifest, "name": name}), results[1]]
    texts = write(named, tmp_path / "report.html")
    assert json.loads(texts["report.json"])["models"][0]["name"] == name
    assert texts["report.json"].isascii()
    assert len(rows(texts["report-models.csv"])) == 2
    for text in (texts["report.html"], texts["report.md"]):
        assert not re.search(r"<script>alert|<img |\u2028|\u202e|\x00", text)
    assert texts["report.html"].count("<script") == 3
    assert not re.search(r"^# heading|(?<!\\)\]\(javascript", texts["report.md"], re.MULTILINE)
    heads = [line for line in texts["report.md"].splitlines() if line.startswith("| Model ")]
    assert heads and all(
        len(re.findall(r"(?<!\\)\|", head)) == len(re.findall(r"(?<!\\)\|", line))
        for head in heads[:1]
        for line in texts["report.md"].splitlines()[texts["report.md"].splitlines().index(head) :][:4]
    )


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_text_is_a_formula_for_spreadsheets(results: list[EvaluationResult], tmp_path: Path, name: str) -> None:
    named = [replace(results[0], name=name), results[1]]
    texts = write(named, tmp_path / "report.html")
    assert rows(texts["report-models.csv"])[0]["name"] == f"'{name}"
    row = rows(texts["report-comparisons.csv"])[0]
    assert row["a"] == f"'{name}" and row["sentence"][0] not in "=+-@"
    assert float(row["difference"]) == json.loads(texts["report.json"])["comparisons"][0]["rows"][0]["difference"]


def test_figures_that_are_no_numbers_are_null(results: list[EvaluationResult], tmp_path: Path) -> None:
    broken = replace(results[1], language={"perplexity": float("nan")}, performance={"ms_per_move": float("inf")})
    texts = write([broken], tmp_path / "report.html")
    (model,) = json.loads(texts["report.json"], parse_constant=pytest.fail)["models"]
    assert model["language"]["perplexity"] is None and model["figures"]["ms_per_move"] is None
    assert rows(texts["report-models.csv"])[0]["perplexity"] == ""
    for text in texts.values():
        assert not re.search(r"\b(nan|NaN|inf|Infinity|None|undefined)\b(?!\":)", text.split("<style>")[0])


@pytest.mark.parametrize(
    ("path", "formats", "files"),
    [
        ("r.html", None, ["r.html"]),
        ("r.json", None, ["r.json"]),
        ("r.htm", ["html", "md"], ["r.htm", "r.md"]),
        ("v1.5.html", ["json", "html"], ["v1.5.json", "v1.5.html"]),
        ("r.HTML", None, ["r.HTML"]),
        ("r.csv", ["html", "csv"], ["r.html", "r-models.csv", "r-comparisons.csv"]),
    ],
)
def test_files_lie_beside_one_another(path: str, formats: Any, files: list[str]) -> None:
    found = report_files(Path("out") / path, formats)
    assert [file for each in found.values() for file in each] == [Path("out") / file for file in files]


@pytest.mark.parametrize("path", ["r.pdf", "r", "v1.5"])
@pytest.mark.parametrize("formats", [None, ["json"]])
def test_a_suffix_of_no_form_is_refused(
    results: list[EvaluationResult], tmp_path: Path, path: str, formats: Any
) -> None:
    with pytest.raises(UserError, match=rf"{path}: a report's suffix.*\.html, \.htm, \.json, \.csv, \.md"):
        write_report(results, tmp_path / path, title="t", formats=formats)
    assert not list(tmp_path.iterdir())


def test_an_unknown_form_is_refused_before_anything_is_written(results: list[EvaluationResult], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"jsn.*json"):
        write_report(results, tmp_path / "r.html", title="t", formats=["html", "jsn"])
    assert not list(tmp_path.iterdir())


def test_every_key_of_the_document_is_described(written: dict[str, str]) -> None:
    described = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    told = json.loads(written["report.json"])
    keys = {*told, *told["models"][0], *told["models"][0]["games"][0], *told["agreement"]}
    assert {key for key in keys if f"`{key}`" not in described} == set()
