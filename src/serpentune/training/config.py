"""Floor 6, training: every setting of a training run, checked before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.settings import Settings
from serpentune.models import STRATEGIES, FullConfig, LoRAConfig, QLoRAConfig, StrategyConfig
from serpentune.training._trackers import TRACKERS

Strategy = Literal["lora", "dora", "rslora", "pissa", "qlora", "full"]


class HyperparameterConfig(Settings):
    """How the weights are moved.

    Attributes:
        num_epochs: passes over the training data; a fraction stops in the middle of one.
        max_steps: optimiser steps after which training stops, however many epochs that is; None leaves it to
            `num_epochs`.
        learning_rate: the peak, after warm-up.
        batch_size: samples that one device works on at once.
        gradient_accumulation_steps: batches whose gradients are added up before the weights move; an optimiser step
            sees `batch_size * gradient_accumulation_steps` samples per device.
        warmup_steps: optimiser steps over which the learning rate rises from 0; capped at a tenth of the run.
        lr_scheduler: how the learning rate falls after warm-up.
        optimizer: `adamw`, or `muon`, which moves the layers' matrices and leaves all else to AdamW.
        weight_decay: taken off the weights in each step, times the learning rate.
        max_grad_norm: gradients longer than this are shortened to it; 0 leaves them alone.
    """

    synonyms: ClassVar[Mapping[str, str]] = {
        "lr": "learning_rate",
        "epochs": "num_epochs",
        "num_train_epochs": "num_epochs",
        "per_device_train_batch_size": "batch_size",
        "warmup": "warmup_steps",
        "scheduler": "lr_scheduler",
        "lr_scheduler_type": "lr_scheduler",
    }

    num_epochs: float = Field(3, gt=0, le=10_000)
    max_steps: int | None = Field(None, ge=1)
    learning_rate: float = Field(2e-4, gt=0, le=1)
    batch_size: int = Field(4, ge=1)
    gradient_accumulation_steps: int = Field(4, ge=1)
    warmup_steps: int = Field(100, ge=0)
    lr_scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = Field(0.0, ge=0, lt=1)
    max_grad_norm: float = Field(1.0, ge=0)


class AdvancedTrainingConfig(Settings):
    """One training run: which model, which strategy, how long, and where to.

    Attributes:
        training_strategy: `lora`, `dora`, `rslora`, `pissa`, `qlora` or `full`.
        base_model_name: a built-in one (`nano`, `nano-6x6`, `nano-10x10`, `smollm2-135m`, `scratch-10m`), a folder, a
            GGUF file, or a hub id.
        adapter: folder of an adapter of that base, trained by that strategy with those settings, with which training
            goes on; None begins with a new one. `models.training_origin` says what an adapter was trained with.
        max_length: tokens of prompt and completion together; longer samples are left out and counted.
        chat: train through the chat template of an instruct model's tokenizer; the student is asked so too.
        hyperparameters: how the weights are moved.
        trust_remote_code: run code that the base model brings, which may do anything.
        lora: read when the strategy is `lora`, `dora`, `rslora` or `pissa`.
        qlora: read when the strategy is `qlora`.
        output_dir: folder of experiments.
        experiment_name: this run's folder in it; None lets the pipeline make up a name.
        seed: of the first weights of a base from scratch or an adapter, of dropout, and of the order of the samples.
        logging_steps: optimiser steps between two entries of the history.
        eval_steps: optimiser steps between two looks at the evaluation data.
        save_steps: optimiser steps between two checkpoints.
        max_train_samples: samples of the training data that are learnt from, drawn once with `seed`; a smaller number
            draws a part of what a larger one does. None takes all.
        max_eval_samples: samples of the evaluation data that are looked at each time, drawn once with `seed`.
        gradient_checkpointing: compute activations again instead of keeping them: less memory, about a fifth slower.
        auto_batch_size: find the largest batch that fits into memory before training; `gradient_accumulation_steps`
            changes with it, so that an optimiser step sees as many samples as it was to.
        fp16: mixed precision for CUDA GPUs older than bf16.
        bf16: mixed precision; None means wherever the device computes in it natively, unless that is a CPU.
        torch_compile: compile the layer that the model repeats, which takes seconds and makes every step about twice as
            quick on a GPU; None means on a CUDA GPU.
        fsdp: shard the weights over the processes (FSDP2), for full models that don't fit on one GPU; every process
            holds its share of weights, gradients and optimiser.
        dataloader_num_workers: processes that prepare batches; 0 does it in the training process, which is quickest
            for tokens that are ready in memory.
        report_to: trackers that get the history as it grows: `tensorboard`, `wandb`, `trackio`, `mlflow`.
    """

    synonyms: ClassVar[Mapping[str, str]] = {
        "strategy": "training_strategy",
        "base_model": "base_model_name",
        "model": "base_model_name",
        "max_seq_length": "max_length",
        "activation_checkpointing": "gradient_checkpointing",
    }

    training_strategy: Strategy = "lora"
    base_model_name: str = Field("nano", min_length=1)
    adapter: str | None = Field(None, min_length=1)
    max_length: int = Field(512, ge=8)
    chat: bool = False
    hyperparameters: HyperparameterConfig = Field(default_factory=HyperparameterConfig)
    trust_remote_code: bool = False
    lora: LoRAConfig = Field(default_factory=LoRAConfig)
    qlora: QLoRAConfig = Field(default_factory=QLoRAConfig)
    output_dir: str = Field("output", min_length=1)
    experiment_name: str | None = Field(None, min_length=1)
    seed: int = Field(0, ge=0, lt=2**32)
    logging_steps: int = Field(50, ge=1)
    eval_steps: int = Field(250, ge=1)
    save_steps: int = Field(500, ge=1)
    max_train_samples: int | None = Field(None, ge=1)
    max_eval_samples: int = Field(1000, ge=1)
    gradient_checkpointing: bool = False
    auto_batch_size: bool = False
    fp16: bool = False
    bf16: bool | None = None
    torch_compile: bool | None = None
    fsdp: bool = False
    dataloader_num_workers: int = Field(0, ge=0, le=256)
    report_to: list[str] = Field(default_factory=list)

    @field_validator("training_strategy", mode="before")
    @classmethod
    def _known_strategy(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value.lower() not in STRATEGIES:
                raise unknown_name("training strategy", value, STRATEGIES)
            return value.lower()
        return value

    @field_validator("report_to")
    @classmethod
    def _known_trackers(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in TRACKERS:
                raise unknown_name("tracker", name, TRACKERS)
        return list(dict.fromkeys(names))

    @model_validator(mode="after")
    def _one_precision(self) -> Self:
        if self.fp16 and self.bf16:
            raise ValueError("fp16 and bf16 exclude each other: set one of them.")
        return self

    @model_validator(mode="after")
    def _no_sharded_adapters(self) -> Self:
        if self.fsdp and self.training_strategy != "full":
            raise ValueError(
                f"fsdp shards what full fine-tuning holds; with {self.training_strategy!r} each of several GPUs "
                "holds the whole model (and weights in 4 bits can't be sharded at all). Leave fsdp out."
            )
        return self

    @model_validator(mode="after")
    def _no_sharded_trials(self) -> Self:
        if self.fsdp and self.auto_batch_size:
            raise ValueError(
                "auto_batch_size tries batches on a model that lies on one device, and fsdp shards it: set batch_size."
            )
        return self

    @model_validator(mode="after")
    def _no_sharded_matrices(self) -> Self:
        if self.fsdp and self.hyperparameters.optimizer == "muon":
            raise ValueError("muon wants whole matrices, and fsdp shards them: leave one of them out.")
        return self

    @property
    def strategy(self) -> StrategyConfig:
        """The settings of the strategy that is in force."""
        settings = STRATEGIES[self.training_strategy].settings
        if settings is FullConfig:
            return FullConfig()
        return settings(**(self.qlora if settings is QLoRAConfig else self.lora).model_dump())


class TrainingConfigBuilder:
    """Builds an `AdvancedTrainingConfig` step by step; every step returns the builder.

    Each value is checked in the step that takes it, so an error points at the line that is wrong.
    """

    def __init__(self) -> None:
        self._config = AdvancedTrainingConfig()

    def with_strategy(self, strategy: str) -> Self:
        """Train with a strategy by its name in `models.STRATEGIES`."""
        self._config.training_strategy = strategy  # type: ignore[assignment]  # checked on assignment
        return self

    def with_model(self, name: str, max_length: int | None = None, *, chat: bool | None = None) -> Self:
        """Start from the base model `name`, with samples of at most `max_length` tokens, as chats or not."""
        self._config.base_model_name = name
        if chat is not None:
            self._config.chat = chat
        if max_length is not None:
            self._config.max_length = max_length
        return self

    def with_lora(self, rank: int = 16, alpha: int = 32, dropout: float = 0.1) -> Self:
        """Set rank, scale and dropout of LoRA and its kin (DoRA, rsLoRA, PiSSA)."""
        self._config.lora = LoRAConfig(rank=rank, alpha=alpha, dropout=dropout)
        return self

    def with_qlora(self, rank: int = 16, alpha: int = 32, dropout: float = 0.1) -> Self:
        """Set QLoRA's rank, scale and dropout."""
        self._config.qlora = QLoRAConfig(rank=rank, alpha=alpha, dropout=dropout)
        return self

    def with_training(
        self,
        epochs: float | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        **more: Any,
    ) -> Self:
        """Set epochs, learning rate and batch size, and any other setting of `HyperparameterConfig` by its name."""
        named = {"num_epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size}
        values = self._config.hyperparameters.model_dump()
        values |= {name: value for name, value in named.items() if value is not None} | more
        self._config.hyperparameters = HyperparameterConfig(**values)
        return self

    def with_output(self, directory: str, name: str | None = None) -> Self:
        """Write to `directory`, in a folder `name`."""
        self._config.output_dir = str(directory)
        self._config.experiment_name = name
        return self

    def build(self) -> AdvancedTrainingConfig:
        """The configuration; the builder can go on and build another."""
        return self._config.model_copy(deep=True)


def refuse_difference(before: AdvancedTrainingConfig, now: AdvancedTrainingConfig) -> None:
    """Refuse to resume under settings that would change the losses.

    Raises:
        UserError: a setting differs that is not about logging, saving, looking, or moving data.
    """
    free = {"logging_steps", "eval_steps", "save_steps", "max_eval_samples", "dataloader_num_workers"}
    free |= {"output_dir", "experiment_name", "trust_remote_code", "report_to"}
    old, new = (flat(config.model_dump(exclude=free)) for config in (before, now))
    changed = [f"{key} was {old[key]!r} and is now {new[key]!r}" for key in old if old[key] != new[key]]
    if changed:
        raise UserError(
            f"A run can only be resumed with the settings it began with: {'; '.join(changed)}. "
            "Set them back, or train into another folder."
        )


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested sections by dotted names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found
