from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.models import (
    base_config,
    context_length,
    end_ids,
    load_base,
    open_tokenizer,
    prompt_ids,
    sample_ids,
    token_lengths,
)
from tests.models.tiny import CHATML, END, TURN

PROMPTS = ["Player BFS. Board 3x3.\n . H .\n . . A\n . . .\nMoves:", " . A", "", "  two\n\n spaces \n", f"a{END}"]
COMPLETIONS = [" U R", " D", " L L", " R", " U D"]


@pytest.fixture(scope="module", params=["llama", "nano"])
def base(request: pytest.FixtureRequest) -> str:
    return "nano" if request.param == "nano" else str(request.getfixturevalue("llama"))


def test_the_ids_are_those_of_calling_the_tokenizer(base: str) -> None:
    tokenizer = open_tokenizer(base)
    # Settings that an earlier call leaves behind must not cut or pad.
    tokenizer(["a b c", "a"], truncation=True, max_length=2, padding=True)
    prompts, completions = sample_ids(tokenizer, PROMPTS, COMPLETIONS)
    assert completions == [[*tokenizer(text)["input_ids"], tokenizer.eos_token_id] for text in COMPLETIONS]
    called = tokenizer(PROMPTS)["input_ids"]
    assert prompts[:4] == called[:4] == prompt_ids(tokenizer, PROMPTS)[:4] and prompts[4] == called[4][:-1]
    assert end_ids(tokenizer) == [tokenizer.eos_token_id]


def test_a_begin_token_stands_before_prompts_only(llama: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = open_tokenizer(llama)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{END} $A {END}", special_tokens=[(END, 0)])
    ((first, *prompt),), ((*completion, last),) = sample_ids(tokenizer, [" . A"], [" U"])
    assert first == last == 0 and tokenizer.decode(prompt) == " . A" and tokenizer.decode(completion) == " U"


def test_a_tokenizer_is_opened_by_the_name_of_its_model(llama: Path) -> None:
    assert open_tokenizer(llama)(" U R")["input_ids"] == load_base(llama).tokenizer(" U R")["input_ids"]
    assert open_tokenizer("nano").eos_token == END
    with pytest.raises(UserError, match="Did you mean 'nano'"):
        open_tokenizer("nanno")


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_context_of_a_model_is_known_without_loading_it(family: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(family)
    assert context_length(base_config(folder)) == context_length(load_base(folder).model.config) == 256


@pytest.mark.parametrize("chat", [False, True])
def test_lengths_are_those_of_the_ids(chat: bool, chat_llama: Path) -> None:
    tokenizer = open_tokenizer(chat_llama)
    many, answers = PROMPTS[:4] * 1100, COMPLETIONS[:4] * 1100  # more than are tokenised at once
    lengths = token_lengths(tokenizer, many, answers, chat)
    pairs = zip(*sample_ids(tokenizer, many, answers, chat), strict=True)
    assert lengths.dtype == "int64" and lengths.tolist() == [len(prompt) + len(answer) for prompt, answer in pairs]
    assert len(token_lengths(tokenizer, [], [], chat)) == 0


def test_a_chat_is_what_the_template_renders(chat_llama: Path) -> None:
    tokenizer = open_tokenizer(chat_llama)
    prompts, completions = sample_ids(tokenizer, PROMPTS[:4], COMPLETIONS[:4], chat=True)
    assert prompts == prompt_ids(tokenizer, PROMPTS[:4], chat=True)
    turn = tokenizer.convert_tokens_to_ids(TURN)
    for asked, answered, prompt, completion in zip(PROMPTS, COMPLETIONS, prompts, completions, strict=False):
        chat = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered.strip()}]
        assert prompt == tokenizer.apply_chat_template(chat[:1], add_generation_prompt=True)["input_ids"]
        whole = tokenizer.apply_chat_template(chat)["input_ids"]
        # Nothing is written after the end of the turn, where the template has a line break.
        assert prompt + completion == whole[: len(prompt) + len(completion)] and completion[-1] == turn
        assert tokenizer.decode(completion, skip_special_tokens=True) == answered.strip()
    assert end_ids(tokenizer, chat=True) == [turn] != [tokenizer.eos_token_id]


def test_spaces_around_an_answer_are_learned_too(chat_llama: Path) -> None:
    """As in Llama 2's template."""
    tokenizer = open_tokenizer(chat_llama)
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content | trim }} [/INST]"
        "{% else %} {{ m.content | trim }} {{ eos_token }}{% endif %}{% endfor %}"
    )
    (prompt,), (completion,) = sample_ids(tokenizer, ["  . A  "], [" U R"], chat=True)
    assert tokenizer.decode(prompt) == "[INST] . A [/INST]" and tokenizer.decode(completion) == f" U R {END}"
    assert tokenizer.decode(end_ids(tokenizer, chat=True)) == f" {END}"


def test_no_chat_depends_on_the_day(chat_llama: Path) -> None:
    tokenizer = open_tokenizer(chat_llama)
    tokenizer.chat_template = "{% set day = strftime_now('%d %b %Y') %}Today: {{ day }}.\n" + CHATML
    (prompt,) = prompt_ids(tokenizer, ["Go"], chat=True)
    assert tokenizer.decode(prompt).startswith("Today: 26 Jul 2024.\n<|im_start|>user\nGo")


def test_a_thinking_model_answers_at_once(chat_llama: Path) -> None:
    """As in Qwen 3's template, an empty thought stands before the answer, in the prompt when thinking is off."""
    tokenizer = open_tokenizer(chat_llama)
    thought = "<think>\n\n</think>\n\n"
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}THOUGHT{% endif %}"
        "{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
        "{% if enable_thinking is defined and enable_thinking is false %}THOUGHT{% endif %}{% endif %}"
    ).replace("THOUGHT", thought)
    (prompt,), (completion,) = sample_ids(tokenizer, ["Go"], [" U"], chat=True)
    assert tokenizer.decode(prompt).endswith(thought) and tokenizer.decode(completion) == f"U{TURN}"


@pytest.mark.parametrize(
    ("template", "answer"),
    [
        (None, "has no chat template.*--chat.*instruct model"),
        ("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", "does not go on from the prompt"),
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<think>{% endif %}",
            "does not go on from the prompt",
        ),
        ("{% for m in messages %}{{ m.content }}\n{% endfor %}", "no special token"),
        ("{{ raise_exception('a system message is needed') }}", "can't show a message.*a system message is needed"),
        ("{% if %}", "can't show a message"),
    ],
)
def test_a_template_that_can_not_be_used_is_explained(template: str | None, answer: str, chat_llama: Path) -> None:
    tokenizer = open_tokenizer(chat_llama)
    tokenizer.chat_template = template
    for ask in (lambda: end_ids(tokenizer, True), lambda: sample_ids(tokenizer, ["Go"], [" U"], True)):
        with pytest.raises(UserError, match=answer):
            ask()


def test_an_answer_that_the_template_changes_is_refused(chat_llama: Path) -> None:
    tokenizer = open_tokenizer(chat_llama)
    tokenizer.chat_template = CHATML.replace("message.content }}", "message.content.split('</think>')[-1] }}")
    sample_ids(tokenizer, ["Go"], [" U"], chat=True)
    with pytest.raises(UserError, match="shows the answer 'hm</think> U"):
        sample_ids(tokenizer, ["Go", "Go"], [" U", "hm</think> U"], chat=True)


def test_a_model_without_a_template_is_refused_before_it_is_loaded(llama: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(llama, tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"not read")
    with pytest.raises(UserError, match="no chat template"):
        load_base(copy, chat=True)
