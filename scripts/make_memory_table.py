"""Writes the table of docs/scaling.md that says which model can be trained on which card, from the memory model alone.

python scripts/make_memory_table.py              # seconds
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from serpentune.models import base_config
from serpentune.training import AdvancedTrainingConfig, Machine, estimate_memory, largest_batch, model_sizes

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scaling.md"
BEGIN = "<!-- Made by scripts/make_memory_table.py; edit that, not this. -->\n"
END = "<!-- End of what scripts/make_memory_table.py makes. -->\n"

CARDS = (24, 80, 141)
"""Gigabytes of an RTX 4090 or L4, an A100 or H100, and an H200."""

TOKENS, ANSWERS = 136, 10
"""Of a sample: a 10x10 board in the encoding `grid` and the plan to its apple, in SmolLM2's tokenizer."""

MOST = 1024
"""Larger batches are of no use."""

LLAMAS: Mapping[str, Mapping[str, Any]] = {
    "SmolLM2-135M": {"hidden_size": 576, "num_hidden_layers": 30, "intermediate_size": 1536,
                     "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152,
                     "tie_word_embeddings": True},
    "SmolLM2-360M": {"hidden_size": 960, "num_hidden_layers": 32, "intermediate_size": 2560,
                     "num_attention_heads": 15, "num_key_value_heads": 5, "vocab_size": 49152,
                     "tie_word_embeddings": True},
    "SmolLM2-1.7B": {"hidden_size": 2048, "num_hidden_layers": 24, "intermediate_size": 8192,
                     "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 49152,
                     "tie_word_embeddings": True},
    "Llama-3.1-8B": {"hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 14336,
                     "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
                     "tie_word_embeddings": False},
    "Llama-3.1-70B": {"hidden_size": 8192, "num_hidden_layers": 80, "intermediate_size": 28672,
                      "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256,
                      "tie_word_embeddings": False},
}  # fmt: skip
"""What their published config.json files say."""

WAYS: Mapping[str, tuple[int, dict[str, Any]]] = {
    "QLoRA": (1, {"training_strategy": "qlora"}),
    "LoRA": (1, {"training_strategy": "lora"}),
    "full": (1, {"training_strategy": "full"}),
    "full, 2 GPUs, `fsdp`": (2, {"training_strategy": "full", "fsdp": True}),
    "full, 8 GPUs, `fsdp`": (8, {"training_strategy": "full", "fsdp": True}),
}
"""Devices and settings of each row."""


def table() -> str:
    """The table as Markdown, with what its figures mean."""
    cards = " | ".join(f"{card} GB" for card in CARDS)
    lines = [
        f"The largest `batch_size` on each GPU: a power of two, {MOST:,} at most. The least memory is that of batches",
        f"of one with `gradient_checkpointing`, which the others do without. Samples of {TOKENS} tokens, {ANSWERS} of",
        "them answers; bf16, rank 16, no accumulation.",
        "",
        f"| model | way | least memory | {cards} |",
        f"|---|---|---|{'---|' * len(CARDS)}",
    ]
    for name, config in _models():
        sizes = model_sizes(config)
        for way, (devices, settings) in WAYS.items():
            machine = Machine(gpu=True, half=True, compiled=True, devices=devices)
            saving = _config({**settings, "gradient_checkpointing": True})
            least = estimate_memory(saving, sizes, machine, TOKENS, ANSWERS).total / 1e9
            batches = [largest_batch(_config(settings), sizes, machine, TOKENS, ANSWERS, card * 1e9) for card in CARDS]
            cells = " | ".join(f"{min(batch, MOST):,}" if batch else "–" for batch in batches)
            lines.append(f"| {name} | {way} | {least:,.1f} GB | {cells} |")
    return "\n".join(lines) + "\n"


def page(before: str) -> str:
    """The text of the page with today's table between its markers."""
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def _models() -> Iterator[tuple[str, Any]]:
    from transformers import LlamaConfig

    yield "nano (1.6M)", base_config("nano")
    for name, sizes in LLAMAS.items():
        yield name, LlamaConfig(**sizes)


def _config(settings: Mapping[str, Any]) -> AdvancedTrainingConfig:
    return AdvancedTrainingConfig(hyperparameters={"batch_size": 1, "gradient_accumulation_steps": 1}, **settings)


def main() -> None:
    """Write the table into the page."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
