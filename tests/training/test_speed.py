from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from numpy.typing import NDArray
from torch.utils.data import BatchSampler

from serpentune.models import FullConfig, LoRAConfig, load_base, wrap
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from serpentune.training._batches import IGNORED, Collator, StepOrder, few_widths, packer
from serpentune.training._prepare import prepare, trainer_of
from serpentune.training._speed import narrow_stream, skip_masks
from tests.training.samples import samples


def padded(lengths: NDArray[np.int64], widths: list[int]) -> int:
    return sum(min(width for width in widths if width >= length) for length in lengths.tolist())


def test_widths_are_those_that_need_the_fewest_tokens() -> None:
    random = np.random.default_rng(0)
    for _ in range(40):
        lengths, most = random.integers(1, 90, random.integers(1, 50)), int(random.integers(1, 5))
        widths = few_widths(lengths, most)
        assert widths == sorted(set(widths)) and len(widths) <= most and all(width % 8 == 0 for width in widths)
        possible = sorted(set((-(-lengths // 8) * 8).tolist()))
        others = [
            [*some, possible[-1]] for count in range(most) for some in itertools.combinations(possible[:-1], count)
        ]
        assert padded(lengths, widths) == min(padded(lengths, other) for other in others)


def test_batches_have_few_shapes_and_their_filling_counts_for_nothing() -> None:
    rows = [{"input_ids": list(range(1, length + 1)), "prompt_length": 4} for length in (6, 9)]
    batch = Collator(0, widths=[8, 16, 24], rows=4)(rows)
    assert batch["input_ids"].shape == (4, 16)
    assert batch["targets"].shape[0] == 4
    assert int((batch["targets"] != IGNORED).sum()) == 2 + 5
    assert bool((batch["targets"][2:] == IGNORED).all())
    exact = Collator(0)(rows)
    assert exact["input_ids"].shape == (2, 9)
    assert torch.equal(exact["logits_to_keep"], batch["logits_to_keep"])


def test_packed_batches_hold_every_sample_once_and_have_few_shapes() -> None:
    random = np.random.default_rng(0)
    rows = [
        {"input_ids": random.integers(1, 90, length), "prompt_length": 20} for length in random.integers(22, 60, 95)
    ]
    lengths = np.array([len(row["input_ids"]) for row in rows])
    order = StepOrder(lengths, 10, seed=0, sorts=False)
    pack = packer(lengths, np.full(len(rows), 20), order, 10, pad_token_id=0, epochs=8)
    shapes = set()
    for epoch, start in itertools.product(range(8), range(0, len(rows), 10)):
        samples = [rows[place] for place in order.places(epoch)[start : start + 10]]
        batch = pack(samples)
        ids, ends, total = batch["input_ids"][0], batch["sequence_ends"].tolist(), batch["input_ids"].shape[1]
        shapes.add((total, len(batch["logits_to_keep"]), len(ends), batch["longest_sequence"]))
        assert ends[0] == 0 and ends[-1] == total and max(np.diff(ends)) <= batch["longest_sequence"] == lengths.max()
        counted = batch["targets"][0] != IGNORED
        kept, targets = batch["logits_to_keep"][counted], batch["targets"][0][counted]
        assert torch.equal(ids[kept + 1], targets)
        for sample, begin, end in zip(samples, ends, ends[1:], strict=False):
            assert ids[begin:end].tolist() == sample["input_ids"].tolist()
            assert batch["position_ids"][0, begin:end].tolist() == list(range(end - begin))
            learnt = targets[(kept + 1 >= begin + 20) & (kept + 1 < end)]
            assert learnt.tolist() == sample["input_ids"][20:].tolist()
        held = sum(len(sample["input_ids"]) for sample in samples)
        assert not ids[held:].any() and len(targets) == held - 20 * len(samples)
    assert len(shapes) == 1


@pytest.mark.parametrize("seed", range(10, 20))
def test_packed_batches_of_several_processes_have_that_shape_too(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = [
        {"input_ids": random.integers(1, 90, length), "prompt_length": 20} for length in random.integers(22, 99, 75)
    ]
    lengths = np.array([len(row["input_ids"]) for row in rows])
    order = StepOrder(lengths, 8, seed, batches=2, sorts=False)
    pack = packer(lengths, np.full(len(rows), 20), order, 8, pad_token_id=0, epochs=1, processes=2)
    batches = [
        [rows[place] for place in places]
        for process in range(2)
        for places in BatchSamplerShard(BatchSampler(order, 8, drop_last=False), 2, process)
    ]
    assert len(batches) == 10 and all(len(batch) == 8 for batch in batches)
    assert (
        len({tuple(value.shape for value in pack(batch).values() if torch.is_tensor(value)) for batch in batches}) == 1
    )


def test_a_trainer_that_packs_has_batches_of_one_shape(llama: Path, tmp_path: Path) -> None:
    config = AdvancedTrainingConfig(training_strategy="full", base_model_name=str(llama), bf16=False)
    run = prepare(config, samples(30), None, tmp_path / "run", resume=False, overwrite=False)
    packing, _ = trainer_of(config, run.base, run.trainer.model, run.tokens, None, tmp_path / "packing", packs=True)
    shapes = {batch["input_ids"].shape for batch in packing.get_train_dataloader()}
    assert packing.packs and len(shapes) == 1


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_model_without_masks_answers_as_before(family: str, request: pytest.FixtureRequest) -> None:
    model = load_base(request.getfixturevalue(family)).model
    ids = torch.randint(1, 300, (3, 20), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = model(input_ids=ids, use_cache=False).logits
        skip_masks(model, 20)
        assert torch.equal(model(input_ids=ids, use_cache=False).logits, before)
    assert model.config._attn_implementation == "causal"


def test_a_model_with_a_short_window_keeps_its_masks(llama: Path) -> None:
    model = load_base(llama).model
    model.config.sliding_window = 16
    skip_masks(model, 20)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("strategy", [FullConfig(), LoRAConfig(dropout=0)])
def test_a_narrow_stream_is_narrow_in_every_layer_and_weights_learn_in_full(
    strategy: FullConfig | LoRAConfig, llama: Path
) -> None:
    model = wrap(load_base(llama, dtype=torch.float32).model, strategy).train()
    seen: list[torch.dtype] = []
    layers = [module for module in model.modules() if type(module).__name__ == "LlamaDecoderLayer"]
    for layer in layers:
        layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    narrow_stream(model, torch.bfloat16)
    ids = torch.randint(1, 300, (2, 12), generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        model(input_ids=ids, labels=ids).loss.backward()
    assert seen == [torch.bfloat16] * len(layers)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert learning and all(parameter.grad is not None for parameter in learning)
    assert {parameter.grad.dtype for parameter in learning if parameter.grad is not None} == {torch.float32}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["full", "lora", "qlora"])
def test_a_compiled_model_learns_the_same(strategy: str, llama: Path, tmp_path: Path) -> None:
    config = AdvancedTrainingConfig(
        training_strategy=strategy,
        base_model_name=str(llama),
        hyperparameters=HyperparameterConfig(
            num_epochs=1, batch_size=8, gradient_accumulation_steps=1, learning_rate=5e-3
        ),
        logging_steps=1,
    )
    config.lora.dropout = config.qlora.dropout = 0  # compiled code draws other random numbers
    losses = []
    for compiles in (False, True):
        config.torch_compile = compiles
        result = train(config, samples(60), samples(8, 1), tmp_path / str(compiles), quiet=True)
        losses.append([entry["loss"] for entry in result.history if "loss" in entry] + [result.eval_loss])
    assert len(losses[0]) == 9
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-4)
