"""Floor 3, logs: the shards of a run made on a Ray cluster, whichever machine is free.

Ray (the extra `cluster`) is imported when a run asks for it. A task plays one shard and returns its file's bytes; a
task whose worker or machine dies is run again somewhere else. Only this process writes to the disk, and it takes each
shard once, so nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import platform
from collections.abc import Generator, Sequence
from typing import Any

import serpentune
from serpentune import teachers
from serpentune.common.cluster import first_line, processors
from serpentune.common.errors import UserError
from serpentune.game import Limits
from serpentune.logs._shards import Shard, make_shard

_RETRIES = 20
"""More than a cluster loses machines under one shard; a teacher that crashes its process would go on for ever."""

_TASKS_A_PROCESSOR = 2
"""Enough that a worker finds its next shard waiting; more would only fill the cluster's memory with finished ones."""


def shards_on_ray(
    ray: Any, player: str, width: int, height: int, limits: Limits, noise: float, shards: Sequence[Shard]
) -> Generator[tuple[Shard, bytes], None, None]:
    """Each shard with its file's bytes, in the order in which they are done; a few a processor are under way at a time.

    Args:
        ray: as of `ray_cluster`.
        player: the teacher's name, known on every machine of the cluster.
        width: cells a row.
        height: cells a column.
        limits: when a game is stopped.
        noise: with what probability a move is random.
        shards: what to play.

    Raises:
        UserError: the cluster has no processor or is gone, or one of its machines has another version of serpentune or
            doesn't know the teacher.
        ValueError: as `make_shard`.
    """
    # Retries are for workers and machines that die; what a task itself raises is raised here at once.
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_make)
    waiting = iter(shards)
    running: dict[Any, Shard] = {}
    try:
        while True:
            most = _TASKS_A_PROCESSOR * processors(ray)
            while len(running) < most and (shard := next(waiting, None)) is not None:
                reference = task.remote(serpentune.__version__, player, width, height, limits, noise, shard)
                running[reference] = shard
            if not running:
                return
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            shard = running.pop(done)
            yield shard, _content(ray, done, shard)
    except ray.exceptions.RayError as error:
        raise UserError(f"The Ray cluster failed ({first_line(error)}).") from error
    finally:
        for reference in running:
            ray.cancel(reference, force=True)


def _content(ray: Any, done: Any, shard: Shard) -> bytes:
    """The bytes of a shard that is done, or what went wrong with it."""
    try:
        return bytes(ray.get(done))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        seeds = f"{shard.seed} to {shard.seed + shard.games - 1}"
        raise UserError(
            f"The games of the seeds {seeds} came to no end on the Ray cluster, {_RETRIES} retries included "
            f"({first_line(error)}). Does the teacher crash on them?"
        ) from error


def _make(version: str, player: str, width: int, height: int, limits: Limits, noise: float, shard: Shard) -> bytes:
    """One shard, on whichever machine this runs."""
    if version != serpentune.__version__:
        raise UserError(
            f"{platform.node()} has serpentune {serpentune.__version__}, the run began with {version}. Install the "
            "same version on every machine of the cluster."
        )
    return make_shard(teachers.get(player), width, height, limits, noise, shard)
