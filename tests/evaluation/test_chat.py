"""The chat form from training to play: what a student of it learns is what it is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation import EvaluationSettings, EvaluationSuite, ModelPlayer, evaluate_model
from serpentune.evaluation.language import tokenize_records
from serpentune.evaluation.play import answers_to
from serpentune.game import letters, random_states
from serpentune.models import LoadedModel, load_base, load_student, open_model, prompt_ids
from serpentune.models.decoding import greedy, stop_ids
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, TrainingConfigBuilder, train
from serpentune.training.data import tokenize
from tests.models.tiny import TURN

SIDE = 4


def records(count: int) -> Any:
    """Boards whose answer is always the same plan, which a few steps teach."""
    from datasets import Dataset

    asked = prompts(random_states(count, SIDE, SIDE, 0), "BFS", get_encoding("grid"), get_style("plan"))
    return Dataset.from_dict({"prompt": asked, "completion": [" U R U"] * count})


def messages(data: Any) -> Any:
    from datasets import Dataset

    return Dataset.from_list(
        [
            {
                "messages": [
                    {"role": "user", "content": row["prompt"]},
                    {"role": "assistant", "content": row["completion"].strip()},
                ]
            }
            for row in data
        ]
    )


def config_for(base: Path, strategy: str, *, chat: bool) -> AdvancedTrainingConfig:
    config = TrainingConfigBuilder().with_strategy(strategy).with_model(str(base), chat=chat).build()
    config.hyperparameters = HyperparameterConfig(
        max_steps=40, batch_size=4, gradient_accumulation_steps=1, learning_rate=1e-2, warmup_steps=0
    )
    return config


@pytest.fixture(scope="module", params=["lora", "full"])
def student(request: pytest.FixtureRequest, chat_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp(request.param)
    # The one is told to take the chat form, the other takes it from its data.
    told = request.param == "lora"
    data = records(64) if told else messages(records(64))
    config = config_for(chat_llama, request.param, chat=told)
    result = train(config, data, data.select(range(8)), folder, quiet=True)
    assert json.loads((result.model_path / "student.json").read_text())["chat"] is True
    return load_student(result.model_path)


def test_a_student_of_the_chat_form_is_asked_in_it_and_stops_at_the_end_of_its_turn(student: LoadedModel) -> None:
    assert student.chat
    states = random_states(5, SIDE, SIDE, 7)
    player = ModelPlayer(student, teacher="BFS", encoding=get_encoding("grid"), style=get_style("plan"))
    answers = answers_to(player, states)
    assert [letters(answer.moves) for answer in answers] == ["URU"] * 5
    assert [answer.tokens for answer in answers] == [4] * 5  # three moves and the end of the turn

    asked = prompts(states, "BFS", get_encoding("grid"), get_style("plan"))
    ids = prompt_ids(student.tokenizer, asked, chat=True)
    turn = student.tokenizer.convert_tokens_to_ids(TURN)
    assert all(row[-1] == turn for row in greedy(student.model, student.tokenizer, ids, 20, chat=True))
    assert stop_ids(student.tokenizer, chat=True) == sorted({turn, student.tokenizer.eos_token_id})


def test_it_trained_on_the_prompts_that_it_is_asked(student: LoadedModel, chat_llama: Path) -> None:
    data, base = records(6), load_base(chat_llama)
    trained = tokenize(data, base.tokenizer, 256, "data", chat=True).rows
    starts = [row["input_ids"][: row["prompt_length"]] for row in trained]
    assert starts == prompt_ids(student.tokenizer, data["prompt"][:], chat=True)
    measured = tokenize_records(student.tokenizer, list(data), chat=True)
    assert [sample.prompt + sample.completion for sample in measured] == trained["input_ids"][:]


def test_its_games_and_its_language_are_measured_in_the_chat_form(student: LoadedModel, tmp_path: Path) -> None:
    settings = EvaluationSettings(games=2, width=SIDE, height=SIDE)
    result = evaluate_model(student, tmp_path / "chat", settings, name="s", test_records=list(records(6)), quiet=True)
    language = json.loads((tmp_path / "chat" / "language.json").read_text())["figures"]
    assert language["exact_match"] == 1 and language["truncated"] == 0 and language["perplexity"] < 1.2
    assert len(result.games) == 2
    # Games of another form would be other games.
    plain = LoadedModel(student.model, student.tokenizer, student.name, student.source)
    with pytest.raises(UserError, match="its chat is"):
        evaluate_model(plain, tmp_path / "chat", settings, name="s", quiet=True)


def test_a_suite_asks_those_in_the_chat_form_that_it_is_told_to(student: LoadedModel, tmp_path: Path) -> None:
    suite = EvaluationSuite(tmp_path, EvaluationSettings(games=1, width=SIDE, height=SIDE), quiet=True)
    pair = (student.model, student.tokenizer)
    report = suite.evaluate_multiple_models({"plain": pair, "chat": pair}, list(records(4)), chat=["chat"])
    # It gives the right answer to its own form alone.
    assert report.summary()["chat"]["bleu"] == pytest.approx(100) and report.summary()["plain"]["bleu"] < 99


def test_messages_and_columns_give_the_same_tokens(chat_llama: Path) -> None:
    tokenizer, data = load_base(chat_llama).tokenizer, records(9)
    columns, chats = (tokenize(form, tokenizer, 256, "data", chat=True) for form in (data, messages(data)))
    assert columns.digest == chats.digest and columns.rows[:] == chats.rows[:]


def test_a_plain_model_is_asked_plainly_unless_told(chat_llama: Path, llama: Path) -> None:
    assert not open_model(chat_llama).chat and open_model(chat_llama, chat=True).chat
    with pytest.raises(UserError, match="no chat template"):
        open_model(llama, chat=True)


@pytest.mark.parametrize("form", ["option", "messages"])
def test_a_base_without_a_template_is_refused(form: str, llama: Path, tmp_path: Path) -> None:
    data = records(4) if form == "option" else messages(records(4))
    with pytest.raises(UserError, match="no chat template"):
        train(config_for(llama, "lora", chat=form == "option"), data, None, tmp_path, quiet=True)


@pytest.mark.parametrize(
    ("chats", "answer"),
    [
        ([["user", "assistant"], ["user"]], "record 1: a chat must be one message"),
        ([["assistant", "user"]], "record 0: a chat must be one message"),
        ([["user", "assistant"], ["user", "assistant", "user", "assistant"]], "record 1: a chat must be one message"),
        ([["user", "assistant"], []], "record 1: a chat must be one message"),
        ([["user", "assistant"], None], "record 1: a chat must be one message"),
    ],
)
def test_chats_of_another_shape_are_refused(chats: list[list[str] | None], answer: str, chat_llama: Path) -> None:
    from datasets import Dataset

    rows = [chat and [{"role": role, "content": "U"} for role in chat] for chat in chats]
    tokenizer = load_base(chat_llama).tokenizer
    with pytest.raises(UserError, match=answer):
        tokenize(Dataset.from_dict({"messages": rows}), tokenizer, 256, "data", chat=True)


def test_columns_that_hold_no_texts_are_refused(chat_llama: Path) -> None:
    from datasets import Dataset

    tokenizer = load_base(chat_llama).tokenizer
    for columns, answer in (
        ({"messages": ["hello"]}, "not lists of messages"),
        ({"messages": [[{"from": "user", "value": "x"}]]}, "has no 'content'"),
        ({"prompt": ["a", None], "completion": ["b", "c"]}, "record 1: the prompt is missing"),
        ({"prompt": ["a"], "completion": [3]}, "'completion' holds int64, not text"),
        (
            {"messages": [[{"role": "user", "content": "x"}, {"role": "assistant", "content": " "}]]},
            "completion is empty",
        ),
    ):
        with pytest.raises(UserError, match=answer):
            tokenize(Dataset.from_dict(columns), tokenizer, 256, "data", chat=True)


def test_whole_columns_go_before_messages(chat_llama: Path) -> None:
    data = records(5)
    both = data.add_column("messages", [[]] * 5)
    tokenizer = load_base(chat_llama).tokenizer
    assert tokenize(both, tokenizer, 256, "data").digest == tokenize(data, tokenizer, 256, "data").digest
