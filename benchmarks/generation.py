"""How fast games are generated, kept and read back: every teacher's games on 10x10, against BFS in plain Python.

    python benchmarks/generation.py [--quick] [--json]

A speed is that of `generate_runs`: playing, replaying each game before it is written, and the Parquet file, on all
processor cores. The plain BFS asks a Python function for every move, the rules and the log being the same; its games
are checked to be those of the compiled BFS, move for move. Teachers take turns, and a speed is that of the median
turn. All teachers together play their games once, without turns. Memory is the peak of a process of its own that
writes games and reads their states. Compiling is measured in a process of its own with an empty cache, and is in no
other figure.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, median_ratio, run, say, seconds, taking_turns
from serpentune import teachers
from serpentune.common.files import read_json
from serpentune.common.threads import processors
from serpentune.game import DIRECTIONS, GameBatch, Move, State
from serpentune.logs import generate_runs, iter_batches, read_logs

SIDE = 10
TARGETS = {"HAMILTONIAN-SHORTCUT": 10e6, "BFS": 3e6, "ASTAR": 2e6, "CELL": 0.5e6}
"""Moves per second, on two processor cores."""

READ_TARGET = 5e6
ALL_GAMES, ALL_TARGET = 10_000, 180.0
MANY_GAMES, MANY_SIDE, MEMORY_TARGET = 1_000_000, 6, 1000.0
"""How many games are written and read for the figure of memory, on which board, in how many megabytes at most."""

BILLION = 1_000_000_000
"""The scale of docs/scaling.md."""

SEED = 0
STAMP = "20000101_000000"
PLAIN_GAMES = 10
"""Plain Python takes about as long for these as a compiled teacher for a thousand."""


def plain_bfs(state: State) -> Move:
    """The first move of a shortest path to the apple, as anyone would write it first."""
    width, height = state.width, state.height
    cells = [(x, y) for y in range(height) for x in range(width)]
    steps = ((0, 1), (1, 0), (0, -1), (-1, 0))
    blocked = {cells[cell] for cell in state.body[:-1]}  # the tail's cell is free: the tail is leaving it
    back = None if state.direction is None else (state.direction + 2) % 4
    x, y = cells[state.head]
    legal = {}
    for move, (dx, dy) in zip(DIRECTIONS, steps, strict=True):
        cell = (x + dx, y + dy)
        if move != back and 0 <= cell[0] < width and 0 <= cell[1] < height and cell not in blocked:
            legal[move] = cell
    if not legal:
        return Move.NO_PATH_FOUND
    if state.apple < 0:
        return next(iter(legal))
    distances = {cells[state.apple]: 0}
    queue = [cells[state.apple]]
    for cell in queue:
        for dx, dy in steps:
            near = (cell[0] + dx, cell[1] + dy)
            inside = 0 <= near[0] < width and 0 <= near[1] < height
            if inside and near not in blocked and near not in distances:
                distances[near] = distances[cell] + 1
                queue.append(near)
    reached = {move: distances[cell] for move, cell in legal.items() if cell in distances}
    return min(reached, key=reached.__getitem__) if reached else next(iter(legal))


PLAIN = teachers.Teacher(
    name="BFS-PLAIN-PYTHON", summary="BFS without a compiler.", guarantee="As BFS.", function=plain_bfs
)


def compiling() -> Iterator[Figure]:
    """How long a first start takes on a machine that has compiled nothing yet, and how long a later one."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", "import serpentune.teachers"]
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        for what in ("first start, compiling", "later start, from the cache"):
            say(f"{what} ...")
            taken = seconds(lambda: subprocess.run(command, check=True, env=environment))
            yield Figure("kernels", what, taken, "s", "lower")


MANY = """
import sys
from pathlib import Path
from serpentune.common.memory import host_peak_bytes
from serpentune.logs import Refusal, generate_runs, iter_batches
folder, games, side = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
runs = generate_runs(["BFS"], games, side, side, 0, folder)
read = 0
for batch in iter_batches(runs):
    assert not isinstance(batch, Refusal), batch
    read += len(batch)
    for states in batch.states():
        pass
assert read == games
print(host_peak_bytes() / 1e6)
"""


def peak_of(games: int, folder: Path) -> float:
    """Megabytes of memory at most in a process that writes so many games and reads their states."""
    command = [sys.executable, "-c", MANY, str(folder), str(games), str(MANY_SIDE)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory(quick: bool) -> Iterator[Figure]:
    """Whether memory grows with the number of games."""
    many = MANY_GAMES // 50 if quick else MANY_GAMES
    say(f"writing and reading {many:,} games, and a tenth of them ...")
    with tempfile.TemporaryDirectory() as folder:
        few, peak = (peak_of(games, Path(folder) / str(games)) for games in (many // 10, many))
    subject = f"{many:,} games, {MANY_SIDE}x{MANY_SIDE}, written and read"
    yield Figure(subject, "memory at the peak", peak, "MB", "lower", None if quick else MEMORY_TARGET)
    yield Figure(subject, "over that of a tenth of them", peak / few, "times", "lower")


def reading(run: Path) -> Iterator[Figure]:
    """How fast the states of a run come back, replayed."""

    def states() -> int:
        return sum(
            len(states) for batch in iter_batches([run]) if isinstance(batch, GameBatch) for states in batch.states()
        )

    count = states()
    middle = statistics.median(seconds(states) for _ in range(5))
    yield Figure(f"reading BFS, {SIDE}x{SIDE}", "states per second", count / middle, "states/s", target=READ_TARGET)


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    names = teachers.names()
    teachers.register(PLAIN)
    games, repeats = (500, 3) if quick else (4000, 5)
    yield from compiling()
    with tempfile.TemporaryDirectory() as folder:

        def generating(name: str, count: int) -> Callable[[], list[Path]]:
            return lambda: generate_runs([name], count, SIDE, SIDE, SEED, Path(folder), overwrite=True, timestamp=STAMP)

        say("warm-up ...")
        taken = seconds(lambda: [generating(name, 1)() for name in names])
        yield Figure("warm-up", "one game of each teacher", taken, "s", "lower")
        counts = {**dict.fromkeys(names, games), PLAIN.name: PLAIN_GAMES}
        say(f"{games} games of each of {len(names)} teachers, {PLAIN_GAMES} in plain Python, {repeats} times ...")
        turns = taking_turns([generating(name, count) for name, count in counts.items()], repeats)
        times = dict(zip(counts, turns, strict=True))
        runs = {name: Path(folder) / f"heuristics-{name.lower()}_{STAMP}" for name in counts}
        moves = {name: int(read_json(path / "summary.json")["total_steps"]) for name, path in runs.items()}
        plain, compiled = (read_logs([runs[name]]).games for name in (PLAIN.name, "BFS"))
        if any(a.moves != b.moves for a, b in zip(plain, compiled, strict=False)):
            raise SystemExit("The plain BFS plays other games than the compiled one: their speeds can't be compared.")
        for name, count in counts.items():
            middle, subject = statistics.median(times[name]), f"{name}, {SIDE}x{SIDE}"
            yield Figure(subject, "games per second", count / middle, "games/s")
            yield Figure(subject, "moves per second", moves[name] / middle, "moves/s", target=TARGETS.get(name))
            if name != PLAIN.name:  # too few games to say
                hours = middle / count * BILLION * processors() / 3600
                yield Figure(subject, "core-hours for a billion games", hours, "h", "lower")
                size = (runs[name] / "games.parquet").stat().st_size
                yield Figure(subject, "size of a game on disk", size / count, "bytes", "lower")
        per_move = [[taken / moves[name] for taken in times[name]] for name in (PLAIN.name, "BFS")]
        yield Figure("compiled over plain BFS", "moves per second, ratio", median_ratio(*per_move), "times")
        yield from reading(runs["BFS"])
        each = ALL_GAMES // 20 if quick else ALL_GAMES
        say(f"{each:,} games of all {len(names)} teachers, once ...")
        everyone = seconds(lambda: generate_runs(names, each, SIDE, SIDE, SEED, Path(folder) / "all"))
        subject = f"{each:,} games of each of {len(names)} teachers"
        yield Figure(subject, "time", everyone, "s", "lower", None if quick else ALL_TARGET)
    yield from memory(quick)


if __name__ == "__main__":
    run(__doc__ or "", measure)
