"""The ground: a Ray cluster, for work that is spread over machines.

Ray (the extra `cluster`) is imported when it is asked for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

from serpentune.common.errors import UserError

_PATIENCE = 10.0
"""Seconds for a cluster to answer at its address."""


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
        raise _unreachable(address, first_line(error)) from error
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


def first_line(error: Exception) -> str:
    """What an error says, without the traceback that Ray puts behind it."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def processors(ray: Any) -> int:
    """How many the cluster has at present: machines come and go."""
    count = int(ray.cluster_resources().get("CPU", 0))
    if count < 1:
        raise UserError("The Ray cluster has no processor to play on.")
    return count
