"""Floor 8, evaluation: what was asked of an endpoint, how long it took, and what it cost."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt


class Account(BaseModel):
    """What was asked of an endpoint, as `performance.json` has it under `endpoint`.

    Attributes:
        requests: tries, whatever came of them.
        retries: those that were not the first of their prompt.
        failures: tries that brought no answer, by kind, the most frequent first.
        failed_answers: prompts that got none at all.
        prompt_tokens: tokens read, as the endpoint counts them.
        completion_tokens: tokens written, as the endpoint counts them.
        answers_without_usage: answers whose tokens the endpoint didn't tell.
        cost: in the currency of the prices; None where an answer's price or tokens aren't known.
        latency_ms_p50: median time of an answer, from the question to its end; None where nothing was answered.
        latency_ms_p95: the time below which 95% of the answers came.
        answered_by: what the endpoint says has answered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: NonNegativeInt
    retries: NonNegativeInt
    failures: dict[str, NonNegativeInt]
    failed_answers: NonNegativeInt
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt
    answers_without_usage: NonNegativeInt
    cost: NonNegativeFloat | None
    latency_ms_p50: NonNegativeFloat | None
    latency_ms_p95: NonNegativeFloat | None
    answered_by: list[str]

    def after(self, earlier: Account) -> Account:
        """The account of both, with the latencies of this one: percentiles of two runs don't add up."""
        return Account(
            requests=earlier.requests + self.requests,
            retries=earlier.retries + self.retries,
            failures=dict((Counter(earlier.failures) + Counter(self.failures)).most_common()),
            failed_answers=earlier.failed_answers + self.failed_answers,
            prompt_tokens=earlier.prompt_tokens + self.prompt_tokens,
            completion_tokens=earlier.completion_tokens + self.completion_tokens,
            answers_without_usage=earlier.answers_without_usage + self.answers_without_usage,
            cost=None if earlier.cost is None or self.cost is None else earlier.cost + self.cost,
            latency_ms_p50=self.latency_ms_p50,
            latency_ms_p95=self.latency_ms_p95,
            answered_by=sorted({*earlier.answered_by, *self.answered_by}),
        )


@dataclass
class Traffic:
    """What was asked of endpoints so far, and what it cost.

    Attributes:
        requests: tries, whatever came of them.
        retries: those that were not the first of their prompt.
        failures: tries that brought no answer, by kind.
        failed: prompts that got none at all.
        prompt_tokens: tokens read, as the endpoint counts them.
        completion_tokens: tokens written, as the endpoint counts them.
        uncounted: answers whose tokens the endpoint didn't tell.
        unpriced: answers whose cost isn't known, for want of tokens or of prices.
        spent: what the others cost.
        latencies: seconds of each answer, from the question to its end.
        models: answers by what the endpoint says has answered.
    """

    requests: int = 0
    retries: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    unpriced: int = 0
    spent: float = 0.0
    latencies: list[float] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)

    def count(self, tokens: tuple[int, int] | None, prices: tuple[float, float] | None) -> None:
        """Count an answer of so many prompt and completion tokens (None where the endpoint doesn't tell).

        Prices are those of a million tokens of each. Discounts (cached prompts) are not known here, and neither are
        answers that got lost on their way.
        """
        if tokens is None:
            self.uncounted += 1
        else:
            self.prompt_tokens += tokens[0]
            self.completion_tokens += tokens[1]
        if tokens is None or prices is None:
            self.unpriced += 1
        else:
            self.spent += (prices[0] * tokens[0] + prices[1] * tokens[1]) / 1_000_000

    def mark(self) -> Traffic:
        """A copy of what is counted by now, from which `account` counts on."""
        return deepcopy(self)

    def account(self, since: Traffic | None = None) -> Account:
        """The figures of all that was asked, or of what was asked since a `mark`."""
        start = since or Traffic()
        latencies = self.latencies[len(start.latencies) :]
        p50, p95 = np.percentile(latencies, [50, 95]).tolist() if latencies else (None, None)
        return Account(
            requests=self.requests - start.requests,
            retries=self.retries - start.retries,
            failures=dict((self.failures - start.failures).most_common()),
            failed_answers=self.failed - start.failed,
            prompt_tokens=self.prompt_tokens - start.prompt_tokens,
            completion_tokens=self.completion_tokens - start.completion_tokens,
            answers_without_usage=self.uncounted - start.uncounted,
            cost=None if self.unpriced > start.unpriced else self.spent - start.spent,
            latency_ms_p50=p50 and round(1000 * p50, 3),
            latency_ms_p95=p95 and round(1000 * p95, 3),
            answered_by=sorted(self.models - start.models),
        )
