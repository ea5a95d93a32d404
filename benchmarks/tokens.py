"""How fast records become token ids with nano's tokenizer: at the first start, at the second, and only counted.

    python benchmarks/tokens.py [--quick] [--json]

The records are random boards of 10x10 with plans of one to eight moves. A start is `training.data.tokenize`, which the
first time tokenises and keeps the ids in the cache (a temporary one here), and the second time finds, checks and maps
them. Each start is a process of its own, in turns; loading the texts and the tokenizer is in no figure. Memory is what
a start adds to the peak of its process. Fetching is what the data loader does for batches of 16 in training's order.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks._common import Figure, run, say, seconds
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.game import random_states
from serpentune.models import open_tokenizer, token_lengths

RECORDS, SIDE = 50_000, 10
FORMS = ("plain", "chat")
CHATML = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""Nano has no template of its own."""

START = """
import json, sys, time
import pyarrow.parquet as pq
from datasets import Dataset
from torch.utils.data import DataLoader
from serpentune.common.memory import host_peak_bytes
from serpentune.models import open_tokenizer
from serpentune.training._batches import Collator, StepOrder
from serpentune.training.data import tokenize
data, tokenizer = Dataset(pq.read_table(sys.argv[1])), open_tokenizer("nano")
if len(sys.argv) > 2:
    tokenizer.chat_template = sys.argv[2]
tokenize(data.select(range(10)), tokenizer, 512, "warm-up", chat=len(sys.argv) > 2)
before, began = host_peak_bytes(), time.perf_counter()
tokens = tokenize(data, tokenizer, 512, "data", chat=len(sys.argv) > 2)
took, added = time.perf_counter() - began, host_peak_bytes() - before
order = StepOrder(tokens.lengths, 16, 0)
began = time.perf_counter()
for batch in DataLoader(tokens.rows, batch_size=16, sampler=order, collate_fn=Collator(tokenizer.pad_token_id)):
    pass
print(json.dumps([took, added / 1e6, len(tokens.rows) / (time.perf_counter() - began), tokens.digest]))
"""


def records(count: int) -> pa.Table:
    random = np.random.default_rng(0)
    texts = prompts(random_states(count, SIDE, SIDE, 0), "BFS", get_encoding("grid"), get_style("plan"))
    plans = ["".join(f" {letter}" for letter in random.choice(list("URDL"), random.integers(1, 9))) for _ in texts]
    return pa.table({"prompt": texts, "completion": plans})


def start(data: Path, cache: Path, form: str) -> list[float]:
    """Seconds, megabytes added, and samples per second fetched afterwards."""
    command = [sys.executable, "-c", START, str(data), *([CHATML] if form == "chat" else [])]
    environment = os.environ | {"SERPENTUNE_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
    figures: list[float] = json.loads(done.stdout)[:3]
    return figures


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    count, repeats = (RECORDS // 5, 1) if quick else (RECORDS, 3)
    table = records(count)
    tokenizer = open_tokenizer("nano")
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "records.parquet"
        pq.write_table(table, data)
        for form in FORMS:
            say(f"{form}: {count:,} records, {repeats} first and second starts ...")
            turns = [
                (start(data, Path(name) / f"{form}{turn}", form), start(data, Path(name) / f"{form}{turn}", form))
                for turn in range(repeats)
            ]
            (first, added, _), (second, added_again, fetched) = np.median(turns, axis=0).tolist()
            ratio = statistics.median(one[0] / two[0] for one, two in turns)
            yield Figure(form, f"first start, {count:,} records", first, "s", "lower")
            yield Figure(form, "first start, memory added", added, "MB", "lower")
            yield Figure(form, f"second start, {count:,} records", second, "s", "lower")
            yield Figure(form, "second start, memory added", added_again, "MB", "lower")
            yield Figure(form, "first start over second", ratio, "times")
            yield Figure(form, "fetching", fetched, "samples/s")
            if form == "chat":
                tokenizer.chat_template = CHATML
            asked, answered = table["prompt"].to_pylist(), table["completion"].to_pylist()
            counting = partial(token_lengths, tokenizer, asked, answered, form == "chat")
            tokens = int(counting().sum())
            taken = statistics.median(seconds(counting) for _ in range(repeats))
            yield Figure(form, "counting", tokens / taken, "tokens/s")


if __name__ == "__main__":
    run(__doc__ or "", measure)
