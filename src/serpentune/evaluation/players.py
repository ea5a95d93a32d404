"""Floor 8, evaluation: who answers prompts: a language model, asked for many states at once."""

from __future__ import annotations

import time
from typing import Protocol

from serpentune.common.errors import UserError
from serpentune.datasets import CompletionStyle, Encoding, prompts
from serpentune.evaluation.language import decode, greedy
from serpentune.game import States
from serpentune.models import LoadedModel, context_length, end_ids, prompt_ids


class Player(Protocol):
    """Anything that writes an answer to a state, in words to be read by `datasets.read_moves`.

    It must be a function of the state: the play engine doesn't ask twice about a state that didn't change.
    """

    @property
    def name(self) -> str:
        """What it is called in results."""
        ...

    def answers(self, states: States) -> list[str]:
        """An answer to each of `n` states of one board size."""
        ...


class ModelPlayer:
    """A causal language model that answers greedily: the likeliest token each time, until it ends its answer.

    It is asked as `LoadedModel.chat` says: by the prompt as it stands, or by a message in its chat template.

    Attributes:
        name: what it is called in results.
        tokens: tokens generated so far, end tokens included.
        seconds: wall time spent on answers so far.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        teacher: str,
        encoding: Encoding,
        style: CompletionStyle,
        batch_size: int = 256,
        name: str | None = None,
    ) -> None:
        """Ask the model to play like `teacher`; at most `batch_size` states are answered at once."""
        self.name = name or loaded.name
        self.tokens = 0
        self.seconds = 0.0
        self._model = loaded.model
        self._tokenizer = loaded.tokenizer
        self._chat = loaded.chat
        self._teacher = teacher
        self._encoding = encoding
        self._style = style
        self._batch_size = batch_size

    def answers(self, states: States) -> list[str]:
        """An answer to each of `n` states.

        Raises:
            UserError: the model's context is too short for the board.
        """
        asked = prompts(states, self._teacher, self._encoding, self._style)
        longest = states.width * states.height if self._style.whole_plan else 1
        longest += len(end_ids(self._tokenizer, self._chat))
        began = time.perf_counter()
        texts: list[str] = []
        for first in range(0, len(asked), self._batch_size):
            texts += self._generate(asked[first : first + self._batch_size], longest)
        self.seconds += time.perf_counter() - began
        return texts

    def _generate(self, asked: list[str], new_tokens: int) -> list[str]:
        rows = prompt_ids(self._tokenizer, asked, self._chat)
        longest, context = max(map(len, rows)), context_length(self._model.config)
        if longest + new_tokens > context:
            raise UserError(
                f"{self.name} reads at most {context:.0f} tokens; a prompt of this board has {longest} and its answer "
                f"up to {new_tokens}. Use a smaller board or another base model."
            )
        written = greedy(self._model, self._tokenizer, rows, new_tokens, self._chat)
        self.tokens += sum(map(len, written))
        return decode(self._tokenizer, written)
