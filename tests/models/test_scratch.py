from __future__ import annotations

from pathlib import Path

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.evaluation.contestants import weights_sha256
from serpentune.models import SCRATCH, FullConfig, base_config, bytes_on_disk, load_base, open_model, save_student
from serpentune.training import AdvancedTrainingConfig, check_machine, forecast

SIZES = {"scratch-2m": 1_575_040, "scratch-10m": 9_771_264, "scratch-30m": 30_291_072}


@pytest.mark.parametrize("name", SCRATCH)
def test_a_size_is_what_its_name_says_and_is_known_without_weights(name: str) -> None:
    found = forecast(AdvancedTrainingConfig(base_model_name=name, training_strategy="full"))
    assert found.parameters == found.trainable_parameters == SIZES[name] and not found.problems
    assert found.memory is not None and found.memory.total > 16 * SIZES[name]


def test_one_seed_gives_one_model_whatever_was_drawn_before() -> None:
    first = load_base("scratch-2m", seed=1)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    again, other = load_base("scratch-2m", seed=1), load_base("scratch-2m", seed=2)
    assert torch.equal(torch.rand(3), expected)  # the caller's own random numbers go on
    assert weights_sha256(first.model) == weights_sha256(again.model) != weights_sha256(other.model)
    assert first.source == "scratch" and first.model.num_parameters() == SIZES["scratch-2m"]
    assert bytes_on_disk(first) is None


def test_it_reads_what_nano_reads() -> None:
    nano, scratch = load_base("nano"), load_base("scratch-2m")
    text = "Player CELL. Board 6x6:"
    assert scratch.tokenizer(text).input_ids == nano.tokenizer(text).input_ids
    assert scratch.model.generation_config.eos_token_id == nano.tokenizer.eos_token_id
    assert base_config("scratch-2m").vocab_size == len(nano.tokenizer)


def test_a_student_of_it_needs_it_no_more(tmp_path: Path) -> None:
    base = load_base("scratch-2m", seed=3)
    save_student(tmp_path / "student", base.model, base.tokenizer, base=base.name, strategy=FullConfig())
    assert weights_sha256(open_model(tmp_path / "student").model) == weights_sha256(base.model)
    assert "built into serpentune" in (tmp_path / "student" / "README.md").read_text()


def test_adapters_on_random_weights_are_refused_with_the_reason() -> None:
    config = AdvancedTrainingConfig(base_model_name="scratch-10m", training_strategy="lora")
    with pytest.raises(UserError, match=r"scratch-10m has random weights.*strategy full"):
        check_machine(config)
    (problem,) = forecast(config).problems
    assert "random weights" in problem
    with pytest.raises(UserError, match="random weights"):
        load_base("scratch-2m", quantize=True)
