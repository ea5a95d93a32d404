"""The run from logs to report: what it leaves, what it keeps when it is stopped, and what it refuses."""

from __future__ import annotations

import json
import logging
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.datasets import load_splits
from serpentune.evaluation import EvaluationResult
from serpentune.logs import generate_runs
from serpentune.models import find_base, load_student
from serpentune.pipeline import MultiDatasetConfig, MultiDatasetPipeline, PipelineInterrupted, PipelineResults
from tests.pipeline.conftest import TEACHERS, tiny


def test_the_experiment_folder_holds_what_is_promised(finished: PipelineResults) -> None:
    folder = finished.experiment_dir
    assert folder == Path(finished.config.output_dir) / "tiny"
    wanted = {"config.json", "datasets", "models", "evaluation", "logs", "results_summary.json"}
    wanted |= {"report.html", "report.json", "report.md", "report-models.csv", "report-comparisons.csv"}
    assert {item.name for item in folder.iterdir()} == wanted
    assert finished.model_path == folder / "models" / "final_model"
    assert MultiDatasetConfig.load(folder / "config.json") == finished.config
    assert finished.execution_time > 0


def test_the_student_learnt_from_every_teacher_and_can_be_loaded(finished: PipelineResults) -> None:
    train = load_splits(finished.experiment_dir / "datasets")["train"]
    assert set(train["teacher"]) == set(TEACHERS)
    assert {name: about["records"]["train"] > 0 for name, about in finished.dataset_stats["teachers"].items()} == (
        dict.fromkeys(sorted(TEACHERS), True)
    )
    losses = [entry["loss"] for entry in finished.training_history if "loss" in entry]
    assert len(losses) == 16
    assert finished.evaluation_metrics["lora"]["perplexity"] < finished.evaluation_metrics["untuned"]["perplexity"]
    base = load_student(finished.model_path, merge=False).model.peft_config["default"].base_model_name_or_path
    assert base == "nano"


def test_the_student_and_the_untuned_base_played_the_same_games(finished: PipelineResults) -> None:
    results = {
        name: EvaluationResult.load(finished.experiment_dir / "evaluation" / name) for name in ("untuned", "lora")
    }
    for name, result in results.items():
        assert result.seeds == tuple(range(1_000_000, 1_000_008))
        assert {(game.record.width, game.record.height) for game in result.games} == {(4, 4)}
        assert result.language is not None
        assert finished.evaluation_metrics[name]["score_mean"] == result.scores.mean()
    assert finished.comparison.pairs == 8
    assert (finished.comparison.a, finished.comparison.b) == ("untuned", "lora")


def test_the_summary_and_the_report_say_what_was_measured(finished: PipelineResults) -> None:
    folder = finished.experiment_dir
    summary = json.loads((folder / "results_summary.json").read_text())
    assert summary == json.loads(json.dumps(finished.summary))
    assert summary["evaluation"] == finished.evaluation_metrics
    assert (folder / summary["model"]).is_dir()
    assert summary["training"]["steps"] == 16
    assert summary["comparison"]["verdict"] == finished.comparison.verdict
    assert list(summary["seconds"]) == ["collect", "prepare", "train", "evaluate", "report", "total"]
    page = finished.report_path.read_text()
    assert all(
        word in page
        for word in ("untuned", "lora", "HAMILTONIAN", "asks to play like BFS", "serpentune run --config config.json")
    )


def test_the_log_tells_the_run_step_by_step(finished: PipelineResults) -> None:
    lines = (finished.experiment_dir / "logs" / "run.log").read_text().splitlines()
    steps = [line.rsplit(" ", 1)[1] for line in lines if re.search(r"experiment: step \w+$", line)]
    assert steps == ["collect", "prepare", "train", "evaluate", "report"]
    assert any("step 16 of 16: loss" in line for line in lines)


def test_a_finished_experiment_is_gone_on_with_without_training_or_playing_again(
    finished: PipelineResults, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(finished.experiment_dir, moved)
    untouched = [*moved.glob("models/final_model/*"), moved / "evaluation" / "untuned" / "games.jsonl"]
    before = {path: (path.stat().st_mtime_ns, sha256(path)) for path in untouched}
    (moved / "evaluation" / "lora").rename(tmp_path / "lora")
    (moved / "report.html").unlink()
    again = MultiDatasetPipeline.from_experiment(moved, quiet=True).run_pipeline()
    assert again.report_path == moved / "report.html"
    assert again.training_history == finished.training_history
    assert {path: (path.stat().st_mtime_ns, sha256(path)) for path in untouched} == before
    for name in ("games", "score_mean", "endings", "agreement", "perplexity"):
        assert again.evaluation_metrics["lora"][name] == finished.evaluation_metrics["lora"][name]


class _CtrlC(logging.Handler):
    """Somebody who presses Ctrl-C when the log says something."""

    def __init__(self, words: str) -> None:
        super().__init__(logging.INFO)
        self._words = words

    def emit(self, record: logging.LogRecord) -> None:
        if self._words and self._words in record.getMessage():
            self._words = ""
            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["step 3 of 16: loss", "untuned: "])
def test_ctrl_c_loses_nothing(finished: PipelineResults, logs: Path, tmp_path: Path, moment: str) -> None:
    pipeline = MultiDatasetPipeline(tiny(logs, tmp_path), quiet=True)
    logger, finger = logging.getLogger("serpentune"), _CtrlC(moment)
    logger.addHandler(finger)
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        with pytest.raises(PipelineInterrupted) as stopped:
            pipeline.run_pipeline()
    finally:
        logger.removeHandler(finger)
        logger.setLevel(before)
    assert stopped.value.folder == tmp_path / "tiny"
    assert f"--resume {tmp_path / 'tiny'}" in str(stopped.value)
    result = MultiDatasetPipeline.from_experiment(stopped.value.folder, quiet=True).run_pipeline()
    losses = [[entry["loss"] for entry in run.training_history if "loss" in entry] for run in (finished, result)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    timed = json.loads((stopped.value.folder / "results_summary.json").read_text())["training"]["seconds"]
    assert (timed is None) == (moment != "untuned: "), "nobody timed the call that was stopped"
    assert result.evaluation_metrics["lora"]["games"] == 8


def test_an_experiment_is_neither_replaced_nor_changed_unasked(finished: PipelineResults, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(finished.experiment_dir, folder)
    config = finished.config.model_copy(update={"output_dir": str(tmp_path)})
    before = sha256(folder)
    with pytest.raises(UserError, match="holds an experiment already"):
        MultiDatasetPipeline(config, quiet=True).run_pipeline()
    with pytest.raises(UserError, match="batch_size was 16 and is now 8"):
        MultiDatasetPipeline(config.model_copy(update={"batch_size": 8}), resume=True, quiet=True).run_pipeline()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    other = config.model_copy(update={"experiment_name": "mine"})
    with pytest.raises(UserError, match="no experiment, so it isn't replaced"):
        MultiDatasetPipeline(other, overwrite=True, quiet=True).run_pipeline()
    with pytest.raises(UserError, match="would be replaced"):
        MultiDatasetPipeline(_learning_from(config, folder, finished), overwrite=True, quiet=True).run_pipeline()
    shutil.rmtree(folder / "inside")
    assert sha256(folder) == before
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def _learning_from(config: MultiDatasetConfig, folder: Path, finished: PipelineResults) -> MultiDatasetConfig:
    """Logs that lie in the folder which is to be overwritten."""
    generate_runs(["BFS"], 3, 4, 4, 0, folder / "inside")
    return config.model_copy(update={"heuristic_log_dirs": [str(folder / "inside")]})


def test_with_overwrite_the_experiment_is_made_anew(finished: PipelineResults, logs: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.experiment_dir, tmp_path / "tiny")
    config = tiny(logs, tmp_path, max_steps=1, evaluation_games=2, training_strategy="full")
    result = MultiDatasetPipeline(config, overwrite=True, quiet=True).run_pipeline()
    assert result.summary["training"]["steps"] == 1
    assert sorted(item.name for item in (tmp_path / "tiny" / "evaluation").iterdir() if item.is_dir()) == [
        "full",
        "untuned",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heuristic_log_dirs": ["nowhere"]}, "no log directory nowhere"),
        ({"heuristic_log_dirs": ["nowhere/*"]}, "matches nothing"),
        ({"dataset_types": ["BFS", "DFS"]}, "named 'DFS'"),
        ({"base_model_name": "nobody/nothing-1b"}, "neither built in nor on this disk"),
        ({"base_model_name": "nanoo"}, "Did you mean 'nano'"),
        ({"fp16": True}, "fp16 needs a CUDA GPU"),
        ({"chat": True}, "nano: its tokenizer has no chat template"),
        ({"evaluation_seed": 0}, "seeds that the student is trained on"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_training(logs: Path, tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    if "fp16" in wrong and _has_gpu():
        pytest.skip("this machine computes in fp16")
    with pytest.raises(UserError, match=re.escape(message)):
        MultiDatasetPipeline(tiny(logs, tmp_path / "output", **wrong), quiet=True).run_pipeline()
    assert not list(tmp_path.rglob("final_model"))
    if "evaluation_seed" not in wrong:  # known only after the data set was built, which is kept
        assert not list(tmp_path.rglob("*.json"))


@pytest.mark.slow
def test_student_and_untuned_base_of_the_chat_form_are_both_asked_in_it(logs: Path, tmp_path: Path) -> None:
    base = tmp_path / "instruct"
    shutil.copytree(find_base("nano").location, base)
    (base / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.role }}: {{ m.content }}<end>{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    config = tiny(logs, tmp_path / "output", base_model_name=str(base), chat=True, max_steps=2, evaluation_games=2)
    result = MultiDatasetPipeline(config, quiet=True).run_pipeline()
    assert load_student(result.model_path).chat
    for name in ("untuned", "lora"):
        manifest = json.loads((result.experiment_dir / "evaluation" / name / "manifest.json").read_text())
        assert manifest["chat"] is True


def test_several_processes_are_refused(logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"torchrun .* serpentune train"):
        MultiDatasetPipeline(tiny(logs, tmp_path / "output"), quiet=True).run_pipeline()
    assert not (tmp_path / "output").exists()


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dataset_types": ["BFT"]}, "Did you mean BFS"),
        ({"train_test_split": 0}, "train_test_split = 0"),
        ({"train_test_split": 1}, "train_test_split = 1"),
        ({"heuristic_log_dirs": []}, "heuristic_log_dirs"),
        ({"batch_sise": 4}, "Did you mean 'batch_size'"),
        ({"num_epochs": 0}, "num_epochs = 0"),
        ({"lora_dropout": 1.5}, "dropout = 1.5"),
        ({"training_strategy": "lorra"}, "Did you mean lora"),
        ({"styles": ["plam"]}, "Did you mean plan"),
        ({"experiment_name": "../up"}, "without slashes"),
        ({"grid_size": "2"}, "4 to 50"),
        ({"evaluation_teacher": "DFS"}, "learns from BFS, ASTAR, HAMILTONIAN only"),
        ({"fp16": True, "bf16": True}, "exclude each other"),
        ({"report_to": ["tensorbord"]}, "Did you mean tensorboard?"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        MultiDatasetConfig(**{"heuristic_log_dirs": ["logs/*"], **wrong})


def test_a_refused_assignment_leaves_the_configuration_as_it_was() -> None:
    config = MultiDatasetConfig(heuristic_log_dirs=["logs/*"])
    with pytest.raises(UserError, match="num_epochs = -1"):
        config.num_epochs = -1
    assert config.num_epochs == 3
    config.logging_steps = 1
    assert config.training_config().logging_steps == 1


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_configuration_is_saved_and_loaded(tmp_path: Path, suffix: str) -> None:
    config = MultiDatasetConfig(heuristic_log_dirs=[Path("a"), "b*"], dataset_types=["a*", "bfs"], grid_size=8)
    assert config.dataset_types == ["ASTAR", "BFS"]
    assert MultiDatasetConfig.load(config.save(tmp_path / f"config{suffix}")) == config


def test_the_learning_rate_suits_base_and_strategy() -> None:
    of = {
        (base, strategy): MultiDatasetConfig(
            heuristic_log_dirs=["a"], base_model_name=base, training_strategy=strategy
        ).peak_learning_rate
        for base in ("nano", "scratch-10m", "microsoft/DialoGPT-medium")
        for strategy in ("lora", "full")
    }
    assert of["microsoft/DialoGPT-medium", "lora"] == 2e-4
    assert of["nano", "lora"] > 10 * of["microsoft/DialoGPT-medium", "lora"]
    assert of["scratch-10m", "full"] == of["nano", "full"] > of["microsoft/DialoGPT-medium", "full"]
    assert of["microsoft/DialoGPT-medium", "full"] < of["microsoft/DialoGPT-medium", "lora"]
    assert (
        MultiDatasetConfig(heuristic_log_dirs=["a"], learning_rate=1e-3).training_config().hyperparameters.learning_rate
        == 1e-3
    )


@pytest.mark.slow
def test_logs_of_several_boards_need_a_word_on_which_to_play(logs: Path, tmp_path: Path) -> None:
    generate_runs(["BFS"], 6, 6, 6, 100, tmp_path / "logs")
    both = tiny(logs, tmp_path, heuristic_log_dirs=[str(logs), str(tmp_path / "logs")], max_steps=1, evaluation_games=2)
    with pytest.raises(UserError, match=r"4x4, 6x6.*--grid-size"):
        MultiDatasetPipeline(both, quiet=True).run_pipeline()
    both.grid_size = "6"
    result = MultiDatasetPipeline(both, resume=True, quiet=True).run_pipeline()
    played = EvaluationResult.load(result.experiment_dir / "evaluation" / "lora")
    assert played.games[0].record.width == 6


@pytest.mark.slow
def test_a_subclass_replaces_one_step(logs: Path, tmp_path: Path) -> None:
    class Gentle(MultiDatasetPipeline):
        def training_config(self) -> Any:
            config = super().training_config()
            config.hyperparameters.weight_decay = 0.1
            return config

    result = Gentle(tiny(logs, tmp_path, max_steps=1, evaluation_games=2), quiet=True).run_pipeline()
    told = json.loads((result.experiment_dir / "models" / "training.json").read_text())
    assert told["config"]["hyperparameters"]["weight_decay"] == 0.1
