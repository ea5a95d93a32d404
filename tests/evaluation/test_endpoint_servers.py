"""Games through servers of others are those of the model that they serve."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import torch

from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation import (
    Endpoint,
    ModelPlayer,
    Traffic,
    play_games,
)
from serpentune.game import Limits
from serpentune.models import LoadedModel, load_base
from serpentune.models.export import export_model
from tests.evaluation.served import (
    SIDE,
    described,
    games,
    player,
)


@pytest.fixture
def chat_nano(nano: LoadedModel, tmp_path: Path) -> Path:
    """nano, whose tokenizer's chat template shows its own prompts as they are."""
    folder = tmp_path / "nano"
    nano.model.save_pretrained(folder)
    nano.tokenizer.save_pretrained(folder)
    end = nano.tokenizer.eos_token
    template = "{% for message in messages %}{{ message.content }}{% if message.role == 'assistant' %}" + end
    (folder / "chat_template.jinja").write_text(template + "{% endif %}{% endfor %}")
    return folder


def played_here(folder: Path) -> ModelPlayer:
    loaded = load_base(folder, chat=True, dtype=torch.float32)
    encoding, style = get_encoding("grid"), get_style("plan")
    return ModelPlayer(loaded, teacher="BFS", encoding=encoding, style=style, mode="free")


def test_transformers_own_server_plays_the_games_of_the_model_that_it_serves(chat_nano: Path) -> None:
    from transformers.cli.serve import Serve

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Serve(str(chat_nano), host="127.0.0.1", port=port, device="cpu", dtype="float32", non_blocking=True)
    try:
        while not server.server.started:
            time.sleep(0.01)
        asked = Endpoint(f"http://127.0.0.1:{port}/v1", str(chat_nano))
        with player(asked, places=2, traffic=(traffic := Traffic())) as served:
            there = games(served)
    finally:
        server.kill_server()
    local = list(play_games(played_here(chat_nano), range(4), SIDE, SIDE, limits=Limits(max_steps=40)))
    assert there == described(local)
    assert traffic.completion_tokens == sum(game.tokens for game in local)


@pytest.mark.slow
def test_llama_cpp_plays_the_games_of_the_model_that_was_exported_to_it(chat_nano: Path, tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("xllamacpp", reason="llama.cpp's bindings are not installed")
    (file,) = export_model(chat_nano, tmp_path / "out", gguf=["f32"]).gguf
    settings = llama_cpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.warmup = str(file.path), 2048, 2, False
    server = llama_cpp.Server(settings)
    with player(Endpoint(f"{server.listening_address}/v1", "nano"), places=2) as served:
        there = games(served)
    del server
    assert there == games(played_here(chat_nano))
