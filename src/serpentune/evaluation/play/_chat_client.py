"""Floor 8, evaluation: prompts to an endpoint that speaks OpenAI's chat completions: retries, pace, cost."""

from __future__ import annotations

import json
import logging
import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import anyio
import httpx2
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from serpentune.common.errors import UserError
from serpentune.evaluation.play._endpoint_settings import Endpoint
from serpentune.evaluation.play._traffic import Traffic

_LOG = logging.getLogger(__name__)

_LONGEST_BACKOFF = 60.0
_LONGEST_WAIT = 600.0
"""Seconds that the service may ask to wait; a daily quota asks for hours, and then it's better to say so."""
_MOST_BYTES = 4_000_000
"""Of one answer, which has a few hundred tokens: a body that never ends must not fill the memory."""
_KEPT_GAMES = "Games that are finished are kept: run the same evaluation again to go on."
_NOBODY = "no_connection"
_TRY_AGAIN = frozenset({408, 409, 425, 429})
_ADVICE = {
    401: "Name the environment variable that holds a valid API key.",
    402: "The account can't pay for it.",
    403: "The API key may not use this model.",
    404: "Check the address, which mostly ends in /v1, and the name of the model.",
    405: "Check the address, which mostly ends in /v1.",
}


@dataclass(frozen=True)
class Completion:
    """What was answered to a prompt.

    Attributes:
        text: the answer; empty where the endpoint gives none.
        cut: whether the most tokens ended it.
        tokens: how many were written; 0 where the endpoint doesn't tell.
    """

    text: str
    cut: bool
    tokens: int


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt


class _Answer(BaseModel):
    """The part of a chat completion that is read; the rest may be as it likes."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    model: str | None = None


class _Failure(Exception):
    """A try that brought no answer.

    Attributes:
        kind: what it is counted as.
        again: whether another try may bring one.
    """

    def __init__(self, kind: str, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.kind = kind
        self.again = again


class ChatClient:
    """Asks an endpoint; of one event loop, many prompts at a time.

    Attributes:
        traffic: what was asked so far, perhaps by others before.
    """

    def __init__(self, endpoint: Endpoint, traffic: Traffic, max_tokens: int, places: int) -> None:
        """Make ready to ask; nothing is sent yet.

        Args:
            endpoint: who is asked.
            traffic: where what is asked is counted; the budget is for all that it holds.
            max_tokens: where an answer is cut.
            places: most requests in flight.

        Raises:
            UserError: there is no API key where one is wanted.
        """
        self.traffic = traffic
        self._endpoint = endpoint
        self._max_tokens = max_tokens
        self._key = endpoint.api_key()
        address = endpoint.address
        self._http = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else None,
            auth=(address.username, address.password) if address.userinfo else None,
            timeout=None,  # of the whole try instead: a body that trickles would never time out
            limits=httpx2.Limits(max_connections=places),
        )
        self._address = address.copy_with(userinfo=b"")  # httpx2 logs the address of each request
        self._gate = anyio.Lock()
        self._free_at = 0.0
        self._answered: str | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def complete(self, prompt: str) -> Completion | None:
        """The answer to a prompt, or None where the endpoint answers others, but not this one.

        Which of them is the case, a prompt tells that was answered before: it is asked again.

        Raises:
            UserError: the endpoint has never answered or doesn't any more, refuses (401, 402, 403, 404, 405, another
                address), tells no tokens although there is a budget, or the budget is spent.
        """
        try:
            completion: Completion | None = await self._patiently(prompt)
        except _Failure as failure:
            completion = await self._doubted(prompt, failure)
        if completion is not None:
            self._answered = prompt
        return completion

    async def _doubted(self, prompt: str, failure: _Failure) -> Completion | None:
        """What becomes of a prompt whose tries are used up."""
        if self._answered is None:
            raise self._error(f"has answered no question: {failure}") from failure
        try:
            await self._try(self._answered)
        except _Failure as outage:
            raise self._error(f"doesn't answer any more: {outage}", _KEPT_GAMES) from outage
        if failure.again:  # the endpoint may have been out until now
            try:
                return await self._try(prompt)
            except _Failure as another:
                failure = another
        self.traffic.failed += 1
        _LOG.warning("%s answers others, but not this prompt: %s", self._endpoint.shown, failure)
        return None

    async def _patiently(self, prompt: str) -> Completion:
        number = 0
        while True:
            try:
                return await self._try(prompt)
            except _Failure as failure:
                # Nobody listens at a mistyped address, and it is tedious to hear so after minutes.
                mistyped = failure.kind == _NOBODY and self._answered is None
                if number == self._endpoint.retries or not failure.again or mistyped:
                    raise
                wait = min(self._endpoint.first_wait * 2**number, _LONGEST_BACKOFF) * random.uniform(0.5, 1)
                _LOG.info("%s: %s; asked again in %.1f s", self._endpoint.shown, failure, wait)
            number += 1
            self.traffic.retries += 1
            await anyio.sleep(wait)

    async def _try(self, prompt: str) -> Completion:
        try:
            return await self._attempt(prompt)
        except _Failure as failure:
            self.traffic.failures[failure.kind] += 1
            raise

    async def _attempt(self, prompt: str) -> Completion:
        await self._turn()
        self.traffic.requests += 1
        body = self._endpoint.request(prompt, self._max_tokens)
        began = time.perf_counter()
        try:
            with anyio.fail_after(self._endpoint.timeout):
                request = self._http.stream("POST", self._address, json=body)
                async with request as response:
                    content = await _content(response)
        except TimeoutError as error:
            raise _Failure("timeout", f"no whole answer within {self._endpoint.timeout:g} s") from error
        except httpx2.ConnectError as error:
            raise _Failure(_NOBODY, f"no connection ({error})") from error
        except httpx2.RequestError as error:
            raise _Failure("broken", f"the connection broke ({type(error).__name__} {error})") from error
        self._check(response, content)
        answer = self._parsed(content)
        self.traffic.latencies.append(time.perf_counter() - began)
        self._count(answer)
        choice, usage = answer.choices[0], answer.usage
        return Completion(
            choice.message.content or "", choice.finish_reason == "length", usage.completion_tokens if usage else 0
        )

    async def _turn(self) -> None:
        """Wait until the rate limit, and the service, let the next request go: first come, first served."""
        async with self._gate:
            while (wait := self._free_at - time.monotonic()) > 0:
                await anyio.sleep(wait)
            if self._endpoint.rate_limit is not None:
                self._free_at = time.monotonic() + 60 / self._endpoint.rate_limit

    def _check(self, response: httpx2.Response, content: bytes) -> None:
        code = response.status_code
        if response.is_success:
            return
        said = f"{code} {httpx2.codes.get_reason_phrase(code)}".strip() + f": {self._said(content)}"
        if response.has_redirect_location:
            where = response.headers["Location"].partition("?")[0]
            raise self._error(f"has moved to {_plain(where)}", "Take that address.")
        if code in _ADVICE:
            raise self._error(f"answers {said}", _ADVICE[code])
        if asked := _retry_after(response.headers.get("Retry-After", "")):
            if asked > _LONGEST_WAIT:
                raise self._error(f"answers {said}, and asks to wait for {asked / 60:.0f} minutes", _KEPT_GAMES)
            if asked >= 10:
                _LOG.warning("%s asks to wait for %.0f s (%d)", self._endpoint.shown, asked, code)
            self._free_at = max(self._free_at, time.monotonic() + asked)
        raise _Failure(f"http_{code}", said, again=code in _TRY_AGAIN or code >= 500)

    def _parsed(self, content: bytes) -> _Answer:
        try:
            return _Answer.model_validate_json(content)
        except ValidationError as error:
            problem = error.errors()[0]
            if problem["type"] == "json_invalid":
                raise _Failure("no_json", f"the answer is no JSON: {self._said(content)}") from error
            at = ".".join(map(str, problem["loc"]))
            raise _Failure(
                "other_json", f"the answer is no chat completion ({at}: {problem['msg']}): {self._said(content)}"
            ) from error

    def _count(self, answer: _Answer) -> None:
        traffic, endpoint = self.traffic, self._endpoint
        if answer.model:
            traffic.models[answer.model] += 1
        usage = answer.usage
        traffic.count(None if usage is None else (usage.prompt_tokens, usage.completion_tokens), endpoint.prices)
        if endpoint.budget is None:
            return
        if usage is None:
            raise self._error("doesn't tell how many tokens it took (usage)", "A budget can't be held here.")
        if traffic.spent >= endpoint.budget:
            raise UserError(
                f"The budget is spent: {traffic.requests} requests to {endpoint.shown} cost {traffic.spent:.4g} of "
                f"{endpoint.budget:g}. {_KEPT_GAMES}"
            )

    def _said(self, content: bytes) -> str:
        """What the service says of an error, for people: its message, or else the text's beginning; never the key."""
        text = content[:10_000].decode("utf-8", "replace")
        try:
            said = json.loads(text)
            for name in ("error", "detail", "message"):
                said = said.get(name, said) if isinstance(said, dict) else said
            text = said if isinstance(said, str) else text
        except (ValueError, RecursionError):
            pass  # no JSON: as it stands
        text = text.replace(self._key, "[API key]") if self._key else text
        return _plain(text)[:300] or "(nothing)"

    def _error(self, problem: str, advice: str = "") -> UserError:
        end = "" if problem.endswith((".", "!", "?")) else "."
        return UserError(
            f"The endpoint {self._endpoint.shown} (model {self._endpoint.model}) {problem}{end} {advice}".strip()
        )


async def _content(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > _MOST_BYTES:
            raise _Failure("endless", f"the answer has more than {_MOST_BYTES:,} bytes", again=False)
    return bytes(content)


def _plain(text: str) -> str:
    """A server's words on one line, without what could steer a terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _retry_after(text: str) -> float:
    """Seconds of a `Retry-After` header, which gives them or a date (RFC 9110, 10.2.3); 0 where it gives neither."""
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
