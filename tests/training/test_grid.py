"""A grid of settings becomes runs with names, or is refused before any of them begins."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.training import AdvancedTrainingConfig, cells


def test_every_combination_is_a_run_that_is_called_by_what_varies() -> None:
    found = cells(AdvancedTrainingConfig(max_length=64), {"lr": ["1e-4", 3e-4], "seed": [0, 1, 2]})
    assert [cell.name for cell in found] == [f"lr={lr},seed={seed}" for lr in ("0.0001", "0.0003") for seed in range(3)]
    assert found[4].config.hyperparameters.learning_rate == 3e-4
    assert (found[4].config.seed, found[4].config.max_length) == (1, 64)
    assert found[4].settings == {"lr": 3e-4, "seed": 1}


def test_a_setting_may_be_named_in_full_or_in_short() -> None:
    names = [
        [cell.name for cell in cells(AdvancedTrainingConfig(), {key: [0.25]})]
        for key in ("weight_decay", "hyperparameters.weight_decay")
    ]
    assert names == [["weight_decay=0.25"]] * 2
    assert cells(AdvancedTrainingConfig(), {"lora.rank": [4]})[0].config.lora.rank == 4


def test_a_value_can_bring_settings_with_it() -> None:
    found = cells(
        AdvancedTrainingConfig(), {"strategy": {"LoRA": {"lr": 5e-3}, "full": {"lr": 1e-3}, "qlora": None}, "seed": [0]}
    )
    assert [(cell.name, cell.config.hyperparameters.learning_rate) for cell in found] == [
        ("strategy=lora,seed=0", 5e-3),
        ("strategy=full,seed=0", 1e-3),
        ("strategy=qlora,seed=0", 2e-4),
    ]


def test_names_are_safe_on_every_system() -> None:
    grid: dict[str, Any] = {
        "base_model": ["../up/a model"],
        "lora.target_modules": [["q_proj", "v_proj"]],
        "bf16": [None],
    }
    assert cells(AdvancedTrainingConfig(), grid)[0].name == (
        "base_model=up-a-model,lora.target_modules=q_proj-v_proj,bf16=none"
    )


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"sed": [1]}, "Did you mean 'seed'?"),
        ({"output_dir": ["a"]}, "output_dir can't vary"),
        ({"rank": [4]}, "could be lora.rank or qlora.rank"),
        ({"lora": [{"rank": 4}]}, "lora can't vary"),
        ({"seed": []}, "seed has no values"),
        ({"seed": 3}, "a list of values is needed"),
        ({"lr": [1e-4, "0.0001"]}, "Two runs of the sweep would be called lr=0.0001"),
        (
            {"seed": [0, 1], "lr": [1e-3, 2]},
            "The run seed=0,lr=2 of the sweep: AdvancedTrainingConfig: hyperparameters.learning_rate = 2",
        ),
        ({"lr": [1e-3], "hyperparameters.learning_rate": [1e-4]}, "varies lr twice"),
        ({"strategy": {"lora": {"lr": 1e-3}}, "lr": [1e-4]}, "lr comes with strategy=lora"),
        ({"strategy": {"lora": 1e-3}}, "a mapping of settings is needed"),
        ({"seed": list(range(51)), "lr": [1e-3, 1e-4]}, "102 runs (51 of seed, 2 of lr), more than 100"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(grid: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        cells(AdvancedTrainingConfig(), grid)


def test_more_runs_can_be_allowed() -> None:
    assert len(cells(AdvancedTrainingConfig(), {"seed": range(101)}, max_runs=101)) == 101
