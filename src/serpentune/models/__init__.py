"""Floor 5, models: finds a base model and its tokenizer, wraps it for a training strategy, loads and saves students.

Knows nothing of Snake. torch and transformers are imported when a model is first loaded, not with this package.
"""

from serpentune.models._device import bf16_is_native, check_precision, device
from serpentune.models._find import BUILT_IN, SHIPPED, STUDENT_OF_BOARD, Found, find_base, model_location
from serpentune.models._libraries import quiet_libraries
from serpentune.models._scratch import SCRATCH, refuse_adapter
from serpentune.models._size import bytes_on_disk
from serpentune.models.load import (
    LoadedModel,
    base_config,
    context_length,
    load_base,
    open_tokenizer,
)
from serpentune.models.open import check_model, named_folder, open_model, short_name
from serpentune.models.origin import TrainingOrigin, check_adapter, training_origin, wrap_adapter
from serpentune.models.strategies import (
    STRATEGIES,
    DoRAConfig,
    FullConfig,
    LoRAConfig,
    PiSSAConfig,
    QLoRAConfig,
    RsLoRAConfig,
    Strategy,
    StrategyConfig,
    is_quantized,
    parameter_counts,
    strategy_name,
    wrap,
)
from serpentune.models.students import (
    STUDENT,
    is_adapter,
    load_student,
    model_sha256,
    save_student,
    student_notes,
    taught_with,
)
from serpentune.models.tokens import end_ids, prompt_ids, sample_ids, token_lengths

__all__ = [
    "BUILT_IN",
    "SCRATCH",
    "SHIPPED",
    "STRATEGIES",
    "STUDENT",
    "STUDENT_OF_BOARD",
    "DoRAConfig",
    "Found",
    "FullConfig",
    "LoRAConfig",
    "LoadedModel",
    "PiSSAConfig",
    "QLoRAConfig",
    "RsLoRAConfig",
    "Strategy",
    "StrategyConfig",
    "TrainingOrigin",
    "base_config",
    "bf16_is_native",
    "bytes_on_disk",
    "check_adapter",
    "check_model",
    "check_precision",
    "context_length",
    "device",
    "end_ids",
    "find_base",
    "is_adapter",
    "is_quantized",
    "load_base",
    "load_student",
    "model_location",
    "model_sha256",
    "named_folder",
    "open_model",
    "open_tokenizer",
    "parameter_counts",
    "prompt_ids",
    "quiet_libraries",
    "refuse_adapter",
    "sample_ids",
    "save_student",
    "short_name",
    "strategy_name",
    "student_notes",
    "taught_with",
    "token_lengths",
    "training_origin",
    "wrap",
    "wrap_adapter",
]
