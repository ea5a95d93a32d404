"""Floor 11, pipeline: every setting of a run from logs to report, checked before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from serpentune import teachers
from serpentune.common.settings import Settings
from serpentune.datasets import Recipe, get_encoding, get_style
from serpentune.evaluation.settings import FIRST_HELD_OUT
from serpentune.game import parse_board
from serpentune.models import SCRATCH, SHIPPED, LoRAConfig, QLoRAConfig
from serpentune.pipeline._base import NANO_LEARNING_RATES, FolderName
from serpentune.pipeline.recipe import EvaluationRecipe, ExperimentRecipe
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig
from serpentune.training.config import Strategy

LEARNING_RATES = {"lora": 2e-4, "dora": 2e-4, "rslora": 5e-5, "pissa": 2e-5, "qlora": 2e-4, "full": 5e-5}
"""What is usual for pre-trained language models (the papers of LoRA, DoRA, PiSSA and QLoRA; fine-tuning of all
weights). At rank 16 rsLoRA's scale is four times LoRA's, so it gets a quarter of LoRA's rate."""


class MultiDatasetConfig(Settings):
    """From the logs of several heuristics to a student that has played, in one configuration.

    What concerns training is checked by `serpentune.training`'s own classes, which `training_config` fills in.

    Attributes:
        heuristic_log_dirs: run folders, folders of run folders, and globs.
        dataset_types: the teachers to learn from; case doesn't matter.
        max_samples_per_algorithm: records of each teacher at most; all contribute equally many.
        train_test_split: share of the games to train on; validation and test get half of the rest each.
        styles: completion styles, `plan` (the moves to the next apple) or `move`; the first one is asked for in games.
        encoding: how a board is written.
        base_model_name: a built-in one (`nano`, `nano-6x6`, `nano-10x10`, `smollm2-135m`, `scratch-10m`), a folder, a
            GGUF file, or a hub id.
        max_length: tokens of prompt and completion together; longer samples are left out and counted.
        chat: train and ask through the chat template of an instruct model's tokenizer, the untuned base too.
        trust_remote_code: run code that the base model brings, which may do anything.
        training_strategy: `lora`, `dora`, `rslora`, `pissa`, `qlora` or `full`.
        num_epochs: passes over the training data.
        max_steps: optimiser steps after which training stops all the same; None leaves it to `num_epochs`.
        learning_rate: the peak; None takes what suits base model and strategy: `LEARNING_RATES`, and for `nano`,
            which is tiny and takes far larger steps, those that the demo found, which bases from scratch take too.
        batch_size: samples that one device works on at once.
        gradient_accumulation_steps: batches whose gradients are added up before the weights move.
        warmup_steps: optimiser steps over which the learning rate rises from 0; capped at a tenth of the run.
        lora_r: rank of every strategy with an adapter.
        lora_alpha: scale of every strategy with an adapter.
        lora_dropout: dropout of every strategy with an adapter.
        gradient_checkpointing: compute activations again instead of keeping them: less memory, slower.
        auto_batch_size: find the largest batch that fits; an optimiser step sees as many samples as without.
        fp16: mixed precision for CUDA GPUs older than bf16.
        bf16: mixed precision; None means where a GPU computes in it natively.
        torch_compile: compile the model's layers; None means on a CUDA GPU.
        dataloader_num_workers: processes that prepare batches; 0 does it in the training process.
        output_dir: folder of experiments.
        experiment_name: this experiment's folder in it; None makes one up, `<strategy>_<YYYYMMDD_HHMMSS>`.
        save_steps: optimiser steps between two checkpoints.
        eval_steps: optimiser steps between two looks at the validation data.
        logging_steps: optimiser steps between two entries of the history.
        report_to: trackers that get the history as it grows: `tensorboard`, `wandb`, `trackio`, `mlflow`.
        seed: of the split, the sample, and the training.
        evaluation_games: games that the student and the untuned base play.
        evaluation_seed: seed of the first of these games; the others follow. No teacher should have played them.
        evaluation_teacher: whom the prompt asks to play like; None takes the first of `dataset_types`.
        evaluation_records: records of the test split, at most, on which perplexity, BLEU and ROUGE-L are measured.
        grid_size: board of the evaluation, `"10"` or `"12x8"`; None takes that of the logs.
    """

    synonyms: ClassVar[Mapping[str, str]] = {
        "algorithms": "dataset_types",
        "base_model": "base_model_name",
        "epochs": "num_epochs",
        "lr": "learning_rate",
        "strategy": "training_strategy",
    }

    heuristic_log_dirs: list[str] = Field(min_length=1)
    dataset_types: list[str] = Field(default_factory=lambda: ["BFS", "ASTAR", "HAMILTONIAN"], min_length=1)
    max_samples_per_algorithm: int = Field(10_000, ge=1)
    train_test_split: float = Field(0.8, gt=0, lt=1)
    styles: list[str] = Field(default_factory=lambda: ["plan"], min_length=1)
    encoding: str = "grid"
    base_model_name: str = "nano"
    max_length: int = 512
    chat: bool = False
    trust_remote_code: bool = False
    training_strategy: Strategy = "lora"
    num_epochs: float = 3
    max_steps: int | None = None
    learning_rate: float | None = None
    batch_size: int = 4
    gradient_accumulation_steps: int = 4
    warmup_steps: int = 100
    lora_r: int = 16
    lora_alpha: float = 32
    lora_dropout: float = 0.1
    gradient_checkpointing: bool = False
    auto_batch_size: bool = False
    fp16: bool = False
    bf16: bool | None = None
    torch_compile: bool | None = None
    dataloader_num_workers: int = 0
    output_dir: str = "output"
    experiment_name: FolderName | None = None
    save_steps: int = 500
    eval_steps: int = 250
    logging_steps: int = 50
    report_to: list[str] = Field(default_factory=list)
    seed: int = 0
    evaluation_games: int = Field(200, ge=1)
    evaluation_seed: int = Field(FIRST_HELD_OUT, ge=0, lt=2**62)
    evaluation_teacher: str | None = None
    evaluation_records: int = Field(500, ge=0)
    grid_size: str | None = None

    @field_validator("training_strategy", mode="before")
    @classmethod
    def _strategy_of_training(cls, value: Any) -> Any:
        return AdvancedTrainingConfig(training_strategy=value).training_strategy

    @field_validator("heuristic_log_dirs", mode="before")
    @classmethod
    def _paths_as_text(cls, value: Any) -> Any:
        if isinstance(value, str | Path):
            return [str(value)]
        return (
            [str(item) if isinstance(item, Path) else item for item in value]
            if isinstance(value, list | tuple)
            else value
        )

    @field_validator("output_dir", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    @field_validator("dataset_types")
    @classmethod
    def _known_teachers(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(teachers.get(name).name for name in value))

    @field_validator("evaluation_teacher")
    @classmethod
    def _known_teacher(cls, value: str | None) -> str | None:
        return None if value is None else teachers.get(value).name

    @field_validator("styles")
    @classmethod
    def _known_styles(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(get_style(name).name for name in value))

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        return get_encoding(value).name

    @field_validator("grid_size", mode="before")
    @classmethod
    def _a_board(cls, value: Any) -> Any:
        if value is None:
            return None
        width, height = parse_board(str(value))
        return str(width) if width == height else f"{width}x{height}"

    @model_validator(mode="after")
    def _fits_training(self) -> Self:
        self.training_config()
        if self.evaluation_teacher is not None and self.evaluation_teacher not in self.dataset_types:
            raise ValueError(
                f"evaluation_teacher = {self.evaluation_teacher!r}: the student learns from "
                f"{', '.join(self.dataset_types)} only, and can be asked to play like one of them."
            )
        return self

    def training_config(self) -> AdvancedTrainingConfig:
        """What `serpentune.training` is told.

        Raises:
            UserError: a value that it refuses.
        """
        adapter = {"rank": self.lora_r, "alpha": self.lora_alpha, "dropout": self.lora_dropout}
        return AdvancedTrainingConfig(
            training_strategy=self.training_strategy,
            base_model_name=self.base_model_name,
            max_length=self.max_length,
            chat=self.chat,
            trust_remote_code=self.trust_remote_code,
            hyperparameters=HyperparameterConfig(
                num_epochs=self.num_epochs,
                max_steps=self.max_steps,
                learning_rate=self.peak_learning_rate,
                batch_size=self.batch_size,
                gradient_accumulation_steps=self.gradient_accumulation_steps,
                warmup_steps=self.warmup_steps,
            ),
            lora=LoRAConfig(**adapter),
            qlora=QLoRAConfig(**adapter),
            output_dir=self.output_dir,
            seed=self.seed,
            logging_steps=self.logging_steps,
            eval_steps=self.eval_steps,
            save_steps=self.save_steps,
            report_to=self.report_to,
            gradient_checkpointing=self.gradient_checkpointing,
            auto_batch_size=self.auto_batch_size,
            fp16=self.fp16,
            bf16=self.bf16,
            torch_compile=self.torch_compile,
            dataloader_num_workers=self.dataloader_num_workers,
        )

    def recipe(self) -> ExperimentRecipe:
        """The same as an experiment's recipe.

        Raises:
            UserError: a value that the recipe refuses.
        """
        return ExperimentRecipe(
            name=self.experiment_name,
            dataset=Recipe(
                sources=self.heuristic_log_dirs,
                teachers=self.dataset_types,
                samples_per_teacher=self.max_samples_per_algorithm,
                styles=self.styles,
                encodings=self.encoding,
                split={"train": self.train_test_split, "leaks": "held-out"},
                seed=self.seed,
            ),
            training=self.training_config(),
            evaluation=EvaluationRecipe(
                games=self.evaluation_games,
                seed=self.evaluation_seed,
                grid_size=self.grid_size,
                teacher=self.player,
                style=self.styles[0],
                encoding=self.encoding,
                records=self.evaluation_records,
            ),
        )

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate that is used."""
        if self.learning_rate is not None:
            return self.learning_rate
        usual = NANO_LEARNING_RATES if self.base_model_name in (*SHIPPED, *SCRATCH) else LEARNING_RATES
        return usual[self.training_strategy]

    @property
    def player(self) -> str:
        """The teacher that the evaluation's prompts name."""
        return self.evaluation_teacher or self.dataset_types[0]
