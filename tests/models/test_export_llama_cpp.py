"""GGUF files in llama.cpp itself, which knows nothing of us: the same text in, the same answer out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.models import find_base, open_model, prompt_ids
from serpentune.models.export import export_model
from tests.models.test_export import PROMPT, save

llama_cpp = pytest.importorskip("xllamacpp", reason="llama.cpp's bindings are not installed: pip install xllamacpp")

PROMPTS = {
    "nano": [
        PROMPT,
        "Player BFS. Board 4x4, heading UP.\n . . . .\n . A . .\n . . H .\n . . ^ .\nMoves:",
        "Player CELL. Board 5x5, heading LEFT.\n . . . v <\n . . . v ^\n A . . v ^\n . H < < ^\n . . . . .\nMoves:",
    ],
    "smollm2-135m": ["The capital of France is", "1234 + 66 = ", "def f(x):\n    return x  # it's"],
}


@contextmanager
def served(path: Path) -> Iterator[Any]:
    settings = llama_cpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx = 512
    settings.cpuparams.n_threads = 1
    settings.warmup = False
    server = llama_cpp.Server(settings)
    yield server
    del server


@pytest.mark.slow
@pytest.mark.parametrize("base", PROMPTS)
def test_llama_cpp_reads_the_same_tokens_and_writes_the_same_answer(base: str, tmp_path: Path) -> None:
    try:
        find_base(base)
    except UserError as error:
        pytest.skip(str(error))
    model: str | Path = save(tmp_path / "student", base) if base == "nano" else base
    (file,) = export_model(model, tmp_path / "out", gguf=["f32"]).gguf
    loaded = open_model(model, dtype=torch.float32)
    with served(file.path) as server:
        for prompt in PROMPTS[base]:
            done = server.handle_completions({"prompt": prompt, "max_tokens": 16, "temperature": 0})
            ids = torch.tensor(prompt_ids(loaded.tokenizer, [prompt]))
            written = loaded.model.generate(ids, max_new_tokens=16, do_sample=False)[0, ids.shape[1] :]
            assert done["usage"]["prompt_tokens"] == ids.shape[1]
            assert done["choices"][0]["text"] == loaded.tokenizer.decode(written, skip_special_tokens=True)
