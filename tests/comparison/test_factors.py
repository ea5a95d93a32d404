"""Main effects and interactions of an ablation, against their definitions written out."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import interactions, main_effects, read_ablation
from tests.comparison.players import careless, cycle, greedy, play, save

FACTORS = {"style": ["plan", "move", "explain"], "encoding": ["grid", "coordinates"], "rank": ["4", "16"]}
SEEDS, GAMES = 3, 5


def full() -> dict[str, dict[str, str]]:
    combinations = (dict(zip(FACTORS, levels, strict=True)) for levels in product(*FACTORS.values()))
    return {",".join(levels.values()): levels for levels in combinations}


def tables(names: object, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {str(name): rng.normal(size=(SEEDS, GAMES)) for name in names}  # type: ignore[attr-defined]


def test_main_effects_of_a_full_design_are_differences_of_marginal_means() -> None:
    variants = full()
    played = tables(variants)
    effects = main_effects(variants, "plan,grid,4", played)
    assert [effect.name for effect in effects] == ["style=move", "style=explain", "encoding=coordinates", "rank=16"]
    for effect in effects:
        ((factor,), (level,), (standard,)) = effect.factors, effect.levels, effect.baseline
        having = [played[name].mean(1) for name, levels in variants.items() if levels[factor] == level]
        lacking = [played[name].mean(1) for name, levels in variants.items() if levels[factor] == standard]
        assert effect.comparisons == len(having)
        assert effect.by_seed == pytest.approx(np.mean(having, 0) - np.mean(lacking, 0))
        assert effect.found.estimate == pytest.approx(np.mean(effect.by_seed))
        assert effect.found.interval is not None
        assert effect.found.interval.low < np.mean(effect.by_seed) < effect.found.interval.high


def test_interactions_are_differences_of_differences() -> None:
    variants = full()
    played = tables(variants)
    found = {effect.name: effect for effect in interactions(variants, "plan,grid,4", played)}
    assert len(found) == 2 * 1 + 2 * 1 + 1
    effect = found["style=explain, encoding=coordinates"]
    by_rank = [
        (played[f"explain,coordinates,{rank}"] - played[f"plan,coordinates,{rank}"]).mean(1)
        - (played[f"explain,grid,{rank}"] - played[f"plan,grid,{rank}"]).mean(1)
        for rank in ("4", "16")
    ]
    assert effect.comparisons == 2
    assert effect.by_seed == pytest.approx(np.mean(by_rank, 0))


def test_effects_stay_within_what_they_can_be() -> None:
    variants = {f"{a}{b}": {"a": a, "b": b} for a in "xy" for b in "xy"}
    rows = {"xx": (0, 0, 1), "xy": (1, 0, 0), "yx": (1, 0, 1), "yy": (0, 1, 1)}
    played = {name: np.repeat(np.array(wins, float)[:, None], GAMES, axis=1) for name, wins in rows.items()}
    for of, widest in ((main_effects, 1), (interactions, 2)):
        bounded, free = of(variants, "xx", played, bounds=(0, 1)), of(variants, "xx", played)
        ends = [(effect.found.interval.low, effect.found.interval.high) for effect in bounded if effect.found.interval]
        assert len(ends) == len(bounded)
        assert all(-widest <= low < high <= widest for low, high in ends)
        assert any(effect.found.interval and effect.found.interval.high > widest for effect in free)


def test_factors_that_add_up_don_t_interact() -> None:
    variants = full()
    worth = {"plan": 0.0, "move": -3.0, "explain": 1.0, "grid": 0.0, "coordinates": -2.0, "4": 0.0, "16": 0.5}
    played = {name: np.full((SEEDS, GAMES), sum(map(worth.get, levels.values()))) for name, levels in variants.items()}  # type: ignore[misc]
    estimates = [effect.found.estimate for effect in main_effects(variants, "plan,grid,4", played)]
    assert estimates == pytest.approx([-3, 1, -2, 0.5])
    assert all(effect.found.estimate == pytest.approx(0) for effect in interactions(variants, "plan,grid,4", played))


def test_one_factor_at_a_time_compares_each_variant_with_the_baseline_alone() -> None:
    standard = {factor: levels[0] for factor, levels in FACTORS.items()}
    variants = {
        "baseline": standard,
        "style=move": {**standard, "style": "move"},
        "rank=16": {**standard, "rank": "16"},
    }
    played = tables(variants)
    effects = main_effects(variants, "baseline", played)
    assert [(effect.name, effect.comparisons) for effect in effects] == [("style=move", 1), ("rank=16", 1)]
    for effect in effects:
        assert effect.found.estimate == pytest.approx(played[effect.name].mean() - played["baseline"].mean())
    assert interactions(variants, "baseline", played) == []


def test_a_level_that_no_variant_has_alone_is_refused_by_name(tmp_path: Path) -> None:
    variants = {"base": {"s": "lora", "e": "grid"}, "both": {"s": "full", "e": "coords"}}
    results = {name: [save(tmp_path / name, name, play(careless, range(5), 4))] for name in variants}
    with pytest.raises(UserError, match="effect of s=full against s=lora, e=coords against e=grid can't be read"):
        read_ablation(variants, "base", [0], results)
    variants["full"] = {"s": "full", "e": "grid"}  # beside base it differs in s alone, beside both in e alone
    found = main_effects(variants, "base", tables(variants))
    assert [(effect.name, effect.comparisons) for effect in found] == [("s=full", 1), ("e=coords", 1)]


def test_an_ablation_is_read_from_games_and_says_what_it_is_about(tmp_path: Path) -> None:
    games = list(range(20))
    played = {"baseline": (careless, greedy), "style=move": (greedy, cycle)}
    results = {
        name: [save(tmp_path / f"{name}{seed}", f"{name},seed={seed}", play(two[seed], games, 4)) for seed in (0, 1)]
        for name, two in played.items()
    }
    variants = {"baseline": {"style": "plan"}, "style=move": {"style": "move"}}
    reading = read_ablation(variants, "baseline", [0, 1], results)
    assert reading.games == 20
    for name, of in results.items():
        assert reading.means["score"][name] == pytest.approx(np.mean([result.scores for result in of]))
        assert reading.means["win"][name] == pytest.approx(np.mean([result.wins for result in of]))
    text = reading.to_markdown()
    assert "| style=move | style=plan | 1 | +" in text
    assert "of a method, over the training seeds 0, 1" in text
    alone = read_ablation(variants, "baseline", [0], {name: of[:1] for name, of in results.items()})
    assert "these checkpoints" in alone.to_markdown() and "| none |" in alone.to_markdown()
    with pytest.raises(UserError, match="baseline has 2 results for 1"):
        read_ablation(variants, "baseline", [0], results)
    other = save(tmp_path / "other", "other", play(greedy, games[1:], 4))
    with pytest.raises(UserError, match="didn't play the same games"):
        read_ablation(variants, "baseline", [0], {"baseline": [other], "style=move": results["style=move"][:1]})
