from __future__ import annotations

import io
import pickle
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pytest

from serpentune.common.errors import UserError
from serpentune.models import load_base, open_tokenizer
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from serpentune.training._token_cache import cached
from serpentune.training.data import Tokens, tokenize
from tests.training.samples import samples


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SERPENTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tokens"


def content(tokens: Tokens) -> tuple[Any, ...]:
    return tokens.rows[:], tokens.lengths.tolist(), tokens.too_long, tokens.digest


def test_a_second_start_reads_what_the_first_one_kept(
    llama: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limit = 20  # some samples are longer
    with caplog.at_level("INFO"):
        first = tokenize(samples(300), load_base(llama).tokenizer, limit, "training data")
        (file,) = folder.iterdir()
        assert f"training data: {len(first.rows)} samples tokenised" in caplog.text and str(file) in caplog.text
        written, warning = file.stat().st_mtime_ns, f"{first.too_long} of 300 samples"
        assert first.too_long and warning in caplog.text
        caplog.clear()
        again = tokenize(samples(300), load_base(llama).tokenizer, limit, "training data")
        assert f"{len(first.rows)} tokenised samples from {file}" in caplog.text and warning in caplog.text
    assert content(again) == content(first)
    assert [path.name for path in folder.iterdir()] == [file.name] and file.stat().st_mtime_ns == written


def test_pieces_of_any_size_hold_the_same_text(llama: Path, folder: Path) -> None:
    """How the data set lies in memory, or which of its rows were chosen how, is not what its tokens come from."""
    from datasets import concatenate_datasets

    tokenizer, whole = open_tokenizer(llama), samples(50)
    expected = content(tokenize(whole, tokenizer, 256, "data"))
    parts = concatenate_datasets([whole.select(range(0, 7)), whole.select(range(7, 50)).remove_columns("teacher")])
    assert content(tokenize(parts, tokenizer, 256, "data")) == expected
    assert len(list(folder.iterdir())) == 1
    backwards = tokenize(whole.select(range(49, -1, -1)), tokenizer, 256, "data")
    assert backwards.rows["input_ids"][::-1] == expected[0]["input_ids"]
    assert len(list(folder.iterdir())) == 2


def test_whatever_decides_the_tokens_decides_the_file(llama: Path, chat_llama: Path, folder: Path) -> None:
    data, tokenizer = samples(20), open_tokenizer(chat_llama)

    def files(*arguments: Any, **options: Any) -> int:
        tokenize(*arguments, "data", **options)
        return len(list(folder.iterdir()))

    assert files(data, tokenizer, 256) == 1
    assert files(data, tokenizer, 255) == 2
    assert files(data, open_tokenizer(llama), 256) == 3
    assert files(data, tokenizer, 256, chat=True) == 4
    # The boundary between prompt and completion moves by one character.
    moved = data.map(lambda row: {"prompt": row["prompt"] + row["completion"][0], "completion": row["completion"][1:]})
    assert files(moved, tokenizer, 256) == 5
    tokenizer.chat_template = tokenizer.chat_template.replace("assistant", "snake")
    assert files(data, tokenizer, 256) == 5
    # What the template shows for an answer follows the role; that the prompt's end says otherwise is refused.
    tokenizer.chat_template = tokenizer.chat_template.replace("message.role", "'snake'")
    assert files(data, tokenizer, 256, chat=True) == 6


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty", "of another key", "no file of ours"])
def test_a_damaged_file_is_noticed_and_made_again(
    damage: str, llama: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = open_tokenizer(llama)
    expected = content(tokenize(samples(40), tokenizer, 256, "data"))
    (file,) = folder.iterdir()
    sound = file.read_bytes()
    if damage == "of another key":
        tokenize(samples(40, 1), tokenizer, 256, "data")
        (other,) = set(folder.iterdir()) - {file}
        other.replace(file)
    else:
        flipped = bytearray(sound)
        flipped[len(sound) // 2] ^= 1
        file.write_bytes(
            {"torn": sound[:-100], "flipped": bytes(flipped), "empty": b"", "no file of ours": b"text" * 99}[damage]
        )
    assert content(tokenize(samples(40), tokenizer, 256, "data")) == expected
    assert f"{file} is damaged and is made again" in caplog.text
    assert file.read_bytes() == sound


def test_without_a_place_to_write_the_run_goes_on(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = content(tokenize(samples(40), open_tokenizer(llama), 256, "data"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("SERPENTUNE_CACHE", str(tmp_path / "file"))
    assert content(tokenize(samples(40), open_tokenizer(llama), 256, "data")) == expected
    assert "can't be cached and are made in memory" in caplog.text


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_leaves_nothing_and_the_run_goes_on(
    llama: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = open_tokenizer(llama)
    with largest_file(1 << 16):
        tokens = tokenize(samples(5000), tokenizer, 256, "data")
    assert "can't be cached and are made in memory" in caplog.text and not list(folder.iterdir())
    assert content(tokenize(samples(5000), tokenizer, 256, "data")) == content(tokens)
    assert len(list(folder.iterdir())) == 1


def test_a_fault_of_the_data_is_no_fault_of_the_disk(llama: Path, folder: Path) -> None:
    with pytest.raises(UserError, match="longer than max_length = 8"):
        tokenize(samples(5), open_tokenizer(llama), 8, "data")
    assert not list(folder.iterdir())


def write(file: IO[bytes]) -> dict[str, Any]:
    batch = pa.record_batch({"input_ids": pa.array([[1, 2], [3]]), "prompt_length": pa.array([1, 0])})
    with pa.ipc.new_stream(file, batch.schema) as stream:
        stream.write_batch(batch)
    return {"digest": "d"}


def test_two_at_once_do_each_other_no_harm(folder: Path) -> None:
    """Another process begins and ends while the first one writes, and reads on while the first replaces its file."""
    met: list[Any] = []

    def slow(file: IO[bytes]) -> dict[str, Any]:
        met.append(cached("a" * 64, write, "other"))
        return write(file)

    rows, about = cached("a" * 64, slow, "first")
    (others, _) = met[0]
    assert rows[:] == others[:] == {"input_ids": [[1, 2], [3]], "prompt_length": [1, 0]} and about == {"digest": "d"}
    assert [path.name for path in folder.iterdir()] == ["a" * 64 + ".arrow"]
    assert cached("a" * 64, lambda _: pytest.fail("made again"), "third")[0][:] == rows[:]


def test_another_process_is_sent_the_path_and_not_the_tokens(llama: Path, folder: Path) -> None:
    rows = tokenize(samples(2000), open_tokenizer(llama), 256, "data").rows
    sent = io.BytesIO()
    pickle.dump(rows, sent)
    assert sent.tell() < 10_000 < rows.data.nbytes
    sent.seek(0)
    assert pickle.load(sent)[:] == rows[:]


def test_a_run_from_the_cache_and_with_workers_gives_the_same_losses(llama: Path, folder: Path, tmp_path: Path) -> None:
    def losses(name: str, workers: int = 0) -> list[float]:
        config = AdvancedTrainingConfig(
            base_model_name=str(llama),
            hyperparameters=HyperparameterConfig(num_epochs=1, batch_size=4, gradient_accumulation_steps=1),
            logging_steps=1,
            dataloader_num_workers=workers,
        )
        run = train(config, samples(40), samples(8, 1), tmp_path / name, quiet=True)
        return [entry.get("loss", entry.get("eval_loss", 0.0)) for entry in run.history]

    first = losses("first")
    assert len(list(folder.iterdir())) == 2
    assert losses("again") == losses("workers", 2) == first and len(first) == 11
