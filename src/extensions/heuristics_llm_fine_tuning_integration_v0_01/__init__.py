"""Import paths of the fine-tuning pipeline, version 0.01: one heuristic, all weights."""
