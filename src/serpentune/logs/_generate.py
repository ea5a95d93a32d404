"""Floor 3, logs: runs of games played by teachers, one folder a teacher."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from serpentune import teachers
from serpentune.common.cluster import ray_cluster
from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import ensure_free
from serpentune.common.paths import PathUtils
from serpentune.common.threads import mapped
from serpentune.game import Limits, check_board, check_seeds
from serpentune.logs._ray import shards_on_ray
from serpentune.logs._shards import Shard, make_shard, shards_of
from serpentune.logs._unfinished import Request, Unfinished, unfinished_run
from serpentune.logs._write import Format, check_format

Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


def generate_runs(
    algorithms: Sequence[str],
    games: int,
    width: int,
    height: int,
    seed: int,
    output_dir: Path,
    *,
    format: Format = "parquet",  # noqa: A002 - it is what the command line calls it
    limits: Limits | None = None,
    noise: float = 0,
    overwrite: bool = False,
    timestamp: str | None = None,
    resume: bool = False,
    engine: Engine = "local",
    address: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Let each teacher play `games` games and write a run folder for each; the folders, in the order of `algorithms`.

    Every teacher plays the game seeds `seed` to `seed + games - 1`, so all meet the same apples. A folder is named
    `heuristics-<teacher>_<timestamp>`, the teacher in lower case; the time is nowhere else, so the same arguments make
    the same bytes inside it. Everything that can be checked is checked before the first folder is written.

    What is played is kept piece by piece in a hidden folder of `output_dir`, until the run folders are made of it. When
    the program is killed, `resume` goes on from there, and ends with the same bytes as if nothing had happened.

    Args:
        algorithms: teachers' names; one that stands twice is played once.
        games: how many, at least 1.
        width: cells a row.
        height: cells a column.
        seed: the first game's seed, from 0.
        output_dir: where the run folders go.
        format: `"parquet"` or `"json"`.
        limits: when a game is stopped; the default of the rules without.
        noise: with what probability a move is drawn at random from those that don't kill at once, by the game's seed.
            The games' player is then called `teachers.player_name` (`BFS+NOISE`), and the summary holds the number.
        overwrite: replace run folders that hold something.
        timestamp: `YYYYMMDD_HHMMSS`, the present local time without.
        resume: go on with the newest unfinished run of these arguments (`overwrite` may differ) by this version; with
            `timestamp`, with the one of that time.
        engine: `"local"`: all processor cores of this machine; `"ray"`: a Ray cluster. The bytes are the same.
        address: of the Ray cluster (`host:6379`); None takes that of RAY_ADDRESS, or starts one on this machine.
        progress: called with a number of games when so many more are there, played now or kept from before
            (`common.progress.progress_bar` hands out such a function).

    Raises:
        UserError: no or unknown teachers, a board outside the rules, no games, a seed or `noise` out of range, an
            unknown format or engine, an address without a cluster or no cluster there, a timestamp of another form, a
            folder that is taken, another process that writes the same run, nothing to resume, or no room on the disk.
        KeyboardInterrupt: after Ctrl-C; its message says that `resume` goes on.
    """
    if not algorithms:
        raise UserError(f"No teacher was named. Known: {', '.join(teachers.names())}.")
    players = list({teacher.name: teacher for teacher in map(teachers.get, algorithms)}.values())
    check_board(width, height)
    if games < 1:
        raise UserError(f"{games} games can't be played; ask for at least 1.")
    check_seeds(seed, games)
    check_format(format)
    if not 0 <= noise <= 1:
        raise UserError(f"The noise {noise} is no probability. Name a number from 0 to 1, such as 0.05.")
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if address is not None and engine != "ray":
        raise UserError(f"The address {address} is for the engine ray; the engine is {engine}.")
    if timestamp is not None and not re.fullmatch(r"\d{8}_\d{6}", timestamp):
        raise UserError(f"{timestamp!r} is no timestamp of the form YYYYMMDD_HHMMSS.")
    if output_dir.is_file():
        raise UserError(f"{output_dir} is a file; a folder for the runs is needed. Choose another path.")
    names = tuple(player.name for player in players)
    request = Request(names, games, width, height, seed, limits or Limits(), format, float(noise))
    stamp = request.to_resume(output_dir, timestamp) if resume else timestamp
    if stamp is None:
        stamp = PathUtils.timestamp()
    called = [teachers.player_name(name, noise) for name in names]
    folders = [output_dir / f"heuristics-{_slug(name)}_{stamp}" for name in called]
    if not request.is_in(request.part(output_dir, stamp)):
        for folder in folders:
            ensure_free(folder, overwrite=overwrite)
    cluster = ray_cluster(address) if engine == "ray" else contextlib.nullcontext()
    with cluster as ray, unfinished_run(request, output_dir, stamp, resume=resume) as unfinished:
        for player, folder in zip(players, folders, strict=True):
            _generate(request, player, folder, unfinished, overwrite, ray, progress or (lambda _: None))
    return folders


def _generate(
    request: Request,
    player: teachers.Teacher,
    folder: Path,
    unfinished: Unfinished,
    overwrite: bool,
    ray: Any | None,
    progress: Callable[[int], None],
) -> None:
    """One teacher's run: find what is kept, play what is missing, and make the folder of both."""
    if unfinished.is_finished(folder):
        progress(request.games)
        return
    unfinished.ensure_free(folder, overwrite=overwrite)
    name = teachers.player_name(player.name, request.noise)
    shards = shards_of(request.games, request.seed, request.width, request.height)
    missing = []
    for shard, found in zip(shards, unfinished.look_for(shards, name, folder), strict=True):
        if found:
            progress(shard.games)
        else:
            missing.append(shard)

    with contextlib.closing(_stored(request, player, folder, unfinished, ray, missing)) as stored:
        for shard in stored:
            progress(shard.games)
    unfinished.assemble(shards, name, folder, overwrite=overwrite)


def _stored(
    request: Request,
    player: teachers.Teacher,
    folder: Path,
    unfinished: Unfinished,
    ray: Any | None,
    missing: Sequence[Shard],
) -> Generator[Shard, None, None]:
    """Play shards, here or on a cluster; each as soon as it is kept."""
    board = request.width, request.height

    def make_here(shard: Shard) -> Shard:
        unfinished.store(shard, folder, make_shard(player, *board, request.limits, request.noise, shard))
        return shard

    if ray is None:
        yield from mapped(make_here, missing, 1 if player.kernel is None else None)
        return
    with contextlib.closing(shards_on_ray(ray, player.name, *board, request.limits, request.noise, missing)) as made:
        for shard, content in made:
            unfinished.store(shard, folder, content)
            yield shard


def _slug(name: str) -> str:
    """A teacher's name as part of a folder's: other packages may name theirs as they like."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower())
