"""Methods head to head: students of several training seeds stand for what trained them, and nothing is blurred."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import ComparisonReport, MetricComparison, ModelComparator, by_method, compare_all
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import seed_level_difference
from tests.comparison.players import Player, careless, cycle, greedy, play, save

SEEDS = range(2000, 2040)


def _row(report: ComparisonReport, metric: str) -> MetricComparison:
    return next(row for row in report.rows if row.metric == metric)


def _student(folder: Path, method: str, seed: int, player: Player, **training: Any) -> EvaluationResult:
    """A student whose play has luck of its own, as a training seed gives it."""
    settings = {"training_strategy": method, "learning_rate": 1e-3, "seed": seed, **training}
    name = f"strategy={method},seed={seed}"
    games = play(player, SEEDS, 5, own_seed=seed)
    return save(folder / name, name, games, training=settings, model_sha256=f"{method}{seed}{training}")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[EvaluationResult]]:
    """Five students of each of two methods, and a model that was never trained here."""
    folder = tmp_path_factory.mktemp("swept")
    return {
        "lora": [_student(folder, "lora", seed, careless) for seed in range(5)],
        "full": [_student(folder, "full", seed, greedy) for seed in range(5)],
        "untuned": [save(folder / "untuned", "untuned", play(careless, SEEDS, 5, own_seed=99))],
    }


def test_methods_are_compared_over_their_training_seeds(swept: dict[str, list[EvaluationResult]]) -> None:
    reports = compare_all([*swept["lora"], *swept["full"]], by="method", metrics=["score", "steps"])
    assert list(reports) == ["strategy=lora_vs_strategy=full"]
    report = reports["strategy=lora_vs_strategy=full"]
    a, b = (np.stack([student.scores for student in swept[name]]) for name in ("lora", "full"))
    expected = seed_level_difference(a, b)
    row = _row(report, "score")
    assert (row.difference, row.interval, row.p_value) == (expected.estimate, expected.interval, expected.p_value)
    assert (row.mean_a, row.mean_b) == (pytest.approx(a.mean()), pytest.approx(b.mean()))
    assert (row.verdict, row.n) == ("better", 40)
    assert (report.about, report.seeds_a, report.seeds_b) == ("methods", (0, 1, 2, 3, 4), (0, 1, 2, 3, 4))
    assert "5 training seeds of each, 40 paired games of each student" in report.verdict
    assert "This is about the methods: the training seed is the unit" in report.verdict
    assert "checkpoint" not in report.verdict
    assert _row(report, "steps").verdict == "descriptive"
    json.dumps(report.to_json(), allow_nan=False)


def test_checkpoints_of_a_method_say_that_they_are_some_of_several(swept: dict[str, list[EvaluationResult]]) -> None:
    report = compare_all([*swept["lora"][:2], *swept["full"][:1]])["strategy=lora,seed=0_vs_strategy=full,seed=0"]
    assert report.about == "checkpoints"
    assert "no claim about the methods" in report.verdict
    told = [note for note in report.notes if "--by method" in note]
    assert len(told) == 1
    assert told[0].startswith("strategy=lora,seed=0 is one of 2 students")
    once = swept["lora"][0]
    (same,) = compare_all([once, replace(once, name="asked otherwise")]).values()
    assert not any("--by method" in note for note in same.notes)


def test_what_was_never_trained_is_a_checkpoint_that_methods_are_measured_against(
    swept: dict[str, list[EvaluationResult]],
) -> None:
    reports = compare_all([*swept["full"], *swept["lora"], *swept["untuned"]], by="method", metrics=["score"])
    assert list(reports) == ["untuned_vs_strategy=full", "untuned_vs_strategy=lora"]
    report = reports["untuned_vs_strategy=full"]
    assert "about the method strategy=full" in report.verdict
    assert "against untuned as it is" in report.verdict
    assert (report.seeds_a, len(report.seeds_b)) == ((), 5)
    row = _row(report, "score")
    assert "5 training seeds of strategy=full, 40 paired games of each student" in row.sentence
    differences = np.stack([student.scores for student in swept["full"]]) - swept["untuned"][0].scores
    assert row.difference == pytest.approx(differences.mean())
    assert row.verdict == "better"
    assert row.interval is not None
    assert row.interval.low > 0
    assert row.p_value is not None
    assert row.p_value < 0.05
    # The interval and the test are one: against equals the one holds 0 and the other shows nothing.
    equal = _row(reports["untuned_vs_strategy=lora"], "score")
    assert equal.interval is not None
    assert equal.interval.low < 0 < equal.interval.high
    assert (equal.verdict, (equal.p_value or 0) > 0.05) == ("no difference shown", True)


def test_an_improved_student_is_no_other_seed_of_what_it_was_and_is_compared_with_it(
    swept: dict[str, list[EvaluationResult]],
) -> None:
    improved = []
    for student in swept["full"]:
        training = {**student.manifest["training"], "improved": {"rounds": 2}}
        manifest = {**student.manifest, "training": training, "model_sha256": f"{student.name}, on and on"}
        improved.append(replace(student, name=f"{student.name}-improved", manifest=manifest))
    results = [*swept["untuned"], *swept["full"], *improved]
    origins = {f"{student.name}-improved": student.name for student in swept["full"]}
    assert [method.name for method in by_method(results)] == ["strategy=full", "strategy=full-improved"]
    reports = compare_all(results, by="method", metrics=["score"], origins=origins)
    assert list(reports) == [
        "untuned_vs_strategy=full",
        "untuned_vs_strategy=full-improved",
        "strategy=full_vs_strategy=full-improved",
    ]
    single = compare_all([results[1], results[6]], metrics=["score"], origins=origins)
    assert list(single) == ["strategy=full,seed=0_vs_strategy=full,seed=0-improved"]  # the baseline is the origin
    alone = replace(improved[0], name="seed=0-improved")
    assert by_method([alone])[0].name == "full-improved"


def test_a_margin_at_the_level_of_methods(swept: dict[str, list[EvaluationResult]]) -> None:
    both = [*swept["lora"], *swept["full"]]
    report = compare_all(both, by="method", metrics=["score"], margins={"score": 20})["strategy=lora_vs_strategy=full"]
    row = _row(report, "score")
    assert row.interval is not None
    assert row.verdict == "better, within the margin"
    assert row.p_same is not None
    assert row.p_same < 0.05
    # At the margin where the interval just reaches it, the p-value is just that of the interval.
    report = compare_all(both, by="method", metrics=["score"], margins={"score": row.interval.high})[
        "strategy=lora_vs_strategy=full"
    ]
    assert _row(report, "score").p_same == pytest.approx(0.05, abs=1e-6)


def test_one_seed_beside_five_is_refused(swept: dict[str, list[EvaluationResult]], tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"strategy=lora is a method with 5 training seeds, strategy=full is one student"
    ):
        compare_all([*swept["lora"], swept["full"][0]], by="method")
    with pytest.raises(UserError, match="None of these results is of a method with several training seeds"):
        compare_all([swept["lora"][0], swept["full"][0]], by="method")
    comparator = ModelComparator(tmp_path / "out")
    with pytest.raises(UserError, match="Full is one student of one seed, and one run says nothing about its method"):
        comparator.compare_training_strategies(lora_results=swept["lora"], full_results=swept["full"][0])
    with pytest.raises(UserError, match=r"no level named 'methods'\. Did you mean method"):
        compare_all(swept["lora"], by="methods")
    assert not (tmp_path / "out").exists()


def test_students_that_are_no_seeds_of_one_method_are_refused(
    swept: dict[str, list[EvaluationResult]], tmp_path: Path
) -> None:
    comparator = ModelComparator(tmp_path / "out")
    other = _student(tmp_path, "lora", 7, careless, learning_rate=5e-4)
    with pytest.raises(UserError, match="trained with different learning_rate, so they are no seeds of one method"):
        comparator.run_ablation_study({"base": [*swept["lora"], other], "full": swept["full"]})
    with pytest.raises(UserError, match=r"one and the same model by their files' hashes"):
        twice = [*swept["lora"], replace(swept["lora"][0], name="again")]
        comparator.run_ablation_study({"base": twice, "full": swept["full"]})
    same_seed = _student(tmp_path / "more", "lora", 0, careless, note=1)
    same_seed = replace(same_seed, manifest={**swept["lora"][0].manifest, "model_sha256": "other"}, name="other")
    with pytest.raises(UserError, match="trained with the same seed"):
        comparator.run_ablation_study({"base": [*swept["lora"], same_seed], "full": swept["full"]})
    with pytest.raises(UserError, match="base has no results"):
        comparator.run_ablation_study({"base": [], "full": swept["full"]})
    with pytest.raises(UserError, match=r"steps_to_win is of games that two checkpoints both won"):
        compare_all([*swept["lora"], *swept["full"]], by="method", metrics=["steps_to_win"])


def test_what_is_known_of_a_method_is_checked_though_one_student_is_not_known(
    swept: dict[str, list[EvaluationResult]], tmp_path: Path
) -> None:
    comparator = ModelComparator(tmp_path / "out")
    first = swept["lora"][0]
    untold = replace(swept["untuned"][0], name="untold")
    other = _student(tmp_path, "lora", 7, careless, learning_rate=5e-4)
    with pytest.raises(UserError, match="trained with different learning_rate, so they are no seeds of one method"):
        comparator.run_ablation_study({"base": [first, other, untold], "full": swept["full"]})
    same_seed = replace(first, manifest={**first.manifest, "model_sha256": "other"}, name="other")
    with pytest.raises(UserError, match="trained with the same seed"):
        comparator.run_ablation_study({"base": [untold, first, same_seed], "full": swept["full"]})
    given = {"base": [*swept["lora"], untold], "full": swept["full"]}
    report = comparator.run_ablation_study(given, metrics=["score"])["base_vs_full"]
    assert report.seeds_a == (0, 1, 2, 3, 4, None)
    (note,) = (note for note in report.notes if "as they were given" in note)
    assert "the manifest of untold doesn't say how it was trained or with which seed" in note
    document = json.loads((tmp_path / "out" / "base_vs_full.json").read_text())
    assert (document["about"], document["methods"], document["seeds_a"][-1]) == ("methods", ["base", "full"], None)


def test_methods_of_unknown_seeds_are_methods_all_the_same(
    swept: dict[str, list[EvaluationResult]], tmp_path: Path
) -> None:
    comparator = ModelComparator(tmp_path / "out")
    untold = {
        name: [replace(each, manifest={**each.manifest, "training": None}) for each in swept[name]]
        for name in ("lora", "full")
    }
    both = comparator.run_ablation_study(untold, metrics=["score"])["lora_vs_full"]
    assert (both.about, both.seeds_a) == ("methods", (None,) * 5)
    assert both.scope.startswith("This is about the methods: the training seed is the unit")
    given = {"untuned": swept["untuned"], "full": untold["full"]}
    report = comparator.run_ablation_study(given, metrics=["score"])["untuned_vs_full"]
    assert "the method full, of which the training seed is the unit, against untuned as it is" in report.scope


def test_an_ablation_study_measures_every_variant_against_the_baseline(
    swept: dict[str, list[EvaluationResult]], tmp_path: Path
) -> None:
    comparator = ModelComparator(tmp_path / "out", seed=3)
    single = comparator.run_ablation_study(
        {"plan": swept["lora"][0], "move": swept["lora"][1], "explain": swept["full"][0]}, baseline="move"
    )
    assert list(single) == ["move_vs_plan", "move_vs_explain"]
    assert all((report.tests, report.about) == (4, "checkpoints") for report in single.values())
    assert (tmp_path / "out" / "move_vs_explain.md").exists()
    several = comparator.run_ablation_study({"plan": swept["lora"], "explain": swept["full"]})
    assert several["plan_vs_explain"].about == "methods"
    assert several["plan_vs_explain"].verdict.startswith("explain eats ")
    with pytest.raises(UserError, match=r"no model named 'paln'\. Did you mean plan"):
        comparator.run_ablation_study({"plan": swept["lora"], "explain": swept["full"]}, baseline="paln")
    with pytest.raises(UserError, match="a baseline and at least one variant"):
        comparator.run_ablation_study({"plan": swept["lora"]})


def test_strategies_of_several_seeds_are_compared_as_strategies(
    swept: dict[str, list[EvaluationResult]], tmp_path: Path
) -> None:
    reports = ModelComparator(tmp_path / "out").compare_training_strategies(
        lora_results=swept["lora"], full_results=swept["full"]
    )
    report = reports["LoRA_vs_Full"]
    assert report.about == "methods"
    assert report.verdict.startswith("Full eats ")


def test_students_alike_in_everything_give_a_reason_instead_of_a_star(
    swept: dict[str, list[EvaluationResult]], tmp_path: Path
) -> None:
    """Students of one method whose means are equal hide how much seeds differ, so nothing is tested."""
    games = play(careless, SEEDS, 5)
    pairs = {
        name: [
            save(tmp_path / f"{name}{seed}", f"{name}{seed}", played, training={"seed": seed, "rank": name})
            for seed in (0, 1, 2)
        ]
        for name, played in (("a", games), ("b", play(greedy, SEEDS, 5)))
    }
    report = compare_all([*pairs["a"], *pairs["b"]], by="method", metrics=["score"])
    row = next(iter(report.values())).rows[0]
    assert (row.verdict, row.p_value, row.interval) == ("can't be tested", None, None)
    assert row.sentence.startswith("Whether b0 differs from a0 in apples a game can't be tested (")
    assert "the same mean" in row.sentence


def test_every_missing_test_has_its_own_reason(swept: dict[str, list[EvaluationResult]]) -> None:
    one_game = [replace(each, games=each.games[:1]) for each in (*swept["lora"], *swept["full"])]
    row = next(iter(compare_all(one_game, by="method", metrics=["score"]).values())).rows[0]
    assert (row.verdict, row.p_value) == ("can't be tested", None)
    assert "there is one game only" in row.sentence
    two_seeds = [*swept["lora"][:2], *swept["full"]]
    row = next(iter(compare_all(two_seeds, by="method", metrics=["score"]).values())).rows[0]
    assert row.verdict == "not enough training seeds"
    assert row.sentence.startswith("Too few training seeds to tell ")


def test_methods_whose_students_share_names_are_all_compared(swept: dict[str, list[EvaluationResult]]) -> None:
    """Sweeps name students by what they vary, so those of two sweeps may be named alike."""
    given = list(swept["lora"])
    for rate in (2e-3, 3e-3):
        for each in swept["lora"]:
            training = {**each.manifest["training"], "learning_rate": rate}
            given.append(replace(each, manifest={**each.manifest, "training": training, "model_sha256": None}))
    reports = compare_all(given, by="method", metrics=["score"], all_pairs=True)
    like = "strategy=lora (strategy=lora,seed=0 and its like"
    assert list(reports) == [
        f"strategy=lora_vs_{like})",
        f"strategy=lora_vs_{like}, 2)",
        f"{like})_vs_{like}, 2)",
    ]
    assert all(report.tests == 3 for report in reports.values())
    with pytest.raises(UserError, match="Two results are named 'untuned'"):
        compare_all([*swept["lora"], *swept["untuned"], *swept["untuned"]], by="method")


def test_no_comparison_replaces_another_of_its_name(swept: dict[str, list[EvaluationResult]]) -> None:
    names = ("a", "b_vs_c", "a_vs_b", "c")
    given = [replace(each, name=name) for each, name in zip(swept["lora"], names, strict=False)]
    with pytest.raises(UserError, match="Two comparisons would be named 'a_vs_b_vs_c'"):
        compare_all(given, all_pairs=True, metrics=["score"])


def test_no_interval_of_methods_goes_beyond_what_can_be(tmp_path: Path) -> None:
    """Of three students that differ a lot, t-intervals reach far beyond a share of 1 or a full board."""
    won, lost = play(cycle, range(40), 4), play(careless, range(40), 4)
    students = [
        save(
            tmp_path / f"{name}{seed}",
            f"{name}{seed}",
            won[:wins] + lost[wins:],
            training={"seed": seed, "rank": name},
        )
        for name, of_seed in (("good", (40, 20, 1)), ("bad", (0, 4, 8)))
        for seed, wins in enumerate(of_seed)
    ]
    fixed = save(tmp_path / "fixed", "fixed", lost)
    for given in (students, [fixed, *students[:3]]):
        (report,) = compare_all(given, by="method", metrics=["win", "score", "accuracy"], margins={"win": 0.9}).values()
        for metric, widest in (("win", 1.0), ("score", 15.0), ("accuracy", 1.0)):
            interval = _row(report, metric).interval
            assert interval is not None
            assert -widest <= interval.low < interval.high <= widest
        share = _row(report, "win").interval
        assert share is not None
        assert max(-share.low, share.high) == 1
