"""Floor 8, evaluation: a model behind an OpenAI-compatible endpoint as a player: a request for each question."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from serpentune.common.errors import UserError
from serpentune.datasets import CompletionStyle, Encoding, prompts
from serpentune.evaluation.play._answers import Answer, read_answer
from serpentune.evaluation.play._chat_client import ChatClient, Completion
from serpentune.evaluation.play._endpoint_settings import Endpoint
from serpentune.evaluation.play._traffic import Traffic
from serpentune.game import States

if TYPE_CHECKING:
    from types import TracebackType

_MODES = ("free", "plan")
_PLACES = 8
_MAX_NEW_TOKENS = 256
FAILED = "failed"
"""What an answer is called that the endpoint owes although it answers others."""


class EndpointPlayer:
    """A served model that is asked by one message for each question.

    A request that fails after its retries says nothing about the model, so two cases are kept apart by asking a prompt
    again that was answered before. Where that is answered, the endpoint is well and can't answer this prompt (too
    long for it, refused by a filter, a crash): the answer is `failed`, for which the game's policy stands in, and it is
    taken to be a function of the state like any other. Where it isn't, the service is out, and `UserError` ends the
    games before anything is counted, so that an outage changes no number.

    Use it in a `with` statement, or call `close`: requests that are still in flight are then given up. An error in
    `ask` or `answers`, Ctrl-C among them, does that too.

    Attributes:
        name: what it is called in results.
        places: most requests in flight.
        close: ends what is in flight, and the connections; a second call does nothing.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        teacher: str,
        encoding: Encoding,
        style: CompletionStyle,
        mode: str = "free",
        places: int | None = None,
        max_new_tokens: int | None = None,
        traffic: Traffic | None = None,
        name: str | None = None,
    ) -> None:
        """Ask the model to play like `teacher`. Nothing is sent yet.

        Args:
            endpoint: the model, where it is, and how it is asked.
            teacher: whom the prompt names.
            encoding: how states are written.
            style: what the prompt asks for.
            mode: `free` (the move is looked for in what the model writes) or `plan` (moves at the start of it).
            places: most requests in flight; 8 without.
            max_new_tokens: where an answer is cut; 256 without.
            traffic: where what is asked is counted. Players that share it share the endpoint's budget.
            name: what it is called in results; the model's own name without.

        Raises:
            UserError: another mode, no place, no token, or there is no API key where one is wanted.
        """
        from anyio.from_thread import start_blocking_portal

        if mode not in _MODES:
            raise UserError(
                f"An endpoint tells no probabilities, so that it can't be asked in mode {mode}. Choose free or plan."
            )
        for what, value in (("places", places), ("max_new_tokens", max_new_tokens)):
            if value is not None and value < 1:
                raise UserError(f"{what} is {value}; at least one is needed.")
        self.name = name or endpoint.model
        self.places = places or _PLACES
        self._free = mode == "free"
        self._teacher = teacher
        self._encoding = encoding
        self._style = style
        self._client = ChatClient(endpoint, traffic or Traffic(), max_new_tokens or _MAX_NEW_TOKENS, self.places)
        self._open: dict[Future[Completion | None], int] = {}
        # The requests' event loop has a thread of its own: the caller's may have one that runs, as in a notebook.
        stack = ExitStack()
        self._portal = stack.enter_context(start_blocking_portal(name="endpoint"))
        stack.callback(self._portal.call, self._client.close)
        stack.callback(_give_up, self._open)
        # At exit, or once nobody holds the player any more, it closes by itself: the thread would outlive it.
        self.close = weakref.finalize(self, stack.close)

    def __enter__(self) -> EndpointPlayer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, places: Sequence[int], states: States) -> None:
        """As of `Player.ask`."""
        asked = prompts(states, self._teacher, self._encoding, self._style)
        with self._closed_by_errors():
            for place, prompt in zip(places, asked, strict=True):
                self._open[self._portal.start_task_soon(self._client.complete, prompt)] = place

    def answers(self) -> list[tuple[int, Answer]]:
        """As of `Player.answers`.

        Raises:
            UserError: the endpoint refuses or is out, or the budget is spent, as of `ChatClient.complete`.
        """
        with self._closed_by_errors():
            done, _ = wait(self._open, return_when=FIRST_COMPLETED)
            found = [(self._open.pop(request), self._answer(request.result())) for request in done]
        return sorted(found, key=lambda entry: entry[0])

    @contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        """Give up what is in flight where anything goes wrong, Ctrl-C among it."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _answer(self, completion: Completion | None) -> Answer:
        if completion is None:
            return Answer(b"", FAILED)
        return read_answer(completion.text, free=self._free, cut=completion.cut, tokens=completion.tokens)


def _give_up(requests: dict[Future[Completion | None], int]) -> None:
    for request in requests:
        request.cancel()
