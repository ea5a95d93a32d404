"""Floor 4, datasets: JSON lines of the first version as records of ours, their texts as they are."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from serpentune.datasets._chains import Chain, misplayed
from serpentune.datasets._faults import Fault, Faults
from serpentune.datasets._first_version import OldPrompt, parse
from serpentune.datasets._looks import old_move, old_state
from serpentune.datasets._read_jsonl import jsonl_rows
from serpentune.datasets._rows import EXTRA, count_strange
from serpentune.datasets.records import SCHEMA
from serpentune.datasets.splits import game_key
from serpentune.game import State

NO_STATE = "its prompt doesn't hold the whole state"
UNKNOWN = "its prompt is of no form known"

MENDED_TAIL_FIRST = "body written tail first"
MENDED_HEAD = "head listed in the body too"

_DECIDED_HERE = ("seed", "style", "encoding", "symmetry", "verified")
"""Columns of a record that migration fills in whatever the row says."""

_FILE = re.compile(r"heuristics?[-_](.+?)_\d{6,8}.*|(.+?)[-_]dataset.*", re.IGNORECASE)

Emit = Callable[[list[dict[str, Any]], str, str | None], None]
"""Takes records of one source game, the key that decides their split, and why they aren't verified, or None."""


def player_of(file: Path) -> str:
    """Who played, by a file's name: `BFS-512_dataset.jsonl`, `heuristic_bfs_20250102_030405.jsonl`; else the name."""
    found = _FILE.fullmatch(file.stem)
    return (next(filter(None, found.groups())) if found else file.stem).upper()


def migrate_lines(
    file: Path,
    source: str,
    faults: Faults,
    mended: Counter[str],
    keys: Counter[str],
    emit: Emit,
    progress: Callable[[int], None],
) -> None:
    """Read a file and hand its records over, those of one game together.

    Args:
        file: JSON lines.
        source: how records name the file.
        faults: what can't be used goes there.
        mended: counts what was put right.
        keys: counts, by key, the values that the records don't take over.
        emit: takes the records.
        progress: called with the number of rows done since the last call.
    """
    reader = _Reader(source, player_of(file), mended, emit)
    for rows in jsonl_rows(file, None, faults, mended, Counter()):
        for place, row in enumerate(rows.table.to_pylist()):
            try:
                reader.take(int(rows.places[place]), row)
                count_strange(keys, _not_taken(row))
            except Fault as fault:
                text = json.dumps(row, ensure_ascii=False)
                faults.add(file, rows.place(place), *fault.args, text=text)
        progress(len(rows))
    reader.end_game()


class _Reader:
    """Takes the rows of one file and puts its games together."""

    def __init__(self, source: str, player: str, mended: Counter[str], emit: Emit) -> None:
        self._source, self._player, self._mended, self._emit = source, player, mended, emit
        self._chain: Chain | None = None
        self._records: list[dict[str, Any]] = []
        self._games = 0
        self._line = 0
        self._key: str | None = None
        """What the game under way must be split by, where it is the rest of another one."""

    def take(self, line: int, row: dict[str, Any]) -> None:
        """Take the next row.

        Raises:
            Fault: it can't become a record.
        """
        said = parse(row["prompt"])
        move = old_move(row["completion"])
        if move is None:
            raise Fault("no move can be read from its answer", repr(row["completion"][:60]))
        if said is None or said.body is None or said.apple is None:
            record = _record(row, said, None, self._player)
            self.end_game()
            self._key = None
            why = UNKNOWN if said is None else NO_STATE
            self._emit([record], f"prompt {row['prompt']}", why)
            self._line = line
            return
        state = self._state(said)
        apple = said.apple[1] * state.width + said.apple[0]
        record = _record(row, said, state, self._player)
        follows = self._chain is not None and self._chain.follows(record["teacher"], state, apple)
        if follows and self._chain is not None and len(state.body) == 1:
            state = replace(state, direction=self._chain.heading())
        if (wrong := misplayed(state, move)) is not None:
            raise Fault("its answer can't be played", wrong)
        for name in ("snake_length", "board"):
            if row.get(name) not in (None, record[name]):
                raise Fault(f"its {name} is not what its prompt shows", f"{row[name]}, not {record[name]}")
        if not follows:
            key = self.end_game()
            # After refused rows, what doesn't begin here is the rest of their game, and belongs into its split.
            self._key = key if line > self._line + 1 and len(state.body) > 1 else None
            self._chain = Chain(record["teacher"], state, [apple])
        assert self._chain is not None
        self._chain.add(state, apple, move)
        self._records.append(record)
        self._line = line

    def end_game(self) -> str | None:
        """Hand over the game under way; what it is split by, None without one."""
        chain = self._chain
        if chain is None:
            return None
        self._games += 1
        problem = chain.problem()
        for step, record in enumerate(self._records):
            record["game"] = f"{self._source}/{self._games}"
            if problem is None:
                record["step"] = step
        key = self._key or game_key(chain.first.width, chain.first.height, None, chain.apples)
        self._emit(self._records, key, problem)
        self._chain, self._records = None, []
        return key

    def _state(self, said: OldPrompt) -> State:
        """The state of a prompt; what had to be put right in it is counted.

        Raises:
            Fault: it is none of the rules either way.
        """
        body = said.body or ()
        mended = []
        if said.length == len(body) and said.head in (*body[:1], *body[-1:]):
            body = body[1:] if body[0] == said.head else body[:-1]
            mended.append(MENDED_HEAD)
        states: list[State | None] = []
        reason: ValueError | None = None
        for cells in (body, body[::-1]):
            try:
                states.append(old_state(replace(said, body=cells)))
            except ValueError as error:
                reason = reason or error
                states.append(None)
        given, turned = states
        # Where both ends lie beside the head, the row before says which of them follows it.
        if turned is not None and len(body) > 1 and (given is None or self._expects(said, turned)):
            given = turned
            mended.append(MENDED_TAIL_FIRST)
        if given is None:
            raise Fault("its prompt shows no state", str(reason))
        self._mended.update(mended)
        return given

    def _expects(self, said: OldPrompt, state: State) -> bool:
        if self._chain is None or said.apple is None:
            return False
        apple = said.apple[1] * state.width + said.apple[0]
        return self._chain.follows(self._chain.player, state, apple)


def _not_taken(row: dict[str, Any]) -> list[str]:
    """The keys of a row of which its record knows nothing."""
    extra = json.loads(row.get(EXTRA) or "{}")
    known = [name for name in _DECIDED_HERE if row.get(name) is not None]
    return [*known, *(name for name in extra if name != "algorithm")]


def _record(row: dict[str, Any], said: OldPrompt | None, state: State | None, usual: str) -> dict[str, Any]:
    """A row as a record of `SCHEMA`; the texts follow no style or encoding of ours."""
    extra = json.loads(row.get(EXTRA) or "{}")
    told = extra.get("metadata") if isinstance(extra.get("metadata"), dict) else {}
    names = (row.get("teacher"), extra.get("algorithm"), told.get("algorithm"), said and said.algorithm, usual)
    player = next(name for name in names if isinstance(name, str) and name.strip())
    record = dict.fromkeys(SCHEMA.names)
    board = row.get("board")
    if state is not None:
        board = f"{state.width}x{state.height}"
    elif said is not None and said.width is not None:
        board = f"{said.width}x{said.height}"
    record |= {
        "prompt": row["prompt"],
        "completion": row["completion"],
        "teacher": player.strip().upper(),
        "game": row.get("game"),
        "step": row.get("step"),
        "snake_length": row.get("snake_length") or (said and said.length),
        "board": board,
        "symmetry": 0,
        "verified": False,
    }
    if state is not None:
        record["snake_length"] = len(state.body)
    return record
