from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation.language import language_metrics, tokenize_records
from serpentune.game import random_states
from serpentune.models import LoadedModel, load_base, prompt_ids
from serpentune.models.decoding import greedy

EXPLAINED = {"explanation_faultless", "reference_truth", *(f"explanation_truth{end}" for end in ("", "_low", "_high"))}
PLANS = (b"\x00", b"\x00\x01\x01", b"\x02\x02\x03\x02\x02\x01\x00", b"\x03\x03", b"\x01\x00\x03\x02\x01")


@pytest.fixture(scope="module")
def nano() -> LoadedModel:
    return load_base("nano", dtype=torch.float32)


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    """Prompts of two board sizes, so that lengths differ much, with plans of 1 to 7 moves and single moves."""
    made = []
    for side, style, teacher in ((6, "plan", "BFS"), (4, "move", "HAMILTONIAN"), (5, "plan", "DFS")):
        texts = prompts(random_states(5, side, side, seed=side), teacher, get_encoding("grid"), get_style(style))
        made += [
            {"prompt": text, "completion": get_style(style).completion(plan)}
            for text, plan in zip(texts, PLANS, strict=True)
        ]
    return made


def same(figures: Any, expected: Any) -> bool:
    """Equal but for rounding."""
    if isinstance(figures, dict):
        return figures.keys() == expected.keys() and all(same(figures[key], expected[key]) for key in figures)
    return bool(figures == pytest.approx(expected, abs=1e-5))


def gpt2(*, positions: int = 256, dropout: float = 0.1) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=512, n_embd=32, n_layer=2, n_head=2, n_positions=positions, initializer_range=0.3,
        embd_pdrop=dropout, resid_pdrop=dropout, attn_pdrop=dropout, bos_token_id=None, eos_token_id=1,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def always(token: int, value: float) -> Any:
    """A real GPT-2 whose logits are `value` for one token and 0 for all others, whatever it reads."""
    model = gpt2()
    model.lm_head.weight = torch.nn.Parameter(torch.zeros(512, 32))
    with torch.no_grad():
        model.transformer.ln_f.weight.zero_()
        model.transformer.ln_f.bias.zero_()
        model.transformer.ln_f.bias[0] = 1
        model.lm_head.weight[token, 0] = value
    return model


def written_out(model: Any, tokenizer: Any, records: list[dict[str, str]]) -> tuple[float, int, int]:
    """Nats, tokens, and tokens ranked first, with one record at a time and all logits: no padding, no mask."""
    nats, tokens, right = 0.0, 0, 0
    for record in records:
        prompt = tokenizer(record["prompt"])["input_ids"]
        answer = [*tokenizer(record["completion"], add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        with torch.no_grad():
            log_probabilities = model(torch.tensor([prompt + answer])).logits[0].double().log_softmax(-1)
        for place, token in enumerate(answer, len(prompt)):
            nats -= log_probabilities[place - 1, token].item()
            right += log_probabilities[place - 1].argmax().item() == token
            tokens += 1
    return nats, tokens, right


@pytest.mark.parametrize("kind", ["nano", "gpt2", "lora"])
def test_prediction_equals_a_written_out_computation_at_every_batch_size_and_padding_side(
    kind: str, nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    model, tokenizer = nano.model, copy.deepcopy(nano.tokenizer)
    if kind == "gpt2":
        model = gpt2()
    elif kind == "lora":
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(0)
        model = get_peft_model(
            load_base("nano").model, LoraConfig(target_modules="all-linear", init_lora_weights=False)
        )
        model.eval()
    nats, tokens, right = written_out(model, tokenizer, records)
    size = sum(len(record["completion"].encode()) for record in records)
    for batch_size, side in ((1, "left"), (4, "right"), (64, "left"), (64, "right")):
        tokenizer.padding_side = side
        figures = language_metrics(model, tokenizer, records, batch_size=batch_size, max_new_tokens=1)
        assert figures["loss"] == pytest.approx(nats / tokens, abs=1e-5)
        assert figures["perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-5)
        assert figures["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, abs=1e-5)
        assert figures["token_accuracy"] == right / tokens
        assert (figures["records"], figures["completion_tokens"], figures["too_long"]) == (len(records), tokens, 0)


def test_a_model_that_can_not_choose_positions_gets_the_same_loss(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    from transformers import LlamaForCausalLM

    class AllPositions(LlamaForCausalLM):
        def forward(self, input_ids: Any = None, use_cache: Any = None, **rest: Any) -> Any:
            return super().forward(input_ids=input_ids, use_cache=use_cache, **rest)

    model = AllPositions(nano.model.config).eval()
    model.load_state_dict(nano.model.state_dict())
    expected = language_metrics(nano.model, nano.tokenizer, records, max_new_tokens=1)
    assert same(language_metrics(model, nano.tokenizer, records, max_new_tokens=1), expected)


def test_the_tokens_are_those_of_training_and_of_trl(
    nano: LoadedModel, records: list[dict[str, str]], tmp_path: Path
) -> None:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from serpentune.training._batches import IGNORED
    from serpentune.training.data import tokenize

    samples = tokenize_records(nano.tokenizer, records)
    ids = [sample.prompt + sample.completion for sample in samples]
    starts = [len(sample.prompt) for sample in samples]

    ours = tokenize(Dataset.from_list(records), nano.tokenizer, 1000, "data").rows
    assert (ours["input_ids"][:], ours["prompt_length"][:]) == (ids, starts)

    settings = SFTConfig(output_dir=str(tmp_path), bf16=False, use_cpu=True, max_length=None, report_to="none")
    data = Dataset.from_list(records)
    trl = SFTTrainer(gpt2(), settings, train_dataset=data, processing_class=nano.tokenizer).train_dataset
    assert trl["input_ids"][:] == ids
    assert trl["labels"][:] == [[IGNORED] * start + row[start:] for row, start in zip(ids, starts, strict=True)]


def test_greedy_answers_in_a_batch_are_those_of_each_prompt_alone(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    ids = prompt_ids(nano.tokenizer, [record["prompt"] for record in records])
    for model in (nano.model, gpt2()):
        together = greedy(model, nano.tokenizer, ids, 6)
        for prompt, answer in zip(ids, together, strict=True):
            alone = list(prompt)
            while len(alone) < len(prompt) + 6 and alone[len(prompt) :][-1:] != [nano.tokenizer.eos_token_id]:
                with torch.no_grad():
                    alone.append(int(model(torch.tensor([alone])).logits[0, -1].argmax()))
            assert answer == alone[len(prompt) :]


def test_a_models_own_generation_settings_do_not_change_its_answers(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    from transformers import GenerationConfig

    ids = prompt_ids(nano.tokenizer, [record["prompt"] for record in records])
    model = gpt2()
    expected = greedy(model, nano.tokenizer, ids, 6)
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=5.0, top_p=0.5, repetition_penalty=9.0, no_repeat_ngram_size=1, num_beams=3,
        min_new_tokens=3, eos_token_id=7, pad_token_id=7, max_length=5,
    )  # fmt: skip
    assert greedy(model, nano.tokenizer, ids, 6) == expected


def test_a_model_whose_answers_are_the_completions_gets_full_marks(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    asked = [record["prompt"] for record in records]
    answers = greedy(nano.model, nano.tokenizer, prompt_ids(nano.tokenizer, asked), 20)
    assert all(row[-1] == nano.tokenizer.eos_token_id for row in answers)
    texts = [nano.tokenizer.decode(row, skip_special_tokens=True) for row in answers]
    own = [{"prompt": prompt, "completion": text} for prompt, text in zip(asked, texts, strict=True)]

    done: list[int] = []
    figures = language_metrics(
        nano.model, nano.tokenizer, own, batch_size=4, progress=lambda steps=1, note="": done.append(steps)
    )
    assert figures["bleu"] == pytest.approx(100)  # also where all answers are single moves, which have no 4-grams
    assert (figures["rouge_l"], figures["exact_match"], figures["truncated"]) == (1, 1, 0)
    assert figures["token_accuracy"] == 1
    assert set(figures["undefined"]) == EXPLAINED
    assert sum(done) == len(records)


def test_single_moves_are_compared_as_words(nano: LoadedModel, records: list[dict[str, str]]) -> None:
    model = always(nano.tokenizer(" U")["input_ids"][0], 50.0)
    moves = [{"prompt": records[0]["prompt"], "completion": move} for move in (" U", " R", " U", " L")]
    figures = language_metrics(model, nano.tokenizer, moves, max_new_tokens=1)
    assert (figures["bleu"], figures["rouge_l"], figures["exact_match"]) == (pytest.approx(50), 0.5, 0.5)
    assert figures["truncated"] == 4
    assert "tok:none" in figures["bleu_signature"] and "eff:yes" in figures["bleu_signature"]


def test_words_of_any_script_count(nano: LoadedModel) -> None:
    arrow = nano.tokenizer(" ^")["input_ids"]
    assert len(arrow) == 1
    figures = language_metrics(
        always(arrow[0], 50.0), nano.tokenizer, [{"prompt": "Move:", "completion": " ^"}], max_new_tokens=1
    )
    assert figures["rouge_l"] == figures["exact_match"] == 1


def test_a_model_that_writes_nothing_scores_nothing(nano: LoadedModel, records: list[dict[str, str]]) -> None:
    figures = language_metrics(always(nano.tokenizer.eos_token_id, 1.0), nano.tokenizer, records)
    assert (figures["bleu"], figures["rouge_l"], figures["exact_match"], figures["truncated"]) == (0, 0, 0, 0)
    assert figures["token_accuracy"] == pytest.approx(len(records) / figures["completion_tokens"])  # the end tokens


def test_a_model_that_never_stops_is_cut_and_counted(nano: LoadedModel, records: list[dict[str, str]]) -> None:
    figures = language_metrics(always(nano.tokenizer(" U")["input_ids"][0], 9.0), nano.tokenizer, records)
    assert figures["max_new_tokens"] == 16  # twice seven moves and an end
    assert figures["truncated"] == len(records)
    assert 0 < figures["bleu"] < 20
    assert figures["exact_match"] == 0


def test_moves_are_not_written_to_the_length_of_an_explanation(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    (prompt,) = prompts(random_states(1, 4, 4, seed=1), "BFS", get_encoding("grid"), get_style("explain"))
    model = always(nano.tokenizer(" U")["input_ids"][0], 9.0)  # it never ends an answer
    written: list[int] = []
    model.register_forward_pre_hook(
        lambda _, args, kwargs: written.append(len(kwargs["input_ids"])) if kwargs["input_ids"].shape[1] == 1 else None,
        with_kwargs=True,
    )
    language_metrics(model, nano.tokenizer, records)
    alone = sum(written)
    written.clear()
    explained = [*records, {"prompt": prompt, "completion": f" U\n{' '.join(['UP leads on.'] * 7)}"}]
    figures = language_metrics(model, nano.tokenizer, explained)
    assert figures["truncated"] == figures["records"] == len(explained)
    assert 100 < figures["max_new_tokens"] == sum(written) - alone + 1  # the first token comes with the prompt


def test_a_model_that_knows_nothing_has_the_vocabulary_as_perplexity(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    assert language_metrics(always(0, 0.0), nano.tokenizer, records)["perplexity"] == pytest.approx(512)


def test_what_is_too_large_or_no_number_is_none_with_a_reason(nano: LoadedModel, records: list[dict[str, str]]) -> None:
    huge = language_metrics(always(0, 5000.0), nano.tokenizer, records, max_new_tokens=2)
    assert huge["loss"] == pytest.approx(5000)
    assert huge["perplexity"] is None
    assert huge["undefined"].keys() - EXPLAINED == {"perplexity"} and "too large" in huge["undefined"]["perplexity"]

    broken = language_metrics(always(0, math.nan), nano.tokenizer, records, max_new_tokens=2)
    assert broken["loss"] is broken["perplexity"] is broken["bits_per_byte"] is broken["token_accuracy"] is None
    assert "no finite probability" in broken["undefined"]["loss"]
    json.dumps([huge, broken], allow_nan=False)


def test_records_longer_than_the_context_are_counted_and_left_out(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    samples = tokenize_records(nano.tokenizer, records)
    longest = {len(sample.prompt) for sample in samples}
    model = gpt2(positions=sorted(longest)[-1] + 2)  # room for one move after the longest prompt, not for a plan
    kept = [
        record
        for record, sample in zip(records, samples, strict=True)
        if len(sample.prompt) + len(sample.completion) <= max(longest) + 2
    ]
    assert 0 < len(kept) < len(records)
    done: list[int] = []
    figures = language_metrics(
        model, nano.tokenizer, records, max_new_tokens=1, progress=lambda steps=1, note="": done.append(steps)
    )
    assert (figures["records"], figures["too_long"]) == (len(kept), len(records) - len(kept))
    assert sum(done) == len(records)
    alone = language_metrics(model, nano.tokenizer, kept, max_new_tokens=1)
    assert alone["loss"] == pytest.approx(figures["loss"], abs=1e-6)


def test_a_context_that_no_record_fits_into_leaves_every_figure_undefined(
    nano: LoadedModel, records: list[dict[str, str]]
) -> None:
    figures = language_metrics(gpt2(positions=16), nano.tokenizer, records)
    assert (figures["records"], figures["too_long"]) == (0, len(records))
    assert figures["loss"] is figures["perplexity"] is figures["bleu"] is figures["exact_match"] is None
    assert figures["undefined"]["perplexity"] == "no record fits into the model's context"
    json.dumps(figures, allow_nan=False)


def test_dropout_is_off_while_measuring_and_back_on_after(nano: LoadedModel, records: list[dict[str, str]]) -> None:
    model = gpt2(dropout=0.5)
    expected = language_metrics(model, nano.tokenizer, records, max_new_tokens=2)
    model.train()
    assert language_metrics(model, nano.tokenizer, records, max_new_tokens=2) == expected
    assert model.training


def test_a_tokenizer_needs_no_pad_token(nano: LoadedModel, records: list[dict[str, str]]) -> None:
    tokenizer = copy.deepcopy(nano.tokenizer)
    tokenizer.pad_token = None
    expected = language_metrics(nano.model, nano.tokenizer, records)
    assert same(language_metrics(nano.model, tokenizer, records), expected)
    assert tokenizer.pad_token is None


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": "Move:"}, "Record 1: its completion is missing"),
        ({"prompt": "Move:", "completion": ""}, "Record 1: its completion is missing, empty"),
        ({"prompt": None, "completion": " U"}, "Record 1: its prompt is missing, empty or no text"),
    ],
)
def test_a_record_without_text_is_named(nano: LoadedModel, record: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        language_metrics(nano.model, nano.tokenizer, [{"prompt": "Move:", "completion": " U"}, record])


def test_bad_requests_are_refused(nano: LoadedModel, records: list[dict[str, str]]) -> None:
    endless = copy.deepcopy(nano.tokenizer)
    endless.eos_token = None
    with pytest.raises(UserError, match="no end token"):
        language_metrics(nano.model, endless, records)
    with pytest.raises(UserError, match="no records"):
        language_metrics(nano.model, nano.tokenizer, [])
    with pytest.raises(UserError, match="batch_size is 0"):
        language_metrics(nano.model, nano.tokenizer, records, batch_size=0)
    with pytest.raises(UserError, match="max_new_tokens is 0"):
        language_metrics(nano.model, nano.tokenizer, records, max_new_tokens=0)
