"""Floor 11, pipeline: what the demo and the whole run share about the base model."""

from __future__ import annotations

UNTUNED = "untuned"
"""What the base model is called beside its students."""

NANO_LEARNING_RATES = {"lora": 5e-3, "dora": 5e-3, "rslora": 2e-3, "pissa": 1e-3, "qlora": 5e-3, "full": 1e-3}
"""For `nano`. LoRA's and full fine-tuning's had the least validation loss of a few that were tried, QLoRA
takes LoRA's; the figures stand in `docs/results.md`."""
