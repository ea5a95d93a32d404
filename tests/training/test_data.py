from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.models import load_base
from serpentune.training._batches import IGNORED, Collator, StepOrder
from serpentune.training.data import draw, tokenize
from tests.training.samples import samples


def test_only_completion_and_end_token_are_learned(llama: Path) -> None:
    tokenizer = load_base(llama).tokenizer
    data = samples(8)
    tokens = tokenize(data, tokenizer, 256, "training data")
    batch = Collator(tokenizer.pad_token_id)([tokens.rows[row] for row in range(8)])
    for row in range(8):
        targets = batch["targets"][row]
        learned = targets[targets != IGNORED].tolist()
        assert tokenizer.decode(learned) == data[row]["completion"] + tokenizer.eos_token
        # Each target is the token after the position whose logits are kept, and what comes before is the prompt.
        positions = batch["logits_to_keep"][targets != IGNORED]
        assert batch["input_ids"][row][positions + 1].tolist() == learned
        assert tokenizer.decode(batch["input_ids"][row][: positions[0] + 1]) == data[row]["prompt"]


def test_too_long_samples_are_left_out_and_counted(llama: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = load_base(llama).tokenizer
    lengths = tokenize(samples(50), tokenizer, 256, "training data").lengths
    limit = int(np.median(lengths))
    tokens = tokenize(samples(50), tokenizer, limit, "training data")
    assert tokens.too_long == int((lengths > limit).sum()) > 0
    assert len(tokens.rows) == 50 - tokens.too_long and tokens.lengths.max() <= limit
    assert f"{tokens.too_long} of 50 samples" in caplog.text
    with pytest.raises(UserError, match="longer than max_length = 8 tokens"):
        tokenize(samples(50), tokenizer, 8, "training data")


def test_fewer_samples_are_a_part_of_more_of_the_same_seed(llama: Path) -> None:
    tokens = tokenize(samples(50), load_base(llama).tokenizer, 256, "training data")
    few, many, others = draw(tokens, 10, 0), draw(tokens, 30, 0), draw(tokens, 10, 1)
    assert set(few.rows["record"]) < set(many.rows["record"]) and set(few.rows["record"]) != set(others.rows["record"])
    assert [len(row["input_ids"]) for row in few.rows] == few.lengths.tolist()
    assert few.digest == tokens.digest and draw(tokens, 50, 0) is tokens is draw(tokens, 60, 0)


def test_bad_data_sets_are_explained(llama: Path) -> None:
    tokenizer = load_base(llama).tokenizer
    with pytest.raises(UserError, match="no column 'completion'"):
        tokenize(samples(3).remove_columns("completion"), tokenizer, 256, "training data")
    with pytest.raises(UserError, match="The training data is empty"):
        tokenize(samples(3).select([]), tokenizer, 256, "training data")
    with pytest.raises(UserError, match="record 1: the completion is empty"):
        data = samples(3).map(
            lambda row, index: {"completion": "" if index == 1 else row["completion"]}, with_indices=True
        )
        tokenize(data, tokenizer, 256, "training data")


def test_every_step_is_a_random_sample_and_its_batches_are_sorted_by_length() -> None:
    lengths = np.random.default_rng(0).integers(10, 60, 1003)
    sampler = StepOrder(lengths, 8, seed=1, batches=4)
    first, again = list(sampler), list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert first == again and first != second
    assert sorted(first) == sorted(second) == list(range(1003)) and len(sampler) == 1003
    steps = [lengths[first[start : start + 32]] for start in range(0, 1003, 32)]
    assert all((np.diff(step) >= 0).all() for step in steps)
    # Steps differ in length no more than random samples do.
    spread = np.std([step.mean() for step in steps[:-1]])
    assert 0.5 < spread / (lengths.std() / np.sqrt(32)) < 1.5
