"""Floor 3, logs: the shards of a run made on a Ray cluster, whichever machine is free.

Ray (the extra `cluster`) is imported when a run asks for it. A task plays one shard and returns its file's bytes; a
task whose worker or machine dies is run again somewhere else. Only this process writes to the disk, and it takes each
shard once, so nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import socket
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import serpentune
from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.game import Limits
from serpentune.logs._shards import Shard, make_shard

_RETRIES = 20
"""More than a cluster loses machines under one shard; a teacher that crashes its process would go on for ever."""

_PATIENCE = 10.0
"""Seconds for a cluster to answer at its address."""

_TASKS_A_PROCESSOR = 2
"""Enough that a worker finds its next shard waiting; more would only fill the cluster's memory with finished ones."""


@contextlib.contextmanager
def ray_cluster(address: str | None) -> Iterator[Any]:
    """The `ray` module, connected while the block runs.

    A connection that the caller has made already is used, and left as it was.

    Args:
        address: of a running cluster (`host:6379`, `ray://host:10001`); None takes the one that RAY_ADDRESS names, or
            else starts one on this machine that goes with the block.

    Raises:
        UserError: Ray isn't installed, no cluster answers there, or the connected one is another.
    """
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "The engine ray needs Ray, which is not installed: pip install 'serpentune[cluster]', here and on every "
            "machine of the cluster."
        ) from error
    if ray.is_initialized():
        connected = ray.get_runtime_context().gcs_address
        if address not in (None, connected):
            raise UserError(f"This process is connected to the Ray cluster at {connected}, not to {address}.")
        yield ray
        return
    # Asked for nothing, Ray would look for the cluster that was last started on this machine, and wait for it for ever
    # where that was killed.
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _knock(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that is started here reports to nobody
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, _first_line(error)) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Refuse an address where nothing listens: Ray itself would go on trying for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():  # `local`, or something for Ray to judge
        return
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, reason: str) -> UserError:
    where = "on this machine" if address == "local" else f"at {address}"
    return UserError(
        f"No Ray cluster could be reached {where} ({reason}). One that asks for a token needs RAY_AUTH_MODE=token and "
        "its token here too: see docs/scaling.md."
    )


def shards_on_ray(
    ray: Any, player: str, width: int, height: int, limits: Limits, shards: Sequence[Shard]
) -> Generator[tuple[Shard, bytes], None, None]:
    """Each shard with its file's bytes, in the order in which they are done; a few a processor are under way at a time.

    Args:
        ray: as of `ray_cluster`.
        player: the teacher's name, known on every machine of the cluster.
        width: cells a row.
        height: cells a column.
        limits: when a game is stopped.
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
            most = _TASKS_A_PROCESSOR * _processors(ray)
            while len(running) < most and (shard := next(waiting, None)) is not None:
                reference = task.remote(serpentune.__version__, player, width, height, limits, shard)
                running[reference] = shard
            if not running:
                return
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            shard = running.pop(done)
            yield shard, _content(ray, done, shard)
    except ray.exceptions.RayError as error:
        raise UserError(f"The Ray cluster failed ({_first_line(error)}).") from error
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
            f"({_first_line(error)}). Does the teacher crash on them?"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _processors(ray: Any) -> int:
    """How many the cluster has at present: machines come and go."""
    count = int(ray.cluster_resources().get("CPU", 0))
    if count < 1:
        raise UserError("The Ray cluster has no processor to play on.")
    return count


def _make(version: str, player: str, width: int, height: int, limits: Limits, shard: Shard) -> bytes:
    """One shard, on whichever machine this runs."""
    if version != serpentune.__version__:
        raise UserError(
            f"{platform.node()} has serpentune {serpentune.__version__}, the run began with {version}. Install the "
            "same version on every machine of the cluster."
        )
    return make_shard(teachers.get(player), width, height, limits, shard)
