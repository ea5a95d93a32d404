"""Floor 6, training: ready configurations for common jobs."""

from __future__ import annotations

from pathlib import Path

from serpentune.common.errors import unknown_name
from serpentune.common.files import ensure_no_file, write_text
from serpentune.models import LoRAConfig
from serpentune.training.config import AdvancedTrainingConfig, HyperparameterConfig


class ConfigurationTemplate:
    """Ready configurations for common jobs; change what you like afterwards."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What `get` knows, in the order of this class."""
        return tuple(name for name, value in vars(cls).items() if isinstance(value, staticmethod))

    @classmethod
    def get(cls, name: str) -> AdvancedTrainingConfig:
        """The configuration of a template by its name, with underscores or dashes.

        Raises:
            UserError: there is no such template.
        """
        template: AdvancedTrainingConfig = getattr(cls, cls._known(name))()
        return template

    @classmethod
    def purpose(cls, name: str) -> str:
        """What a template is for, in a line.

        Raises:
            UserError: there is no such template.
        """
        return (getattr(cls, cls._known(name)).__doc__ or "").strip()

    @classmethod
    def yaml(cls, name: str) -> str:
        """A template as YAML: what it is for, how to use it, and each setting with what it means.

        Raises:
            UserError: there is no such template.
        """
        head = f"# {cls._known(name)}. {cls.purpose(name)}\n"
        use = "# serpentune train --config FILE --dataset DIR --output-dir DIR\n\n"
        return head + use + cls.get(name).commented_yaml()

    @classmethod
    def write(cls, name: str, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a template to a file: YAML as of `yaml`, or JSON, in which there are no comments.

        Raises:
            UserError: there is no such template, the file exists and may not be replaced, its suffix is none of
                `.yaml`, `.yml` and `.json`, or it can't be written.
        """
        path = Path(path)
        text = cls.yaml(name)
        ensure_no_file(path, overwrite=overwrite)
        if path.suffix.lower() in (".yaml", ".yml"):
            write_text(path, text)
        else:
            cls.get(name).save(path)
        return path

    @classmethod
    def _known(cls, name: str) -> str:
        wanted = name.lower().replace("-", "_")
        if wanted not in cls.names():
            raise unknown_name("template", name, cls.names())
        return wanted

    @staticmethod
    def quick_lora() -> AdvancedTrainingConfig:
        """A first look in minutes: small adapter, one pass over the data."""
        return AdvancedTrainingConfig(
            lora=LoRAConfig(rank=8, alpha=16, dropout=0.05),
            hyperparameters=HyperparameterConfig(
                num_epochs=1, batch_size=16, gradient_accumulation_steps=1, learning_rate=1e-3, warmup_steps=20
            ),
            logging_steps=10,
            eval_steps=100,
            save_steps=200,
        )

    @staticmethod
    def production_lora() -> AdvancedTrainingConfig:
        """A model to keep: wide adapter, several passes, decay."""
        return AdvancedTrainingConfig(
            lora=LoRAConfig(rank=64, alpha=128, dropout=0.05),
            hyperparameters=HyperparameterConfig(
                num_epochs=5, batch_size=16, gradient_accumulation_steps=2, weight_decay=0.01
            ),
        )

    @staticmethod
    def memory_efficient_qlora() -> AdvancedTrainingConfig:
        """A large base on a small card: 4 bits, batches of one, activations computed again."""
        return AdvancedTrainingConfig(
            training_strategy="qlora",
            hyperparameters=HyperparameterConfig(batch_size=1, gradient_accumulation_steps=16),
            gradient_checkpointing=True,
        )

    @staticmethod
    def full_finetune_small() -> AdvancedTrainingConfig:
        """Every weight of a small model: larger batches, a gentler decay."""
        return AdvancedTrainingConfig(
            training_strategy="full",
            hyperparameters=HyperparameterConfig(
                batch_size=16, gradient_accumulation_steps=2, learning_rate=5e-4, weight_decay=0.01
            ),
        )

    @staticmethod
    def research_config() -> AdvancedTrainingConfig:
        """LoRA with everything recorded closely: each step logged, frequent evaluation and checkpoints."""
        return AdvancedTrainingConfig(
            hyperparameters=HyperparameterConfig(num_epochs=5, batch_size=8, gradient_accumulation_steps=2),
            logging_steps=1,
            eval_steps=50,
            save_steps=100,
            max_eval_samples=5000,
        )
