"""Floor 8, evaluation: a language model as a player."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from serpentune.common.errors import UserError, unknown_name
from serpentune.datasets import CompletionStyle, Encoding, prompts
from serpentune.evaluation.play._answers import Answer, read_answer
from serpentune.game import DIRECTIONS, LockstepGames, States
from serpentune.models import LoadedModel, context_length, end_ids, prompt_ids, sample_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from serpentune.models.decoding import Decoder, DecoderKind

MODES = {
    "plan": "the model writes its moves, which are read from the start of its answer",
    "move": "one forward pass; of the four moves the one that the model holds likeliest",
    "free": "the model writes what it likes, and the move is looked for in it",
}
_FREE_TOKENS = 256


class DoesNotFit(UserError):
    """A prompt and its answer are longer than the model's context."""


@contextmanager
def _room_for(places: int) -> Iterator[None]:
    """Work of a model on so many questions at once.

    Raises:
        UserError: there isn't memory enough.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"The memory is too small to ask {places} questions at once. Ask fewer: --batch-size "
            f"{max(1, places // 2)}, in Python EvaluationSettings(places=…)."
        ) from error


class ModelPlayer:
    """A causal language model that answers greedily: the likeliest token each time, until it ends its answer.

    It is asked as `LoadedModel.chat` says: by the prompt as it stands, or by a message in its chat template.

    Attributes:
        name: what it is called in results.
        places: most questions that may be open at once.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        teacher: str,
        encoding: Encoding,
        style: CompletionStyle,
        mode: str = "plan",
        places: int | None = None,
        most: int | None = None,
        max_new_tokens: int | None = None,
        decoder: DecoderKind = "auto",
        name: str | None = None,
    ) -> None:
        """Ask the model to play like `teacher`.

        Args:
            loaded: the model with its tokenizer.
            teacher: whom the prompt names.
            encoding: how states are written.
            style: what the prompt asks for.
            mode: one of `MODES`.
            places: most questions at once; None for what suits the device, 512 on a GPU, else 64.
            most: as many questions as there will ever be at once, which bounds what suits the device.
            max_new_tokens: where an answer is cut; None for what a plan for the whole board takes in mode `plan`, and
                256 tokens in mode `free`.
            decoder: how answers are generated, as of `models.decoding.open_decoder`.
            name: what it is called in results; the model's own name without.

        Raises:
            UserError: an unknown mode, no place, no token, or in mode `move` a tokenizer in which two moves begin with
                the same token.
        """
        if mode not in MODES:
            raise unknown_name("way of asking", mode, MODES)
        for what, value in (("places", places), ("max_new_tokens", max_new_tokens)):
            if value is not None and value < 1:
                raise UserError(f"{what} is {value}; at least one is needed.")
        self.name = name or loaded.name
        suits = 512 if loaded.model.device.type == "cuda" else 64
        self.places = places or min(suits, most or suits)
        self._loaded = loaded
        self._teacher = teacher
        self._encoding = encoding
        self._style = style
        self._mode = mode
        self._most = max_new_tokens
        self._kind: DecoderKind = decoder
        self._asked: dict[int, list[int]] = {}
        if mode == "move":
            self._directions  # noqa: B018 - refuses a tokenizer that can't be asked so, before anything is played

    def ask(self, places: Sequence[int], states: States) -> None:
        """As of `Player.ask`.

        Raises:
            DoesNotFit: the model's context is too short for the board.
            UserError: so many questions don't fit into the memory.
        """
        if not len(states):
            return
        rows = self._prompts(states)
        if self._mode == "move":
            self._asked |= dict(zip(places, rows, strict=True))
        else:
            with _room_for(self.places):
                self._decoder.begin(places, rows, self._new_tokens(states))

    def answers(self) -> list[tuple[int, Answer]]:
        """As of `Player.answers`."""
        with _room_for(self.places):
            return self._best_moves() if self._mode == "move" else self._written()

    def check(self, width: int, height: int, *, probabilities: bool = False) -> None:
        """Refuse a board whose first prompt doesn't fit into the model's context.

        Args:
            width: cells a row.
            height: cells a column.
            probabilities: refuse also a tokenizer with which `probabilities` can't be told.

        Raises:
            DoesNotFit: it doesn't.
            UserError: two moves begin with the same token of this tokenizer.
        """
        self._prompts(LockstepGames([0], width, height).states())
        if probabilities:
            self._directions  # noqa: B018 - raises

    def probabilities(self, states: States) -> NDArray[np.float32]:
        """What the model gives UP, RIGHT, DOWN and LEFT as the first thing to write, float32 `(n, 4)`.

        The four don't add up to 1 where it would rather write something else.

        Raises:
            UserError: two moves begin with the same token of this tokenizer, or as of `ask`.
        """
        from serpentune.models.decoding import next_scores

        with _room_for(len(states)):
            scores = next_scores(self._loaded.model, self._prompts(states)).softmax(dim=-1)
        chosen: NDArray[np.float32] = scores[:, self._directions].cpu().numpy()
        return chosen

    @cached_property
    def _decoder(self) -> Decoder:
        from serpentune.models.decoding import open_decoder

        loaded = self._loaded
        return open_decoder(loaded.model, loaded.tokenizer, slots=self.places, chat=loaded.chat, kind=self._kind)

    @cached_property
    def _directions(self) -> list[int]:
        """The token with which each of the four moves begins."""
        texts = [f" {move.name[0]}" for move in DIRECTIONS]
        _, rows = sample_ids(self._loaded.tokenizer, ["U"] * 4, texts, self._loaded.chat)
        if len(first := [row[0] for row in rows]) != len(set(first)):
            raise UserError(
                f"{self.name}: two of the moves begin with the same token, so one pass can't tell them apart."
            )
        return first

    def _new_tokens(self, states: States) -> int:
        if self._most is not None:
            return self._most
        if self._mode == "free":
            return _FREE_TOKENS
        ends = len(end_ids(self._loaded.tokenizer, self._loaded.chat))
        return ends + (states.width * states.height if self._style.whole_plan else 1)

    def _prompts(self, states: States) -> list[list[int]]:
        asked = prompts(states, self._teacher, self._encoding, self._style)
        rows = prompt_ids(self._loaded.tokenizer, asked, self._loaded.chat)
        longest, context = max(map(len, rows)), context_length(self._loaded.model.config)
        new_tokens = 1 if self._mode == "move" else self._new_tokens(states)
        if longest + new_tokens > context:
            raise DoesNotFit(
                f"{self.name} reads at most {context:.0f} tokens; a prompt of this board has {longest} and its answer "
                f"up to {new_tokens}. Use a smaller board or another base model."
            )
        return rows

    def _written(self) -> list[tuple[int, Answer]]:
        from serpentune.models.decoding import decode, stop_ids

        finished = self._decoder.finished()
        ends = stop_ids(self._loaded.tokenizer, self._loaded.chat)
        rows = [row for _, row in finished]
        return [
            (place, read_answer(text, free=self._mode == "free", cut=row[-1] not in ends, tokens=len(row)))
            for (place, row), text in zip(finished, decode(self._loaded.tokenizer, rows), strict=True)
        ]

    def _best_moves(self) -> list[tuple[int, Answer]]:
        from serpentune.models.decoding import next_scores

        if not self._asked:
            return []
        places, rows = list(self._asked), list(self._asked.values())
        self._asked = {}
        scores: Any = next_scores(self._loaded.model, rows)
        best = scores[:, self._directions].argmax(dim=-1).tolist()
        first = scores.argmax(dim=-1).tolist()
        return [
            (place, Answer(bytes([move]), constrained=token != self._directions[move], tokens=1))
            for place, move, token in zip(places, best, first, strict=True)
        ]
