"""Import path of the training configurations; `python -m` is `serpentune train`."""

from serpentune.cli.utilities import TrainingCLIUtils
from serpentune.training import (
    AdvancedTrainingConfig,
    ConfigurationTemplate,
    HyperparameterConfig,
    LoRAConfig,
    QLoRAConfig,
    TrainingConfigBuilder,
)

__all__ = [
    "AdvancedTrainingConfig",
    "ConfigurationTemplate",
    "HyperparameterConfig",
    "LoRAConfig",
    "QLoRAConfig",
    "TrainingConfigBuilder",
]

if __name__ == "__main__":
    TrainingCLIUtils.run_and_exit("train")
