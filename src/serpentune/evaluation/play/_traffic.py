"""Floor 8, evaluation: what was asked of an endpoint, how long it took, and what it cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Traffic:
    """What was asked of an endpoint so far.

    Attributes:
        requests: tries, whatever came of them.
        retries: those that were not the first of their prompt.
        failures: tries that brought no answer, by kind.
        failed: prompts that got none at all.
        prompt_tokens: tokens read, as the endpoint counts them.
        completion_tokens: tokens written, as the endpoint counts them.
        uncounted: answers whose tokens the endpoint didn't tell.
        latencies: seconds of each answer, from the question to its end.
        models: what the endpoint says has answered.
    """

    requests: int = 0
    retries: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    latencies: list[float] = field(default_factory=list)
    models: set[str] = field(default_factory=set)

    def cost(self, prices: tuple[float, float] | None) -> float | None:
        """What the tokens cost at `prices` a million; None where prices or tokens aren't known.

        Discounts (cached prompts) are not known here, and neither are answers that got lost on their way.
        """
        if prices is None or self.uncounted:
            return None
        return (prices[0] * self.prompt_tokens + prices[1] * self.completion_tokens) / 1_000_000

    def as_dict(self, prices: tuple[float, float] | None) -> dict[str, Any]:
        """The figures for `performance.json`; latencies in ms, None where nothing was answered."""
        p50, p95 = np.percentile(self.latencies, [50, 95]).tolist() if self.latencies else (None, None)
        return {
            "requests": self.requests,
            "retries": self.retries,
            "failures": dict(self.failures.most_common()),
            "failed_answers": self.failed,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "answers_without_usage": self.uncounted,
            "cost": self.cost(prices),
            "latency_ms_p50": p50 and round(1000 * p50, 3),
            "latency_ms_p95": p95 and round(1000 * p95, 3),
            "answered_by": sorted(self.models),
        }
