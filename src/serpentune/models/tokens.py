"""Floor 5, models: text to token ids, one way for training and play: as it stands, or as a chat.

A chat is one message of the user and the assistant's answer in the tokenizer's own template. What follows an answer
there ends a turn, and its last token is where generation stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError

Ids = list[list[int]]

_AT_ONCE = 1024
_PROBE = "U"
_NO_CLOCK = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro %}"
"""Put before a template that asks for the date: what a student is asked must not depend on the day. The date is the one
that Llama 3's template names itself where it can't ask."""


def prompt_ids(tokenizer: Any, prompts: Sequence[str], chat: bool = False) -> Ids:
    """Token ids of prompts that a completion follows; training and play must both use this.

    Plain: a begin token is put in front where the tokenizer does that by itself; an end token that it appends is
    removed. With `chat`: the user's message in the tokenizer's template, up to where the assistant begins to write.

    Raises:
        UserError: with `chat`, the tokenizer has no template, or one that this can't be done with.
    """
    if chat:
        return _encoded(tokenizer, _rendered(tokenizer, prompts), special=False)
    end = tokenizer.eos_token_id
    rows = _encoded(tokenizer, prompts, special=True)
    return [row[:-1] if len(row) > 1 and row[-1] == end else row for row in rows]


def end_ids(tokenizer: Any, chat: bool = False) -> list[int]:
    """Token ids that follow every completion; an answer ends with the last one.

    Plain, that is the tokenizer's end token alone. With `chat` it is what the template puts after the assistant's
    message up to the first special token, such as `<|im_end|>`.

    Raises:
        UserError: with `chat`, the tokenizer has no template, or one that this can't be done with.
    """
    return _encoded(tokenizer, [_around_answers(tokenizer)[1]], special=False)[0] if chat else [tokenizer.eos_token_id]


def sample_ids(
    tokenizer: Any, prompts: Sequence[str], completions: Sequence[str], chat: bool = False
) -> tuple[Ids, Ids]:
    """Token ids of prompts, as of `prompt_ids`, and of their completions with the tokens that end them.

    Plain, prompt and completion are tokenised apart, as they are when a game is played. With `chat` a completion loses
    the spaces around it, and gets those that the template has there.

    Raises:
        UserError: with `chat`, the tokenizer has no template, or one that doesn't show a completion as it stands
            after the rendered prompt.
    """
    if not chat:
        end = tokenizer.eos_token_id  # looked up in the vocabulary each time
        return prompt_ids(tokenizer, prompts), [[*row, end] for row in _encoded(tokenizer, completions, special=False)]
    start, end = _around_answers(tokenizer)
    asked, texts = _rendered(tokenizer, prompts), [completion.strip() for completion in completions]
    answers = [f"{start}{text}{end}" for text in texts]
    for before, whole, answer in zip(asked, _rendered(tokenizer, prompts, texts), answers, strict=True):
        if not whole.startswith(before + answer):
            raise _unlike(tokenizer, before, whole, answer)
    return _encoded(tokenizer, asked, special=False), _encoded(tokenizer, answers, special=False)


def token_lengths(
    tokenizer: Any, prompts: Sequence[str], completions: Sequence[str], chat: bool = False
) -> NDArray[np.int64]:
    """Tokens of each of `n` samples as training counts them, int64 `(n,)`: prompt, completion and what ends it.

    Raises:
        UserError: as of `sample_ids`.
    """
    lengths = np.empty(len(prompts), np.int64)
    for at in range(0, len(prompts), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        pairs = zip(*sample_ids(tokenizer, prompts[part], completions[part], chat), strict=True)
        lengths[part] = [len(prompt) + len(completion) for prompt, completion in pairs]
    return lengths


def _encoded(tokenizer: Any, texts: Sequence[str], *, special: bool) -> Ids:
    """Ids of each text, with the tokens that the tokenizer adds by itself where `special`.

    The ids are those of calling `tokenizer`, which notes for each token where in the text it stands; that is left out.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return [encoding.ids for encoding in backend.encode_batch_fast(list(texts), add_special_tokens=special)]


def _rendered(tokenizer: Any, prompts: Sequence[str], answers: Sequence[str] | None = None) -> list[str]:
    """Each prompt in the chat template, with its answer, or else up to where the answer begins."""
    from jinja2 import TemplateError

    name = tokenizer.name_or_path
    if not tokenizer.chat_template:
        raise UserError(
            f"{name}: its tokenizer has no chat template. Leave the chat form out (--chat, chat: true, or data "
            "in messages), or take an instruct model."
        )
    chats: list[list[dict[str, str]]] = [[{"role": "user", "content": prompt}] for prompt in prompts]
    for chat, answer in zip(chats, answers or (), strict=False):
        chat.append({"role": "assistant", "content": answer})
    if not chats:
        return []
    try:
        template = tokenizer.get_chat_template()
        texts: list[str] = tokenizer.apply_chat_template(
            chats,
            chat_template=_NO_CLOCK + template if "strftime_now" in template else template,
            tokenize=False,
            add_generation_prompt=answers is None,
            enable_thinking=False,  # a template that knows of it lets the model answer at once
        )
    except (TemplateError, ValueError) as error:
        raise UserError(f"{name}: its chat template can't show a message of the user's ({error}).") from error
    return texts


def _around_answers(tokenizer: Any) -> tuple[str, str]:
    """What the template puts around an answer: spaces before it, if any, and all up to the first special token."""
    (before,), (whole,) = _rendered(tokenizer, [_PROBE]), _rendered(tokenizer, [_PROBE], [_PROBE])
    start, found, after = whole.removeprefix(before).partition(_PROBE)
    if not whole.startswith(before) or not found or start.strip():
        raise _unlike(tokenizer, before, whole, _PROBE)
    ends = [place + len(token) for token, place in _special(tokenizer, after)]
    if not ends:
        raise UserError(
            f"{tokenizer.name_or_path}: its chat template ends an answer with {after!r}, which holds no special token, "
            "so generation could not stop there. Leave the chat form out, or mend chat_template."
        )
    return start, after[: min(ends)]


def _special(tokenizer: Any, text: str) -> Iterator[tuple[str, int]]:
    """The tokenizer's special tokens that stand in `text`, with their places."""
    for token in tokenizer.added_tokens_decoder.values():
        if token.special and (place := text.find(token.content)) >= 0:
            yield token.content, place


def _unlike(tokenizer: Any, before: str, whole: str, answer: str) -> UserError:
    return UserError(
        f"{tokenizer.name_or_path}: its chat template shows the answer {answer!r} as {whole[-80:]!r}, which does not "
        f"go on from the prompt as it is shown without an answer, {before[-80:]!r}. Leave the chat form out, or take "
        "another instruct model."
    )
