from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.models import STRATEGIES
from serpentune.training import (
    AdvancedTrainingConfig,
    ConfigurationTemplate,
    FullConfig,
    HyperparameterConfig,
    LoRAConfig,
    QLoRAConfig,
    TrainingConfigBuilder,
)

TEMPLATES = [
    ConfigurationTemplate.quick_lora,
    ConfigurationTemplate.production_lora,
    ConfigurationTemplate.memory_efficient_qlora,
    ConfigurationTemplate.full_finetune_small,
    ConfigurationTemplate.research_config,
]


def test_the_builder_makes_what_it_was_told() -> None:
    config = (
        TrainingConfigBuilder()
        .with_strategy("qlora")
        .with_model("microsoft/DialoGPT-medium", max_length=1024)
        .with_qlora(rank=32, alpha=64, dropout=0.1)
        .with_training(epochs=5, learning_rate=1e-4, batch_size=2)
        .with_output("output/advanced-training", "qlora_experiment_1")
        .build()
    )
    assert config.training_strategy == "qlora"
    assert (config.base_model_name, config.max_length) == ("microsoft/DialoGPT-medium", 1024)
    assert config.strategy == QLoRAConfig(rank=32, alpha=64, dropout=0.1)
    steps = config.hyperparameters
    assert (steps.num_epochs, steps.learning_rate, steps.batch_size) == (5, 1e-4, 2)
    assert (config.output_dir, config.experiment_name) == ("output/advanced-training", "qlora_experiment_1")


def test_a_builder_can_go_on_without_changing_what_it_built() -> None:
    builder = TrainingConfigBuilder().with_strategy("LoRA").with_lora(rank=4)
    first = builder.build()
    second = builder.with_strategy("full").with_training(epochs=9, warmup_steps=7).build()
    assert first.strategy == LoRAConfig(rank=4) and first.hyperparameters.num_epochs == 3
    assert second.strategy == FullConfig() and second.hyperparameters.warmup_steps == 7


def test_defaults_are_the_published_ones() -> None:
    config = AdvancedTrainingConfig()
    assert config.training_strategy == "lora" and config.base_model_name == "nano" and config.max_length == 512
    assert (config.lora.rank, config.lora.alpha, config.lora.dropout) == (16, 32, 0.1)
    assert (config.save_steps, config.eval_steps, config.logging_steps) == (500, 250, 50)
    steps = config.hyperparameters
    assert (steps.learning_rate, steps.batch_size, steps.gradient_accumulation_steps) == (2e-4, 4, 4)
    assert (steps.num_epochs, steps.warmup_steps) == (3, 100)


def test_the_kin_of_lora_take_its_settings() -> None:
    for name in ("lora", "dora", "rslora", "pissa"):
        strategy = AdvancedTrainingConfig(training_strategy=name, lora={"rank": 3}, qlora={"rank": 5}).strategy
        assert type(strategy) is STRATEGIES[name].settings and strategy.rank == 3


def test_settings_can_be_assigned_and_are_checked() -> None:
    config = AdvancedTrainingConfig()
    config.logging_steps = 1
    config.eval_steps = 10
    assert (config.logging_steps, config.eval_steps) == (1, 10)
    with pytest.raises(UserError, match="logging_steps = 0"):
        config.logging_steps = 0
    assert config.logging_steps == 1
    with pytest.raises(UserError, match="Did you mean 'logging_steps'"):
        config.loging_steps = 5  # type: ignore[attr-defined]
    config.bf16 = True
    with pytest.raises(UserError, match="fp16 and bf16 exclude each other"):
        config.fp16 = True
    assert not config.fp16


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"training_strategy": "qlorra"}, r"'qlorra'\. Did you mean qlora"),
        ({"save_step": 5}, "no setting 'save_step'. Did you mean 'save_steps'"),
        ({"hyperparameters": {"learning_rat": 1}}, "'hyperparameters.learning_rat'. Did you mean 'learning_rate'"),
        ({"hyperparameters": {"lr": 1}}, "'hyperparameters.lr'. Did you mean 'learning_rate'"),
        ({"learning_rate": 1}, "Did you mean 'hyperparameters.learning_rate'"),
        ({"hyperparameters": {"learning_rate": -1}}, "AdvancedTrainingConfig: hyperparameters.learning_rate = -1"),
        ({"hyperparameters": {"learning_rate": "fast"}}, 'learning_rate = "fast"'),
        ({"hyperparameters": {"batch_size": 0}}, "batch_size = 0"),
        ({"lora": {"rank": 0}}, "lora.rank = 0"),
        ({"lora": {"dropout": 1}}, "dropout = 1"),
        ({"qlora": {"quant_type": "int4"}}, "quant_type"),
        ({"max_length": 0}, "max_length = 0"),
        ({"seed": -1}, "seed = -1"),
        (
            {"training_strategy": "full", "fsdp": True, "auto_batch_size": True},
            "auto_batch_size tries batches on a model that lies on one device",
        ),
    ],
)
def test_mistakes_are_explained(values: dict[str, object], answer: str) -> None:
    with pytest.raises(UserError, match=answer):
        AdvancedTrainingConfig(**values)


def test_nan_is_no_learning_rate() -> None:
    with pytest.raises(UserError, match="learning_rate"):
        HyperparameterConfig(learning_rate=float("nan"))


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])
def test_saved_settings_come_back(template: object, suffix: str, tmp_path: Path) -> None:
    assert callable(template)
    config = template()
    path = config.save(tmp_path / f"config{suffix}")
    assert AdvancedTrainingConfig.load(path) == config


def test_templates_differ_where_their_names_say() -> None:
    assert ConfigurationTemplate.quick_lora().hyperparameters.num_epochs == 1
    small = ConfigurationTemplate.memory_efficient_qlora()
    assert small.training_strategy == "qlora" and small.gradient_checkpointing and small.hyperparameters.batch_size == 1
    assert ConfigurationTemplate.full_finetune_small().training_strategy == "full"
    assert ConfigurationTemplate.research_config().logging_steps == 1
    assert ConfigurationTemplate.production_lora().lora.rank > ConfigurationTemplate.quick_lora().lora.rank


def test_hand_written_yaml_may_name_a_few_settings(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("training_strategy: full\nhyperparameters:\n  learning_rate: 1e-3\n")  # YAML reads 1e-3 as text
    config = AdvancedTrainingConfig.load(path)
    assert config.strategy == FullConfig() and config.hyperparameters.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("a.yaml", "lora: [", "line 1: not valid YAML"),
        ("a.yaml", "- 1", "a mapping"),
        ("a.yaml", "1: 2", "is not a name"),
        ("a.json", '{"lora": }', "line 1: not valid JSON"),
        ("a.json", '{"seeed": 1}', r"a\.json: .*Did you mean 'seed'"),
        ("a.toml", "", "ends in .json, .yaml or .yml"),
    ],
)
def test_bad_files_are_named(name: str, text: str, answer: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=answer):
        AdvancedTrainingConfig.load(tmp_path / name)
    with pytest.raises(UserError, match="missing"):
        AdvancedTrainingConfig.load(tmp_path / f"missing{Path(name).suffix}")
