"""Floor 5, models: students taken elsewhere: merged for transformers, as GGUF for llama.cpp, and to the hub."""

from serpentune.models._card import Metric
from serpentune.models.export._export import Dtype, Exported, export_model, renew_card
from serpentune.models.export._gguf import GGUF_TYPES, GGUFFile
from serpentune.models.export._push import push_model

__all__ = ["GGUF_TYPES", "Dtype", "Exported", "GGUFFile", "Metric", "export_model", "push_model", "renew_card"]
