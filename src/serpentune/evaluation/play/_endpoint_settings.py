"""Floor 8, evaluation: a model that others serve: where it is, and how it is asked."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from serpentune.common.errors import UserError

_PATH = "/chat/completions"
_OURS = ("model", "messages", "n", "stream")
_DEFAULTS = {"temperature": 0}


@dataclass(frozen=True)
class Endpoint:
    """A model that is served at an OpenAI-compatible address, and how it is asked.

    Attributes:
        url: what stands before `/chat/completions`, such as `http://localhost:8000/v1`.
        model: its name there.
        system: a system message before every prompt; none without.
        parameters: more entries of a request, such as `{"seed": 1}`; None leaves one out, as in
            `{"max_tokens": None, "max_completion_tokens": 512, "temperature": None}`, which some hosted models want.
        api_key_env: the environment variable that holds the API key; no key is sent without.
        timeout: seconds for one try, from the question to the end of the answer.
        retries: tries after the first of a request that met a time-out, a broken connection, 429, 5xx, or an answer
            that can't be read.
        first_wait: seconds before the second try, doubled for each after it up to a minute, and shortened by up to a
            half at random. Where the service asks to wait (`Retry-After`), no request is sent before.
        rate_limit: most requests a minute, retries included; no limit without.
        prices: what a million prompt tokens and a million completion tokens cost; None where that isn't known.
        budget: what may be spent, in the currency of `prices`, by all that share a `Traffic`, before `UserError` ends
            the games. Requests that are in flight then are given up, but the service may charge for them.

    Raises:
        UserError: no such address can be, or a number is impossible.
    """

    url: str
    model: str
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    api_key_env: str | None = None
    timeout: float = 120.0
    retries: int = 6
    first_wait: float = 1.0
    rate_limit: float | None = None
    prices: tuple[float, float] | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.address.scheme not in ("http", "https") or not self.address.host:
            raise UserError(f"{self.shown!r} is no address of an endpoint; one looks like http://localhost:8000/v1.")
        if not self.model.strip():
            raise UserError("An endpoint needs the name of the model that it is to serve.")
        least = {"retries": 0, "first_wait": 0, "budget": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and not bound <= value < math.inf:
                raise UserError(f"{name} of an endpoint is {value}; it is {bound} or more.")
        for name in ("timeout", "rate_limit"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UserError(f"{name} of an endpoint is {value}; it is more than 0.")
        if self.prices is not None and not all(0 <= price < math.inf for price in self.prices):
            raise UserError(f"prices of an endpoint are {self.prices}; they are 0 or more.")
        if self.budget is not None and self.prices is None:
            raise UserError("A budget needs prices: what a million prompt and a million completion tokens cost.")
        if taken := sorted({*_OURS} & {*self.parameters}):
            raise UserError(f"{taken[0]} is no parameter of a request that can be chosen.")

    @property
    def address(self) -> httpx2.URL:
        """Where requests go, with all that `url` says.

        Raises:
            UserError: `url` is no address.
        """
        try:
            url = httpx2.URL(self.url.strip())
        except httpx2.InvalidURL as error:
            raise UserError(f"The endpoint's address can't be read ({error}).") from error
        path = url.path.rstrip("/")
        return url.copy_with(path=path if path.endswith(_PATH) else path + _PATH)

    @property
    def shown(self) -> str:
        """`url` for people and files: without user, password and query, which may hold keys."""
        address = self.address
        return str(address.copy_with(userinfo=b"", query=None, path=address.path.removesuffix(_PATH) or "/"))

    def identity(self) -> dict[str, Any]:
        """Who answers and how it is asked, for a manifest: no key, user, password or query of the address."""
        return {
            "url": self.shown,
            "model": self.model,
            "system": self.system,
            "parameters": {**_DEFAULTS, **self.parameters},
        }

    def request(self, prompt: str, max_tokens: int) -> dict[str, Any]:
        """The body of a request."""
        messages = [{"role": "user", "content": prompt}]
        if self.system is not None:
            messages.insert(0, {"role": "system", "content": self.system})
        chosen = {**_DEFAULTS, "max_tokens": max_tokens, **self.parameters}
        return {
            "model": self.model,
            "messages": messages,
            **{name: value for name, value in chosen.items() if value is not None},
        }

    def api_key(self) -> str | None:
        """The API key.

        Raises:
            UserError: the environment variable isn't set, or holds what no header can.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise UserError(f"The environment variable {self.api_key_env} holds no API key. Set it, and start again.")
        return key
