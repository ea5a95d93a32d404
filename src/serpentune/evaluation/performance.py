"""Floor 8, evaluation: `performance.json`: what the games took, and what was asked of an endpoint for all figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from serpentune.common.errors import UserError
from serpentune.common.files import read_object, write_json
from serpentune.common.processes import process_count
from serpentune.evaluation.contestants import Contestant
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.play import Account
from serpentune.evaluation.resources import Measurement
from serpentune.evaluation.results import PERFORMANCE

_ENDPOINT = "endpoint"


def write_figures(
    folder: Path, played: Sequence[GameResult], used: Measurement, device: str, elsewhere: str = ""
) -> None:
    """Write what games took to `performance.json`; an account that stands there stays.

    Args:
        folder: the results folder.
        played: the games.
        used: what playing them took in this process.
        device: where a player of this process is.
        elsewhere: why device and memory aren't known; empty where the games were played here.
    """
    moves, tokens = sum(result.record.steps for result in played), sum(result.tokens for result in played)
    answering = sum(result.ms for result in played)
    undefined = dict.fromkeys(("device", "peak_memory_mb"), elsewhere) if elsewhere else {}
    if not tokens:
        undefined["tokens_per_second"] = "it writes no tokens, or its player doesn't count them"
    if used.peak_memory_mb is None and not elsewhere:
        undefined["peak_memory_mb"] = "this system doesn't tell"
    figures = {
        "games": len(played),
        "moves": moves,
        "seconds": round(used.seconds, 3),
        "games_per_second": round(len(played) / used.seconds, 3),
        "ms_per_move": round(answering / max(moves, 1), 4),
        "moves_per_second": round(moves / used.seconds, 1),
        "tokens_per_second": round(tokens / used.seconds, 1) if tokens else None,
        "peak_memory_mb": None if elsewhere else used.peak_memory_mb,
        "device": None if elsewhere else device,
        "processes": None if elsewhere else process_count(),
        "undefined": undefined,
    }
    _write(folder, figures, _stored_account(folder))


@contextmanager
def accounted(contestant: Contestant, folder: Path) -> Iterator[None]:
    """Add what is asked of an endpoint in this block, however it ends, to the account in `performance.json`.

    Raises:
        UserError: the account that stands there can't be read.
    """
    if contestant.traffic is None:
        yield
        return
    earlier, mark = _stored_account(folder), contestant.traffic.mark()
    try:
        yield
    finally:
        account = contestant.traffic.account(mark)
        if account.requests or earlier is None:  # latencies of a run that asked nothing would replace others
            path = folder / PERFORMANCE
            figures = read_object(path) if path.is_file() else {}
            _write(folder, figures, account if earlier is None else account.after(earlier))


def _stored_account(folder: Path) -> Account | None:
    path = folder / PERFORMANCE
    stored = read_object(path).get(_ENDPOINT) if path.is_file() else None
    try:
        return None if stored is None else Account.model_validate(stored)
    except ValidationError as error:
        problem = error.errors()[0]
        at = ".".join(map(str, (_ENDPOINT, *problem["loc"])))
        raise UserError(
            f"{path}: no account of an endpoint ({at}: {problem['msg']}). Remove the file, or pass --overwrite to play "
            "all games again."
        ) from error


def _write(folder: Path, figures: dict[str, Any], account: Account | None) -> None:
    write_json(folder / PERFORMANCE, figures | ({} if account is None else {_ENDPOINT: account.model_dump()}))
