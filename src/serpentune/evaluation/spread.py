"""Floor 8, evaluation: the games of one evaluation spread over processes, GPUs and machines.

A game depends on its seed and on who plays alone, so that it is the same game wherever it is played. Under torchrun
each process takes every so many-th seed and writes its games down as they end, in a file of its own in the results
folder, which all must see. On Ray tasks play a few games each, and only the process that asked for them writes.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cache
from typing import Any

import serpentune
from serpentune.common.cluster import first_line, processors, ray_cluster
from serpentune.common.errors import UserError
from serpentune.evaluation.contestants import Contestant, Reopen
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.play import Opening, Policy, play_games
from serpentune.evaluation.settings import EvaluationSettings

ENGINES = ("local", "ray")

_RETRIES = 5
"""For workers and machines that die under a task; a model that doesn't fit into memory would go on for ever."""
_TASKS_A_WORKER = 4
"""Enough that no worker waits long for the last one, and few enough that a worker's places are filled."""


def play_here(
    contestant: Contestant, seeds: Sequence[int], settings: EvaluationSettings, advanced: Callable[[int], None]
) -> Iterator[GameResult]:
    """The games of `seeds` in this process, each when it ends."""
    return play_games(
        contestant.player(settings),
        seeds,
        settings.width,
        settings.height,
        limits=settings.limits,
        policy=Policy.parse(settings.policy),
        replan_every=settings.replan_every,
        opening=None if settings.opening is None else Opening.parse(settings.opening),
        advanced=advanced,
    )


def play_on_ray(
    contestant: Contestant,
    seeds: Sequence[int],
    settings: EvaluationSettings,
    advanced: Callable[[int], None],
    address: str | None = None,
) -> Generator[GameResult, None, None]:
    """The games of `seeds` on a Ray cluster, each when its task is done: a GPU a worker where there are any.

    Args:
        contestant: who plays; every machine opens it by its name or path.
        seeds: a game each.
        settings: how the games go.
        advanced: called with the number of games that have ended.
        address: of a running cluster, as of `common.cluster.ray_cluster`.

    Raises:
        UserError: the contestant is known in this process only, Ray isn't installed, no cluster answers, or one of its
            machines has another version of serpentune or other weights under that name.
    """
    if contestant.reopen is None:
        raise UserError(f"{contestant.name} lives in this process only; name a model by its folder to use Ray.")
    if not seeds:
        return
    with ray_cluster(address) as ray:
        gpus = int(ray.cluster_resources().get("GPU", 0))
        count = min(len(seeds), _TASKS_A_WORKER * (gpus or processors(ray)))
        task = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0, max_retries=_RETRIES)(_task)
        asked = (serpentune.__version__, contestant.reopen, dict(contestant.identity), settings)
        running = [task.remote(*asked, list(seeds[first::count])) for first in range(count)]
        try:
            while running:
                (done, *_), running = ray.wait(running, num_returns=1)
                for line in ray.get(done):
                    advanced(1)
                    yield GameResult.from_json(line, contestant.name)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise UserError(f"The Ray cluster failed ({first_line(error)}).") from error
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _task(
    version: str, reopen: Reopen, identity: dict[str, Any], settings: EvaluationSettings, seeds: Sequence[int]
) -> list[str]:
    """A few games, on whichever machine this runs, as lines of `games.jsonl`."""
    if version != serpentune.__version__:
        raise UserError(
            f"{platform.node()} has serpentune {serpentune.__version__}, the evaluation began with {version}. Install "
            "the same version on every machine of the cluster."
        )
    contestant = _opened(reopen)
    if dict(contestant.identity) != identity:
        raise UserError(f"{platform.node()} has another {contestant.name} under that name than the one that asked.")
    return [result.to_json() for result in play_here(contestant, seeds, settings, lambda _: None)]


@cache
def _opened(reopen: Reopen) -> Contestant:
    """The contestant, loaded once a worker."""
    return reopen()
