"""Import paths of the fine-tuning pipeline, version 0.02; a name's module is imported when the name is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extensions.heuristics_llm_fine_tuning_integration_v0_02.comparison import (
        ComparisonReport,
        MetricComparison,
        ModelComparator,
    )
    from extensions.heuristics_llm_fine_tuning_integration_v0_02.evaluation import (
        EvaluationReport,
        EvaluationResult,
        EvaluationSettings,
        EvaluationSuite,
    )
    from extensions.heuristics_llm_fine_tuning_integration_v0_02.pipeline import (
        MultiDatasetConfig,
        MultiDatasetPipeline,
        PipelineResults,
    )
    from extensions.heuristics_llm_fine_tuning_integration_v0_02.training_config import (
        AdvancedTrainingConfig,
        ConfigurationTemplate,
        HyperparameterConfig,
        LoRAConfig,
        QLoRAConfig,
        TrainingConfigBuilder,
    )

__all__ = [
    "AdvancedTrainingConfig",
    "ComparisonReport",
    "ConfigurationTemplate",
    "EvaluationReport",
    "EvaluationResult",
    "EvaluationSettings",
    "EvaluationSuite",
    "HyperparameterConfig",
    "LoRAConfig",
    "MetricComparison",
    "ModelComparator",
    "MultiDatasetConfig",
    "MultiDatasetPipeline",
    "PipelineResults",
    "QLoRAConfig",
    "TrainingConfigBuilder",
]

_MODULES = ("pipeline", "training_config", "evaluation", "comparison")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in (import_module(f"{__name__}.{module}") for module in _MODULES):
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
