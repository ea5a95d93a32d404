"""Small real models and tokenizers, made on the spot: no test needs a download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

END = "<end>"
TURN = "<|im_end|>"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_tokenizer(folder: Path) -> Any:
    """A byte-level BPE tokenizer without a pad token, of fewer than 300 tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([" . H A U R D L Moves:"] * 4, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END)
    tokenizer.save_pretrained(str(folder))
    return tokenizer


def save_llama(folder: Path, *, seed: int = 0) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    # Wide first weights, so that an adapter on a frozen random model has features to work with.
    config = LlamaConfig(
        vocab_size=320,
        hidden_size=64,
        intermediate_size=160,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=0,
    )
    return _save(folder, LlamaForCausalLM(config))


def save_gpt2(folder: Path, *, seed: int = 0) -> Path:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=320,
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_positions=256,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.2,
    )
    return _save(folder, GPT2LMHeadModel(config))


def save_chat_llama(folder: Path) -> Path:
    """A tiny llama whose tokenizer has a ChatML template, in which a turn ends by another token than a text."""
    save_llama(folder)
    tokenizer = save_tokenizer(folder)
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", TURN]})
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(str(folder))
    return folder


def _save(folder: Path, model: Any) -> Path:
    from serpentune.models import quiet_libraries

    folder.mkdir(parents=True, exist_ok=True)
    with quiet_libraries():
        model.save_pretrained(str(folder))
    save_tokenizer(folder)
    return folder
