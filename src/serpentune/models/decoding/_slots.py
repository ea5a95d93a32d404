"""Floor 5, models: greedy answers in slots that are filled again while others go on.

`generate` keeps a whole batch until the longest answer ends. Here each prompt has a slot of a cache of fixed shape; a
slot whose answer ended takes the next prompt. On a GPU the step of all slots is one CUDA graph, so that the host
doesn't have to start some thousand kernels for each token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from serpentune.models.decoding._graphs import Replayed
from serpentune.models.decoding._norms import fused, root_mean_square_norms
from serpentune.models.decoding._plain import stop_ids
from serpentune.models.decoding._scores import keeps_logits
from serpentune.models.decoding._slot_cache import Slots, slot_cache
from serpentune.models.load import context_length

_ROUNDED = 64
"""The cache grows by so many tokens a slot."""
_STRIDE = 4
"""Steps between two looks at which answers ended; on a GPU each look waits for the device."""
_REFILL = 4
"""Answers are handed over when a quarter of those that are open ended: their next prompts are then read together."""
_SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Prompts that a GPU reads at once; fewer are filled up, so that there are few graphs."""
_STEP = ("step",)
_FILLED = 8
"""Prompts are filled up to a multiple of so many tokens, so that those of nearly one length are read together."""


_GROUPED = "grouped"


def _grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one token a slot, `(S, H, 1, D)`, to keys and values `(S, K, T, D)` with fewer heads.

    The heads that share keys stand where positions would, so that nobody copies the whole cache for each of them.
    """
    slots, heads, _, size = query.shape
    shared = query.reshape(slots, key.shape[1], -1, size)
    attended = scaled_dot_product_attention(shared, key, value, attn_mask=attention_mask, scale=scaling)
    return attended.reshape(slots, 1, heads, size), None


AttentionInterface.register(_GROUPED, _grouped_attention)


class Unsuited(Exception):
    """A model that can't be asked slot by slot; the text says why."""


class SlotDecoder:
    """A `Decoder` with a cache of fixed shape.

    Attributes:
        slots: prompts at once.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        slots: int,
        chat: bool = False,
        fixed: bool | None = None,
        graphs: bool | None = None,
    ) -> None:
        """Answer up to `slots` prompts at once.

        Args:
            model: a transformers or PEFT model on its device, in evaluation mode.
            tokenizer: gives the end token.
            slots: prompts at once.
            chat: stop also at what ends a turn in the tokenizer's chat template.
            fixed: do all work in batches of few sizes, which are filled up; None for where that is quick, on CUDA.
            graphs: replay such work as CUDA graphs; None for where that can be, on CUDA.

        Raises:
            Unsuited: the model's attention isn't torch's, looks back less far than its context, or isn't all there is.
        """
        config = model.config.get_text_config()
        if config._attn_implementation not in ("sdpa", "causal"):
            raise Unsuited(f"its attention is {config._attn_implementation}, not sdpa")
        if getattr(config, "sliding_window", None) or not keeps_logits(model):
            raise Unsuited("its attention looks back through a window, or its output layer can't be told where to look")
        self.slots = slots
        self._model = model
        self._device = next(model.parameters()).device
        self._ends = torch.tensor(stop_ids(tokenizer, chat), device=self._device)
        on_gpu = self._device.type == "cuda"
        self._fixed = on_gpu if fixed is None else fixed
        self._graphs = on_gpu and graphs is not False
        # In 32 bits answers are those of `generate` to the last token, so that nothing is rounded otherwise there.
        self._norms = root_mean_square_norms(model) if self._fixed and model.dtype.itemsize == 2 else []
        self._context = int(min(context_length(model.config), 2**31))
        self._layers = config.num_hidden_layers
        self._open: set[int] = set()
        self._room = self._most = 0
        self._replayed: dict[tuple[Any, ...], Replayed] = {}

    def begin(self, slots: Sequence[int], prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
        """As of `Decoder.begin`."""
        if not len(slots):
            return
        self._fit(max(map(len, prompts)), max_new_tokens)
        self._open.update(slots)
        with torch.inference_mode():
            for width, places in self._by_width(prompts):
                for first in range(0, len(places), _SIZES[-1]):
                    part = places[first : first + _SIZES[-1]]
                    ids = np.zeros((len(part), width), np.int64)
                    for row, place in enumerate(part):
                        ids[row, : len(prompts[place])] = prompts[place]
                    lengths = torch.tensor([len(prompts[place]) for place in part])
                    limits = torch.full((len(part),), max_new_tokens)
                    into = torch.tensor([slots[place] for place in part])
                    self._read(torch.from_numpy(ids), into, lengths, limits)

    def finished(self) -> list[tuple[int, list[int]]]:
        """As of `Decoder.finished`."""
        if not self._open:
            return []
        enough = -(-len(self._open) // _REFILL)
        with torch.inference_mode():
            while True:
                running = self._running.tolist()
                ended = sorted(slot for slot in self._open if not running[slot])
                if len(ended) >= enough:
                    break
                self._steps(running)
            counts = self._count.tolist()
            written = self._written[torch.tensor(ended, device=self._device)].tolist()
            self._open.difference_update(ended)
            if self._fixed and self._open:
                # A GPU goes on with the other answers while the host makes something of these.
                self._steps(running)
        return [(slot, row[: counts[slot]]) for slot, row in zip(ended, written, strict=True)]

    def _fit(self, prompt: int, new_tokens: int) -> None:
        """Make room for a prompt and an answer of so many tokens; answers that go on keep what they have."""
        room = -(-(prompt + new_tokens) // _ROUNDED) * _ROUNDED
        if room <= self._room and new_tokens <= self._most:
            return
        # One slot more takes what fills a batch of prompts up to its size.
        count, device = self.slots + 1, self._device
        begun = self._room > 0
        if self._graphs:
            torch.cuda.synchronize(device)  # what is replayed now must not lose its memory
        self._room, self._most = max(room, self._room), max(new_tokens, self._most)
        self._replayed.clear()
        # Memory that graphs share is given up with the last of them.
        self._pool = torch.cuda.graph_pool_handle() if self._graphs else None
        if not begun:
            self._cells = Slots(count, self._room)
            self._cache = slot_cache(self._cells, self._layers)
            self._token, self._count, self._limit = (
                torch.zeros(count, dtype=torch.long, device=device) for _ in range(3)
            )
            self._cells.at = torch.zeros(count, dtype=torch.long, device=device)
            self._running = torch.zeros(count, dtype=torch.bool, device=device)
            self._written = torch.zeros(count, self._most, dtype=torch.long, device=device)
        else:
            self._cells.grow(self._room)
            grown = torch.zeros(count, self._most, dtype=torch.long, device=device)
            grown[:, : self._written.shape[1]] = self._written
            self._written = grown
        self._columns = torch.arange(self._room, device=device)

    def _few(self, running: list[bool]) -> torch.Tensor | None:
        """Rows of the slots whose answers go on, or None where most do: taking rows out has a price too."""
        rows = [slot for slot in range(self.slots) if running[slot]]
        return torch.tensor(rows, device=self._device) if 2 * len(rows) < self.slots else None

    def _by_width(self, prompts: Sequence[Sequence[int]]) -> list[tuple[int, list[int]]]:
        """Places of prompts that are read together, with the tokens that each of them is filled up to.

        What follows a prompt changes nothing before it, and is overwritten by the answer before anything looks at it.
        """
        groups: dict[int, list[int]] = {}
        for place, prompt in enumerate(prompts):
            width = min(-(-len(prompt) // _FILLED) * _FILLED, self._context)
            groups.setdefault(width, []).append(place)
        return list(groups.items())

    def _read(self, ids: torch.Tensor, rows: torch.Tensor, lengths: torch.Tensor, limits: torch.Tensor) -> None:
        """Read prompts into the slots `rows`, and write each answer's first token.

        Args:
            ids: int64 `(n, T)`, prompts at the left.
            rows: int64 `(n,)`.
            lengths: int64 `(n,)`, tokens of each prompt.
            limits: int64 `(n,)`, most tokens of each answer.
        """
        if not self._fixed:
            self._first(*(each.to(self._device) for each in (ids, rows, lengths, limits)))
            return
        count, width = ids.shape
        size = next(size for size in _SIZES if size >= count)
        filled = (
            torch.zeros(size, width, dtype=torch.long),
            torch.full((size,), self.slots),
            torch.full((size,), width),
            torch.ones(size, dtype=torch.long),
        )
        for whole, given in zip(filled, (ids, rows, lengths, limits), strict=True):
            whole[:count] = given
        key = (size, width)
        if key not in self._replayed:
            held = tuple(each.to(self._device) for each in filled)
            self._replayed[key] = Replayed(held, pool=self._pool)
        self._replayed[key](self._first, *filled)

    def _steps(self, running: list[bool]) -> None:
        """Write the next tokens."""
        if not self._fixed:
            self._step(self._few(running))
            return
        if _STEP not in self._replayed:
            self._replayed[_STEP] = Replayed(pool=self._pool)
        for _ in range(_STRIDE):
            self._replayed[_STEP](self._step)

    def _first(self, ids: torch.Tensor, rows: torch.Tensor, lengths: torch.Tensor, limits: torch.Tensor) -> None:
        self._cells.reading = rows
        width = ids.shape[1]
        kept = min(_FILLED, width)  # every prompt ends in the last so many columns
        with fused(self._norms):
            logits = self._model(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=kept).logits
        self._cells.reading = None
        last = (lengths - 1 - (width - kept))[:, None, None].expand(-1, -1, logits.shape[-1])  # (n, 1, V)
        token = logits.gather(1, last)[:, 0].argmax(dim=-1)
        self._token[rows] = token
        self._written[rows, 0] = token
        # The slot that takes what fills a batch up holds nothing: it takes part in every step, at its first cell.
        # No bare number may be written: it would come from the host, which has no part in a graph.
        self._cells.at[rows] = lengths * (rows != self.slots)
        self._count[rows] = torch.ones_like(rows)
        self._limit[rows] = limits
        self._running[rows] = ~self._is_end(token) & (limits > 1)

    @contextmanager
    def _attending_in_groups(self) -> Iterator[None]:
        config = self._model.config.get_text_config()
        usual = config._attn_implementation
        config._attn_implementation = _GROUPED
        try:
            yield
        finally:
            config._attn_implementation = usual

    def _is_end(self, tokens: torch.Tensor) -> torch.Tensor:
        return (tokens[:, None] == self._ends).any(dim=-1)

    def _step(self, rows: torch.Tensor | None = None) -> None:
        """Write one more token in each slot whose answer goes on; the others count it out and keep their place."""
        self._cells.rows = rows
        token, at, running = (
            each if rows is None else each[rows] for each in (self._token, self._cells.at, self._running)
        )
        seen = self._columns[None, None, None] <= at[:, None, None, None]  # (S, 1, 1, T): all tokens up to this one
        with self._attending_in_groups(), fused(self._norms):
            logits = self._model(
                input_ids=token[:, None],
                position_ids=at[:, None],
                attention_mask=seen,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits
        following = torch.where(running, logits[:, -1].argmax(dim=-1), token)
        chosen = slice(None) if rows is None else rows
        # All that is read of the state is read before any of it is written: without rows these are views of it.
        place = self._count[chosen].clamp(max=self._most - 1)[:, None]
        counted = self._count[chosen] + running
        goes_on = running & ~self._is_end(following) & (counted < self._limit[chosen])
        written = self._written[chosen]
        new = torch.where(running[:, None], following[:, None], written.gather(1, place))
        self._written[chosen] = written.scatter(1, place, new)
        self._cells.at[chosen] = at + running
        self._token[chosen] = following
        self._count[chosen] = counted
        self._running[chosen] = goes_on
