"""The import paths and commands of the user's description, as printed there."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.logs import generate_runs
from tests.models.tiny import save_gpt2

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "extensions.heuristics_llm_fine_tuning_integration_v0_02"

ADVANCED = """
from extensions.heuristics_llm_fine_tuning_integration_v0_02 import (
    MultiDatasetConfig, MultiDatasetPipeline,
    ConfigurationTemplate, TrainingConfigBuilder
)

# Create advanced configuration
config = (TrainingConfigBuilder()
    .with_strategy("qlora")
    .with_model("microsoft/DialoGPT-medium", max_length=1024)
    .with_qlora(rank=32, alpha=64, dropout=0.1)
    .with_training(epochs=5, learning_rate=1e-4, batch_size=2)
    .with_output("output/advanced-training", "qlora_experiment_1")
    .build())

# Setup pipeline
pipeline_config = MultiDatasetConfig(
    heuristic_log_dirs=[
        "logs/extensions/heuristics-bfs_*",
        "logs/extensions/heuristics-astar_*", 
        "logs/extensions/heuristics-hamiltonian_*"
    ],
    dataset_types=["BFS", "ASTAR", "HAMILTONIAN"],
    max_samples_per_algorithm=15000,
    training_strategy="qlora",
    base_model_name="microsoft/DialoGPT-medium"
)

# Run training
pipeline = MultiDatasetPipeline(pipeline_config)
results = pipeline.run_pipeline()

print(f"Training completed! Model saved to: {results.model_path}")
"""  # noqa: W291 - as printed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place with games of the three teachers, where a reader would type the description's examples."""
    generate_runs(
        ["BFS", "ASTAR", "HAMILTONIAN"], 4, 4, 4, 0, tmp_path / "logs/extensions", timestamp="20250101_120000"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=cwd, env=env)


@pytest.mark.slow
def test_the_advanced_configuration_example_runs_as_printed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A folder of the hub id's name stands in for the hub: the same architecture, but small enough for a test.
    save_gpt2(here / "microsoft/DialoGPT-medium")
    names: dict[str, object] = {}
    exec(ADVANCED, names)
    results, config = names["results"], names["config"]
    assert config.qlora.rank == 32  # type: ignore[attr-defined]
    assert (results.model_path / "adapter_model.safetensors").is_file()  # type: ignore[attr-defined]
    assert f"Training completed! Model saved to: {results.model_path}" in capsys.readouterr().out  # type: ignore[attr-defined]
    assert results.evaluation_metrics["qlora"]["games"] == 200  # type: ignore[attr-defined]


def test_the_example_says_what_to_do_where_the_hub_can_t_be_reached(here: Path) -> None:
    with pytest.raises(UserError, match=r"DialoGPT-medium.*built-in model \(nano"):
        exec(ADVANCED, {})
    assert not (here / "output").exists()


def test_bad_input_of_the_command_ends_with_2_and_one_message(here: Path) -> None:
    done = _run("-m", f"{PACKAGE}.pipeline", "--heuristic-dirs", "logs/extension", "--algorithms", "BFS", cwd=here)
    assert done.returncode == 2
    assert "Did you mean logs/extensions" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("pipeline", "run"),
        pytest.param("training_config", "train", marks=pytest.mark.slow),
        pytest.param("evaluation", "evaluate", marks=pytest.mark.slow),
        pytest.param("comparison", "compare", marks=pytest.mark.slow),
    ],
)
def test_every_module_is_a_command(tmp_path: Path, module: str, command: str) -> None:
    done = _run("-W", "error", "-m", f"{PACKAGE}.{module}", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: serpentune {command} ")


def test_each_name_is_the_library_s_own_class() -> None:
    package = import_module(PACKAGE)
    for name in package.__all__:
        assert getattr(package, name).__module__.startswith("serpentune."), name
        assert name in dir(package)
    from serpentune.pipeline import MultiDatasetPipeline

    assert package.MultiDatasetPipeline is MultiDatasetPipeline
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = package.Nonsense


def test_importing_the_package_imports_nothing_that_is_slow(tmp_path: Path) -> None:
    code = f"""
        import sys
        import {PACKAGE} as package
        print([name for name in ("torch", "transformers", "serpentune") if name in sys.modules])
        package.MultiDatasetConfig
        print([name for name in ("torch", "transformers") if name in sys.modules])
    """
    done = _run("-c", textwrap.dedent(code), cwd=tmp_path)
    assert done.stdout.split("\n") == ["[]", "[]", ""], done.stderr


def test_templates_and_builder_are_reached_by_their_printed_names() -> None:
    package = import_module(PACKAGE)
    template = package.ConfigurationTemplate
    strategies = [
        template.quick_lora().training_strategy,
        template.production_lora().training_strategy,
        template.memory_efficient_qlora().training_strategy,
        template.research_config().training_strategy,
    ]
    assert strategies == ["lora", "lora", "qlora", "lora"]
