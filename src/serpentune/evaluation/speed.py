"""Floor 8, evaluation: how fast somebody answers, asked as the play engine asks, and what that takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from serpentune.common.errors import UserError
from serpentune.evaluation.contestants import Contestant
from serpentune.evaluation.play import Answer, Player, answers_to
from serpentune.evaluation.resources import MEGABYTE, Measurement, measure
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.game import States
from serpentune.models import LoadedModel, bytes_on_disk, parameter_counts
from serpentune.teachers import Teacher, get, play_batch

if TYPE_CHECKING:
    from serpentune.common.progress import Advance

_PERCENTILES = (50, 95, 99)
_GAMES = 64
_TURNS = 4
"""Questions for each place: the first ones come all at once, the others one by one, as in play."""
_FIRST = 10
"""Untimed questions before those that are asked one at a time, in each pass of warming up."""
_WARM_UPS, _GRAPH_WARM_UPS = 1, 3
"""Untimed passes. Questions in the same order need the same CUDA graphs, which are recorded in the third pass."""
_ENDLESS = 10**9
"""Games that would fill any number of places."""
_MUTE = "no answer held a move"


def speed_metrics(
    contestant: Contestant,
    settings: EvaluationSettings,
    *,
    answers: int = 200,
    seconds: float = 2.0,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """How fast somebody answers one question at a time, and as many at once as it holds open.

    The questions are states of games that the teacher of the settings plays on the settings' board and seeds, drawn
    from whole games, so that snakes of all lengths are among them. The time of an answer goes from the question to the
    moves, read: writing and tokenising the prompt, the model, reading its answer; for a full batch also waiting for the
    others. On a GPU answers are on the host when the clock stops, so all its work is done.

    Args:
        contestant: who answers.
        settings: how it is asked; `places` is what a full batch holds (None: what suits the player).
        answers: questions that are asked one at a time; 4 for each place go to the full batch.
        seconds: the full batch's questions are asked again and again until this time has passed.
        progress: called with the number of answers that came; how many there will be depends on the speed.

    Returns:
        - `batch_1` and `full_batch`, each with `places` (questions open at once), `answers`, `moves` that they hold
          (whether a game would use them all or not), `unusable` answers (without a move), `seconds`; the percentiles
          `p50`, `p95`, `p99` of `ms_per_answer` and of `ms_per_move` (an answer's time shared by its moves; each move
          counts once); `answers_per_second`, `moves_per_second`, and `tokens_per_second` written, end tokens included.
          Speeds are over all `seconds`, those of unusable answers included, and of the full batch those in which its
          last questions leave places empty.
        - `parameters` (a shared weight counts once), `bytes_in_memory` (weights and buffers as they are held),
          `bytes_on_disk` (the weights' files that the model was opened from).
        - `device_peak_mb`: most memory that tensors held on the GPU during this measurement, weights and keys and
          values included; `host_peak_mb`: the most of this process since it began, so that a fresh one should measure.
        - `joules_per_move`: what the whole card took during the timed full batches, over their moves.
        - `device`, which is None for an endpoint, as both peaks are; and `undefined`: the reason for each figure that
          is None, by its name, `full_batch.ms_per_move` for one within another.

    Raises:
        UserError: `answers` is below 1 or `seconds` is negative; impossible settings; a board too large for the model.
    """
    if answers < 1 or seconds < 0:
        raise UserError(f"A speed needs at least one answer and no negative time, not {answers} and {seconds} s.")
    settings.check()
    device = "cpu" if contestant.loaded is None else contestant.loaded.model.device
    warm_ups = _GRAPH_WARM_UPS if str(device).startswith("cuda") else _WARM_UPS
    full = _Timed(contestant.player(replace(settings, games=_ENDLESS)), progress)
    asked = teacher_states(get(settings.teacher), settings, max(answers, _TURNS * full.places))
    # A player of one place, as for one game: a decoder of many places does the work of all of them.
    alone = _Timed(contestant.player(replace(settings, places=1)), progress)
    with measure(device) as at_first:
        for number in range(_FIRST * warm_ups):
            alone.run(asked.take([number % answers]))
        alone.forget()
        for number in range(answers):
            alone.run(asked.take([number]))
    turns = asked.take(np.arange(_TURNS * full.places))
    with measure(device) as warming:
        for _ in range(warm_ups):
            full.run(turns)
    full.forget()
    with measure(device) as used:
        while not full.answered or full.seconds < seconds:
            full.run(turns)

    undefined: dict[str, str] = {}
    figures: dict[str, Any] = {
        "device": str(device),
        "batch_1": alone.figures("batch_1", 1, undefined),
        "full_batch": full.figures("full_batch", full.places, undefined),
        **_size(contestant.loaded, undefined),
        **_memory([at_first, warming, used], undefined),
    }
    if contestant.traffic is not None:
        unknown = ("device", "device_peak_mb", "host_peak_mb")
        figures |= dict.fromkeys(unknown)
        undefined |= dict.fromkeys(unknown, "the model is served elsewhere")
    moves = figures["full_batch"]["moves"]
    figures["joules_per_move"] = None if used.joules is None or not moves else used.joules / moves
    if figures["joules_per_move"] is None:
        undefined["joules_per_move"] = used.unmetered or _MUTE
    return {**figures, "undefined": undefined}


def teacher_states(teacher: Teacher, settings: EvaluationSettings, count: int) -> States:
    """`count` states before moves of a teacher's games on the seeds of the settings, in random order.

    They are drawn with equal chance from all moves of the first games; where these have fewer, some come again.

    Raises:
        UserError: the teacher makes no move.
    """
    seeds = range(settings.seed, settings.seed + min(count, _GAMES))
    games = play_batch(teacher, seeds, settings.width, settings.height, settings.limits)
    rng = np.random.default_rng(settings.seed)
    total = int(games.move_offsets[-1])
    if not total:
        raise UserError(f"{teacher.name} makes no move on this board, so its games hold no states to ask about.")
    places = rng.choice(total, count, replace=count > total)
    return games.states_at(np.sort(places)).take(rng.permutation(count))


class _Timed:
    """A `Player` that notes what another's answers take.

    Attributes:
        name: the other's.
        places: the other's.
        answered: milliseconds from the question, moves and tokens of each answer since the last `forget`.
        seconds: wall time since then in `run`.
    """

    def __init__(self, player: Player, progress: Advance | None) -> None:
        self.name = player.name
        self.places = player.places
        self._player = player
        self._progress = progress
        self._began: dict[int, float] = {}
        self.forget()

    def forget(self) -> None:
        """Begin anew: what came before was warming up."""
        self.answered: list[tuple[float, int, int]] = []
        self.seconds = 0.0

    def run(self, states: States) -> None:
        """Ask about states, as many at once as there are places, until all are answered."""
        began = time.perf_counter()
        answers_to(self, states)
        self.seconds += time.perf_counter() - began
        if self._progress is not None:
            self._progress(len(states))

    def ask(self, places: Sequence[int], states: States) -> None:
        """As of `Player.ask`."""
        self._began |= dict.fromkeys(places, time.perf_counter())
        self._player.ask(places, states)

    def answers(self) -> list[tuple[int, Answer]]:
        """As of `Player.answers`."""
        found = self._player.answers()
        now = time.perf_counter()
        self.answered += [
            (1000 * (now - self._began[place]), len(answer.moves), answer.tokens) for place, answer in found
        ]
        return found

    def figures(self, name: str, places: int, undefined: dict[str, str]) -> dict[str, Any]:
        """The figures of one way of asking; the reasons for those that are None go to `undefined`."""
        answered, seconds = len(self.answered), self.seconds
        moves, tokens = (sum(counts) for counts in list(zip(*self.answered, strict=True))[1:])
        per_move = [ms / moves for ms, moves, _ in self.answered for _ in range(moves)]
        if not per_move:
            undefined[f"{name}.ms_per_move"] = _MUTE
        if not tokens:
            undefined[f"{name}.tokens_per_second"] = "it writes no tokens, or its player doesn't count them"
        return {
            "places": places,
            "answers": answered,
            "moves": moves,
            "unusable": sum(not moves for _, moves, _ in self.answered),
            "seconds": seconds,
            "ms_per_answer": _percentiles([ms for ms, _, _ in self.answered]),
            "ms_per_move": _percentiles(per_move) if per_move else None,
            "answers_per_second": answered / seconds,
            "moves_per_second": moves / seconds,
            "tokens_per_second": tokens / seconds if tokens else None,
        }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    found = np.percentile(values, _PERCENTILES).tolist()
    return {f"p{percent}": value for percent, value in zip(_PERCENTILES, found, strict=True)}


def _memory(blocks: Sequence[Measurement], undefined: dict[str, str]) -> dict[str, float | None]:
    peaks = [block.device_peak_bytes for block in blocks if block.device_peak_bytes is not None]
    if not peaks:
        undefined["device_peak_mb"] = "no GPU was used"
    host = blocks[-1].host_peak_bytes
    if host is None:
        undefined["host_peak_mb"] = "this system doesn't tell"
    return {
        "device_peak_mb": max(peaks) / MEGABYTE if peaks else None,
        "host_peak_mb": None if host is None else host / MEGABYTE,
    }


def _size(loaded: LoadedModel | None, undefined: dict[str, str]) -> dict[str, int | None]:
    if loaded is None:
        reason = "it is no language model of this process"
        undefined |= dict.fromkeys(("parameters", "bytes_in_memory", "bytes_on_disk"), reason)
        return dict.fromkeys(("parameters", "bytes_in_memory", "bytes_on_disk"))
    on_disk = bytes_on_disk(loaded)
    if on_disk is None:
        undefined["bytes_on_disk"] = "it was given in memory, not opened from files"
    return {
        "parameters": parameter_counts(loaded.model)[0],
        "bytes_in_memory": loaded.model.get_memory_footprint(),
        "bytes_on_disk": on_disk,
    }
