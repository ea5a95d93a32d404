from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import concatenate_datasets
from transformers import TrainerCallback

from serpentune.common.errors import UserError
from serpentune.models import STRATEGIES, load_base, load_student, prompt_ids
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from serpentune.training.callbacks import ProgressObserver
from tests.training.samples import samples


def config_for(base: Path, strategy: str, **changes: Any) -> AdvancedTrainingConfig:
    steps = {"num_epochs": 1, "batch_size": 8, "gradient_accumulation_steps": 1, "learning_rate": 1e-2} | changes
    return AdvancedTrainingConfig(
        training_strategy=strategy,
        base_model_name=str(base),
        hyperparameters=HyperparameterConfig(**steps),
        logging_steps=10,
        eval_steps=25,
    )


def log_likelihood(model: Any, tokenizer: Any, data: Any) -> float:
    """Mean negative log-likelihood of completion and end token, one sample at a time: the plain way."""
    total, count = 0.0, 0
    with torch.inference_mode():
        for row in data:
            prompt = prompt_ids(tokenizer, [row["prompt"]])[0]
            answer = [*tokenizer(row["completion"]).input_ids, tokenizer.eos_token_id]
            logits = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
            total -= logits.log_softmax(-1)[range(len(answer)), answer].sum().item()
            count += len(answer)
    return total / count


@pytest.mark.parametrize("family", ["llama", pytest.param("gpt2", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "strategy",
    [name if name in {"full", "lora", "qlora"} else pytest.param(name, marks=pytest.mark.slow) for name in STRATEGIES],
)
def test_a_student_learns_and_its_saved_model_has_the_reported_loss(
    strategy: str, family: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(family)
    held_out = samples(40, 1)
    result = train(config_for(base, strategy), samples(400), held_out, tmp_path, quiet=True)
    losses = [entry["loss"] for entry in result.history if "loss" in entry]
    assert losses[-1] < 0.8 * losses[0] and result.final_loss == losses[-1]
    assert [entry["step"] for entry in result.history if "eval_loss" in entry] == [25, 50]
    assert result.steps == 50 and result.samples == 400 and result.samples_too_long == 0
    assert result.samples_per_second == pytest.approx(400 / result.seconds)
    assert 10 < result.tokens_per_second / result.samples_per_second < 40  # tokens of a sample
    assert result.peak_memory_mb is not None and result.peak_memory_mb > 0
    assert (result.trainable_parameters == result.parameters) == (strategy == "full")
    student = load_student(result.model_path)
    assert result.eval_loss == pytest.approx(log_likelihood(student.model, student.tokenizer, held_out), rel=1e-4)
    assert (result.model_path, result.model_path.name) == (tmp_path / "final_model", "final_model")
    untuned = load_base(base)
    assert result.eval_loss < 0.8 * log_likelihood(untuned.model, untuned.tokenizer, held_out)


def test_accumulated_batches_move_the_weights_like_one_large_batch(llama: Path, tmp_path: Path) -> None:
    ends = []
    for size in (16, 4):
        config = config_for(llama, "full", batch_size=size, gradient_accumulation_steps=16 // size, learning_rate=1e-3)
        data = samples(16)  # one step, so that both see the same sixteen samples
        train(config, data, None, tmp_path / str(size), quiet=True)
        ends.append(load_student(tmp_path / str(size) / "final_model").model.state_dict())
    for name, weight in ends[0].items():
        torch.testing.assert_close(weight, ends[1][name], rtol=1e-3, atol=1e-5, msg=name)


def test_the_training_loss_is_the_mean_over_tokens_where_batches_hold_unlike_many(llama: Path, tmp_path: Path) -> None:
    data = concatenate_datasets([samples(24, longest=1), samples(8, 1, cells=40, longest=40)])
    config = config_for(llama, "full", learning_rate=1e-12)  # nothing is learnt: every step sees the same model
    result = train(config, data, data, tmp_path, quiet=True)
    assert [entry["step"] for entry in result.history if "loss" in entry] == [4]
    base = load_base(str(llama))
    assert result.final_loss == pytest.approx(log_likelihood(base.model, base.tokenizer, data), rel=1e-4)
    assert result.final_loss == pytest.approx(result.eval_loss, rel=1e-4)


def test_the_same_seed_gives_the_same_student(llama: Path, tmp_path: Path) -> None:
    def run(seed: int, folder: str) -> float:
        config = config_for(llama, "lora")
        config.seed = seed
        return train(config, samples(80), None, tmp_path / folder, quiet=True).final_loss

    assert run(1, "a") == run(1, "b") != run(2, "c")


def test_observers_see_every_step_and_standard_output_stays_clean(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Count(TrainerCallback):
        steps = 0

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.steps += 1

    count = Count()
    result = train(config_for(llama, "lora"), samples(48), samples(8, 1), tmp_path, callbacks=[count], quiet=True)
    assert count.steps == result.steps == 6
    assert capsys.readouterr().out == ""


def test_long_warm_up_is_capped_and_said(llama: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        train(config_for(llama, "lora", warmup_steps=100), samples(160), None, tmp_path, quiet=True)
    assert "warmup_steps 100 is more than a tenth of this run's 20 steps: 2 are used" in caplog.text


def test_checkpointed_activations_change_no_loss(llama: Path, tmp_path: Path) -> None:
    plain = config_for(llama, "lora")
    thrifty = plain.model_copy(deep=True)
    thrifty.gradient_checkpointing = True
    losses = [
        train(config, samples(80), None, tmp_path / name, quiet=True).final_loss
        for name, config in (("plain", plain), ("thrifty", thrifty))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_nothing_of_an_earlier_run_is_replaced_unasked(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama, "lora", max_steps=2)
    first = train(config, samples(16), None, tmp_path, quiet=True)
    before = first.model_path.joinpath("adapter_model.safetensors").read_bytes()
    config.seed = 1
    with pytest.raises(UserError, match="earlier run"):
        train(config, samples(16), None, tmp_path, quiet=True)
    assert first.model_path.joinpath("adapter_model.safetensors").read_bytes() == before
    train(config, samples(16), None, tmp_path, overwrite=True, quiet=True)
    assert first.model_path.joinpath("adapter_model.safetensors").read_bytes() != before


def test_a_run_that_blows_up_stops_with_a_reason(llama: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    broken.mkdir()
    for file in llama.iterdir():
        broken.joinpath(file.name).write_bytes(file.read_bytes())
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = math.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    config = config_for(broken, "lora")
    config.logging_steps = 1
    with pytest.raises(UserError, match=r"The loss is nan at step 1.*learning rate"):
        train(config, samples(80), None, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out" / "final_model").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_precision_that_the_machine_lacks_is_refused_before_any_work(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama, "lora")
    config.fp16 = True
    with pytest.raises(UserError, match="fp16 needs a CUDA GPU"):
        train(config, samples(8), None, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_samples_beyond_the_model_context_are_left_out(llama: Path, tmp_path: Path) -> None:
    short, long = samples(16), samples(4, 1, cells=300)
    from datasets import concatenate_datasets

    result = train(config_for(llama, "lora"), concatenate_datasets([short, long]), None, tmp_path, quiet=True)
    assert (result.samples, result.samples_too_long) == (16, 4)


def test_the_bar_tells_losses_and_tokens_a_second(llama: Path, tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    trained = 0

    def tokens() -> int:
        nonlocal trained
        trained += 1000
        return trained

    class Tell(ProgressObserver):
        def __init__(self) -> None:
            super().__init__(lambda steps=1, note="": told.append((steps, note)), tokens)

    result = train(config_for(llama, "lora"), samples(160), samples(8, 1), tmp_path, callbacks=[Tell()], quiet=True)
    assert sum(steps for steps, _ in told) == result.steps == 20
    assert told[0] == (1, "")
    assert re.fullmatch(r"[\d,]+ tokens/s", told[1][1])
    assert re.fullmatch(
        rf"loss {result.final_loss:.4f}  eval loss {result.eval_loss:.4f}  [\d,]+ tokens/s", told[-1][1]
    )
