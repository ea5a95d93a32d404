"""Floor 8, evaluation: states that teachers visited in games that no student saw, and what a player says to them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.common.errors import UserError
from serpentune.common.files import write_text
from serpentune.common.progress import Advance
from serpentune.datasets.completions import parse_prompt
from serpentune.datasets.encodings import ENCODINGS
from serpentune.evaluation.play import Player, answers_to
from serpentune.evaluation.results import STATE_ANSWERS
from serpentune.evaluation.states import StateAnswer, state_metrics
from serpentune.game import Limits, State, States, states_before
from serpentune.teachers import get
from serpentune.teachers import play as play_teacher

_LOG = logging.getLogger(__name__)

PlayerFor = Callable[[str], Player]
"""From a teacher's name to the player that is asked to play like it."""


@dataclass(frozen=True)
class HeldOutState:
    """A state on a teacher's path.

    Attributes:
        teacher: whose.
        game: a name of the game; states of one game resemble each other.
        state: the state.
    """

    teacher: str
    game: str
    state: State


def states_of_records(records: Iterable[Mapping[str, Any]]) -> list[HeldOutState]:
    """The states in the prompts of a data set's records, each once a teacher, in their order.

    Records without a state that can be read are left out, which is logged: prompts that aren't ours, or in an encoding
    that doesn't hold the whole state.

    Args:
        records: with the texts `prompt`, and `game` where they have one; without, each state counts as a game.

    Raises:
        UserError: no record has a state that can be read.
    """
    found: dict[tuple[str, State], HeldOutState] = {}
    left_out = 0
    for number, record in enumerate(records):
        parsed = parse_prompt(record["prompt"])
        state = None if parsed is None else _state(parsed[1])
        if parsed is None or state is None:
            left_out += 1
            continue
        found.setdefault((parsed[0], state), HeldOutState(parsed[0], str(record.get("game") or number), state))
    if not found:
        raise UserError(
            "No record has a prompt from which a state can be read. "
            "Held-out states need a data set in the encoding grid or coordinates."
        )
    if left_out:
        _LOG.warning("%d records have no state that can be read and are left out of the held-out states", left_out)
    return list(found.values())


def states_of_games(
    teachers: Sequence[str],
    seeds: Sequence[int],
    width: int,
    height: int,
    *,
    states: int = 1000,
    seed: int = 0,
    limits: Limits | None = None,
) -> list[HeldOutState]:
    """States of games that teachers play now, on seeds that no training game has: as many of each, drawn at random.

    Args:
        teachers: their names.
        seeds: a game each, for every teacher.
        width: cells a row.
        height: cells a column.
        states: how many of each teacher, or all where its games have fewer; each place in them is as likely.
        seed: of the draw.
        limits: of the games.

    Raises:
        UserError: no such teacher, no game or no state, an impossible board, or a teacher broke its contract.
    """
    if not teachers or not len(seeds) or states < 1:
        raise UserError("Held-out states need at least one teacher, one game of it and one state.")
    found = []
    for name in teachers:
        teacher = get(name)
        games = list(play_teacher(teacher, seeds, width, height, limits))
        ends = np.cumsum([len(game.moves) for game in games])
        drawn = np.random.default_rng(seed).permutation(ends[-1])[:states]
        for number, game in enumerate(games):
            first = ends[number] - len(game.moves)
            at = np.sort(drawn[(drawn >= first) & (drawn < ends[number])]) - first
            found += [HeldOutState(teacher.name, str(game.seed), state) for state in states_before(game, at)]
    return found


def ask(
    player: Player | PlayerFor, held: Sequence[HeldOutState], *, progress: Advance | None = None
) -> list[StateAnswer]:
    """A player's answers to held-out states, teacher by teacher.

    Args:
        player: who answers; or, for one that is told whom to play like, what makes it from a teacher's name.
        held: the states.
        progress: moved by each answer.

    Raises:
        UserError: as of the player.
    """
    answers = []
    for (teacher, _, _), own in grouped(held).items():
        asked = player(teacher) if callable(player) else player
        states = States.stack([each.state for each in own])
        for each, answer in zip(own, answers_to(asked, states, progress=progress), strict=True):
            answers.append(
                StateAnswer(teacher, each.game, each.state, answer.moves, answer.unusable, answer.constrained)
            )
    return answers


def grouped(held: Iterable[HeldOutState]) -> dict[tuple[str, int, int], list[HeldOutState]]:
    """Held-out states by teacher, width and height, which are asked about together."""
    groups: dict[tuple[str, int, int], list[HeldOutState]] = {}
    for each in held:
        groups.setdefault((each.teacher, each.state.width, each.state.height), []).append(each)
    return groups


def held_out_metrics(player: Player | PlayerFor, held: Sequence[HeldOutState]) -> dict[str, dict[str, Any]]:
    """A player's decision accuracy on states that teachers visited, by teacher, as of `state_metrics`.

    Raises:
        UserError: as of `ask`.
    """
    return state_metrics(ask(player, held))


def write_answers(folder: Path, answers: Iterable[StateAnswer]) -> None:
    """Write answers to the `states.jsonl` of a results folder; `recompute` makes figures of it.

    Raises:
        UserError: it can't be written.
    """
    write_text(folder / STATE_ANSWERS, "".join(answer.to_json() + "\n" for answer in answers))


def _state(text: str) -> State | None:
    """The state of a board's text, or None where it can't be read back."""
    for encoding in ENCODINGS.values():
        if encoding.exact and text.startswith(encoding.opening):
            try:
                return encoding.decode(text)
            except ValueError:
                return None
    return None
