"""Make `nano`, the built-in base model: a small llama that knows the rules of Snake and no teacher.

    python scripts/pretrain_nano.py --output src/serpentune/models/nano --minutes 8

It trains its tokenizer, pre-trains on endless fresh random states (`nano_tasks.py`), prints the accuracy of each kind
of answer on states never seen, and writes the weights in half precision. The data depend on `--seed` alone; the weights
also on the hardware and on the time given. How the shipped weights were made stands in `docs/nano.md`.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from nano_tasks import texts

VOCABULARY = 512
PAD, END = "<pad>", "<end>"
IGNORED = -100
TEACHERS = "BFS DFS ASTAR HAMILTONIAN CELL BFS-SAFE-GREEDY HAMILTONIAN-SHORTCUT ASTAR-HAMILTONIAN BFS-HAMILTONIAN"
BOARDS = (
    [(6, 6)] * 6 + [(8, 8)] * 3 + [(10, 10)] * 5 + [(4, 4), (5, 5), (7, 7), (9, 9), (12, 12), (6, 8), (7, 9), (10, 8)]
)
"""Boards are drawn from this list: mostly those of the demo and of the usual experiments."""


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE, so that no text is unknown; a cell, a move and a teacher's name are a token or two."""
    corpus = ["".join(piece.text for piece in text) for board in BOARDS for text in texts(400, *board, seed=1)]
    corpus += [f"Player {name}. Board" for name in TEACHERS.split() for _ in range(3000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[PAD, END], initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, model_max_length=2048, padding_side="left"
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """1.6 M parameters: deep and narrow, since following a body over the board takes steps."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=320,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


class Batches(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless `(ids, labels)`, int64 `(batch, T)`, right-padded; labels are `IGNORED` off the answers."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, batch: int, seed: int) -> None:
        self.tokenizer, self.batch, self.seed = tokenizer, batch, seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        worker = get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for number in itertools.count(first, stride):
            rng = random.Random(f"{self.seed}/{number}")
            width, height = rng.choice(BOARDS)
            yield self.make(width, height, seed=rng.getrandbits(62))

    def make(self, width: int, height: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """One batch of one board size."""
        batch = texts(self.batch, width, height, seed)
        flat = [piece for text in batch for piece in text]
        tokens = iter(self.tokenizer.backend_tokenizer.encode_batch([piece.text for piece in flat]))
        rows = []
        for text in batch:
            ids: list[int] = []
            labels: list[int] = []
            for piece in text:
                piece_ids = next(tokens).ids
                ids += piece_ids
                labels += piece_ids if piece.is_answer else [IGNORED] * len(piece_ids)
            rows.append(([*ids, self.tokenizer.eos_token_id], [*labels, self.tokenizer.eos_token_id]))
        size = math.ceil(max(len(ids) for ids, _ in rows) / 32) * 32
        padded = torch.full((self.batch, size), self.tokenizer.pad_token_id)
        targets = torch.full((self.batch, size), IGNORED)
        for row, (ids, labels) in enumerate(rows):
            padded[row, : len(ids)] = torch.tensor(ids)
            targets[row, : len(labels)] = torch.tensor(labels)
        return padded, targets


def loss_of(model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean negative log likelihood of the answers; the output layer is applied to their positions only."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    targets = labels[:, 1:]
    chosen = targets != IGNORED
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[chosen]).float(), targets[chosen])


@torch.no_grad()
def accuracy(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, device: str) -> dict[str, dict[str, float]]:
    """By board and question, the share of answers whose every token is the likeliest one, on unseen states.

    Walks have no right answer and are left out.
    """
    table: dict[str, dict[str, float]] = {}
    for width, height in sorted(set(BOARDS)):
        right: dict[str, list[bool]] = defaultdict(list)
        for text in texts(300, width, height, seed=10**12):
            ids = [tokenizer.backend_tokenizer.encode(piece.text).ids for piece in text]
            flat = torch.tensor([list(itertools.chain.from_iterable(ids))], device=device)
            likeliest = model(input_ids=flat).logits[0].argmax(-1).tolist()
            place = 0
            for piece, piece_ids, before in zip(text, ids, [None, *text], strict=False):
                if piece.is_answer and before is not None:
                    kind = before.text.rsplit("\n", 1)[-1].split()[0].strip(":")
                    guess = likeliest[place - 1 : place - 1 + len(piece_ids)]
                    if kind not in ("Move", "Moves"):
                        right[kind].append(guess == piece_ids)
                place += len(piece_ids)
        table[f"{width}x{height}"] = {kind: round(sum(hits) / len(hits), 3) for kind, hits in sorted(right.items())}
    return table


def main() -> None:
    """Parse, train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8.0, help="training time")
    parser.add_argument("--batch", type=int, default=512, help="texts a step")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=0, help="processes that make texts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(options.seed)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    model.to(torch.device(device))  # type: ignore[arg-type]  # transformers' wrapper hides the signature
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters on {device}", flush=True)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
        lr=options.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    loader = DataLoader(
        Batches(tokenizer, options.batch, options.seed),
        batch_size=None,
        num_workers=options.workers,
        pin_memory=device == "cuda",
        prefetch_factor=8 if options.workers else None,
    )
    start, seen, losses = time.monotonic(), 0, []
    for step, (ids, labels) in enumerate(loader):
        done = (time.monotonic() - start) / (60 * options.minutes)
        if done >= 1:
            break
        rate = options.learning_rate * min(1.0, (step + 1) / 300) * (0.02 + 0.98 * math.cos(0.5 * math.pi * done) ** 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = loss_of(model, ids.to(device, non_blocking=True), labels.to(device, non_blocking=True))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seen += ids.numel()
        losses.append(loss.detach())
        if step % 200 == 0:
            elapsed = time.monotonic() - start
            mean = torch.stack(losses[-200:]).mean().item()
            print(f"step {step} {elapsed:.0f} s loss {mean:.4f} {seen / elapsed / 1e6:.2f} M tokens/s", flush=True)
    copy.deepcopy(model).cpu().half().save_pretrained(options.output)
    tokenizer.save_pretrained(options.output)
    model.eval()
    table = accuracy(model, tokenizer, device)
    for board, row in table.items():
        print(board, *(f"{kind} {share:.3f}" for kind, share in row.items()), flush=True)
    facts = {
        "steps": step,
        "texts": step * options.batch,
        "tokens_with_padding": seen,
        "seed": options.seed,
        "minutes": options.minutes,
        "batch": options.batch,
        "learning_rate": options.learning_rate,
        "final_loss": round(torch.stack(losses[-200:]).mean().item(), 4),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
        "accuracy": table,
    }
    (options.output / "pretraining.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
