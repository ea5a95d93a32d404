"""Floor 5, models: keys and values of fixed shape, in which every slot stands at a place of its own."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin


class Slots:
    """What all layers of the cache share.

    Attributes:
        count: slots.
        room: tokens a slot.
        reading: int64 `(n,)`, the slots whose prompts are read in this forward pass, from their first token on; None
            where each slot takes one more token.
        rows: int64 `(n,)`, the slots that take one; None for all.
        at: int64 `(count,)`, the tokens that each slot holds.
    """

    def __init__(self, count: int, room: int) -> None:
        self.count = count
        self.room = room
        self.reading: torch.Tensor | None = None
        self.rows: torch.Tensor | None = None
        self.at: torch.Tensor
        self.layers: list[_SlotLayer] = []

    def grow(self, room: int) -> None:
        """Make room for more tokens a slot."""
        self.room = room
        for layer in self.layers:
            layer.grow()


class _SlotLayer(CacheLayerMixin):
    """Keys and values of one layer, `(slots, heads, room, dim)` each."""

    is_compileable = True
    is_sliding = False
    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, slots: Slots) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._slots = slots

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (
            torch.zeros(
                self._slots.count, each.shape[1], self._slots.room, each.shape[3], dtype=each.dtype, device=each.device
            )
            for each in (key_states, value_states)
        )
        self.is_initialized = True

    def grow(self) -> None:
        if not self.is_initialized:
            return
        more = self._slots.room - self.keys.shape[2]
        self.keys, self.values = (torch.nn.functional.pad(each, (0, 0, 0, more)) for each in (self.keys, self.values))

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        slots = self._slots
        if slots.reading is not None:
            length = key_states.shape[2]
            self.keys[slots.reading, :, :length] = key_states
            self.values[slots.reading, :, :length] = value_states
            return key_states, value_states
        rows = slots.rows
        at = slots.at if rows is None else slots.at[rows]
        into = torch.arange(slots.count, device=at.device) if rows is None else rows
        self.keys[into, :, at] = key_states[:, :, 0]
        self.values[into, :, at] = value_states[:, :, 0]
        return (self.keys, self.values) if rows is None else (self.keys[rows], self.values[rows])

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return self._slots.room


def slot_cache(slots: Slots, layers: int) -> Cache:
    """A transformers cache of so many layers over `slots`."""
    slots.layers = [_SlotLayer(slots) for _ in range(layers)]
    return Cache(layers=list(slots.layers))
