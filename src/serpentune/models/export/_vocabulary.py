"""Floor 5, models: a fast tokenizer in the terms of GGUF.

GGUF lists tokens, types and merges, and names the rule that cuts text into words, of which llama.cpp knows a few. The
whole `tokenizer.json` goes beside them under `tokenizer.huggingface.json`, a key of the GGUF specification
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), so that nothing of a tokenizer is lost whatever it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.models.tokens import end_ids, prompt_ids

if TYPE_CHECKING:
    from gguf import GGUFWriter

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_THE_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

# llama.cpp's names for rules that cut text into words (src/llama-vocab.cpp), by the steps of `tokenizer.json`.
_RULES = {
    ("words",): "gpt-2",
    ("digits", "words"): "smollm",
    (_CONTRACTIONS + r"\p{N}{1,3}" + _THE_REST, "bytes"): "llama-bpe",
    (_CONTRACTIONS + r"\p{N}" + _THE_REST, "bytes"): "qwen2",
}


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file says of a tokenizer.

    Attributes:
        model: llama.cpp's kind of tokenizer: `gpt2` (byte-level BPE), or `none`: the file's reader must bring its own.
        pre: llama.cpp's name of the rule that cuts text into words; None where it has none.
        tokens: by id, as many as the model has embeddings; ids without a token are `[PAD<id>]`.
        types: of each token, as `gguf.TokenType`.
        merges: pairs of tokens with a space between them, the first ones first.
        note: what llama.cpp can't do with it, in a sentence; None where nothing is lost.
    """

    model: str
    pre: str | None
    tokens: list[str]
    types: list[int]
    merges: list[str]
    note: str | None


def vocabulary(tokenizer: Any, rows: int) -> Vocabulary:
    """The tokens of a fast tokenizer for a model with `rows` embeddings.

    Raises:
        UserError: the tokenizer has more tokens than the model has embeddings.
    """
    from gguf import TokenType

    ids = tokenizer.get_vocab()
    if max(ids.values()) >= rows:
        raise UserError(
            f"The tokenizer has {max(ids.values()) + 1} tokens and the model only {rows} embeddings; a GGUF file needs "
            "one for each. Save the model with the tokenizer that it was trained with."
        )
    tokens, types = [f"[PAD{place}]" for place in range(rows)], [int(TokenType.UNUSED)] * rows
    for token, place in ids.items():
        tokens[place], types[place] = token, int(TokenType.NORMAL)
    for place, added in tokenizer.added_tokens_decoder.items():
        types[place] = int(TokenType.CONTROL if added.special else TokenType.USER_DEFINED)
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    steps = _steps(whole["pre_tokenizer"])
    if whole["model"]["type"] != "BPE" or not steps or steps[-1] not in ("words", "bytes"):
        unread = "llama.cpp can't run this tokenizer: it loads the file, but must be given token ids instead of text."
        return Vocabulary("none", None, tokens, types, [], unread)
    pre = _RULES.get(tuple(steps))
    unlike = None if pre else "llama.cpp has no name for how this tokenizer cuts text, and may read other tokens in it."
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in whole["model"]["merges"]]
    return Vocabulary("gpt2", pre, tokens, types, merges, unlike)


def add_vocabulary(writer: GGUFWriter, words: Vocabulary, tokenizer: Any, *, chat: bool) -> None:
    """Write the tokenizer's keys: the vocabulary, special tokens, chat template and the whole `tokenizer.json`."""
    from gguf import Keys

    writer.add_tokenizer_model(words.model)
    if words.pre:
        writer.add_tokenizer_pre(words.pre)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.types)
    if words.merges:  # an array of GGUF has at least one entry
        writer.add_token_merges(words.merges)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    for add, place in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
        (writer.add_eot_token_id, end_ids(tokenizer, chat=True)[-1] if chat else None),
    ):
        if place is not None:
            add(place)
    begins = prompt_ids(tokenizer, ["U"])[0][0] == tokenizer.bos_token_id
    writer.add_add_bos_token(begins)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.get_chat_template())
    writer.add_string(Keys.Tokenizer.HF_JSON, tokenizer.backend_tokenizer.to_str())


def _steps(pre_tokenizer: dict[str, Any] | None) -> list[str]:
    """A pre-tokenizer's steps in the words of `_RULES`; a step that stands in none of them ends the list as itself."""
    if pre_tokenizer is None:
        return []
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    return [_step(step) for step in steps]


def _step(step: dict[str, Any]) -> str:
    match step:
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": bool(regex)}:
            return "words" if regex else "bytes"
        case {"type": "Digits", "individual_digits": True}:
            return "digits"
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False}:
            return pattern
    return str(step["type"])
