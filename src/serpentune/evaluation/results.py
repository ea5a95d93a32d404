"""Floor 8, evaluation: what an evaluation leaves on disk, and how it is read back.

A results folder holds what was measured: `games.jsonl` (append-only, a line per finished game), `states.jsonl` (answers
to held-out states), `language.jsonl` (a line per held-out record), `explained.jsonl` (moves with and without reasons),
`performance.json` and `manifest.json`. `play.json`, `states.json`, `language.json` and `explained.json` hold the
figures that follow from the first four. Every figure of later floors comes from these files, never from a live model.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.common.files import read_json
from serpentune.common.locks import held_folder
from serpentune.datasets.completions import parse_prompt
from serpentune.evaluation.derived import origin, read_figures, write_figures
from serpentune.evaluation.games import GameResult, read_games
from serpentune.evaluation.judging import Judgement, judge
from serpentune.evaluation.metrics import NO_TEACHER, limits_of, play_metrics
from serpentune.evaluation.states import StateAnswer, read_answers, state_metrics
from serpentune.evaluation.top_moves import Chances, KeptTopMoves
from serpentune.game import Ending
from serpentune.teachers import Teacher, get, names

if TYPE_CHECKING:
    from serpentune.evaluation.language import ExplainedMove, MeasuredRecord

GAMES = "games.jsonl"
MANIFEST = "manifest.json"
LANGUAGE = "language.json"
PERFORMANCE = "performance.json"
PLAY = "play.json"
LANGUAGE_RECORDS = "language.jsonl"
SPEED = "speed.json"
RECORDS_SHA256 = "records_sha256"
"""The manifest's entry for the records on which `language` and `states` were measured last, a hash each."""
FILES_SHA256 = "files_sha256"
"""The manifest's entry for the hash of the model's files, where it is known from which files what played came."""
EXPLAINED = "explained.json"
EXPLAINED_MOVES = "explained.jsonl"
STATES = "states.json"
STATE_ANSWERS = "states.jsonl"

EVALUATION = "evaluation"
"""Where the results folders of a sweep, an experiment or an ablation lie in its folder."""

BASELINE = "baseline"
"""What an ablation's results of the recipe as it is lie in, and are called."""

_OF_EVALUATIONS = "first_seed"
"""An entry that no other manifest has."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationResult:
    """One model's evaluation, as read from its results folder.

    Attributes:
        name: what the model is called in tables.
        manifest: versions, seeds, hashes, board, limits, completion style, prompted teacher.
        games: in the order of their seeds.
        language: figures on held-out records, as of `language_figures`, or None where language was not evaluated.
        performance: figures of `performance.json`, or None.
        stored_play: figures of `play.json`, where there is one of these games.
        states: figures on held-out states by teacher, as of `state_metrics`, or None where none were asked about.
        explained: whether reasons change the move, as of `explained_figures`, or None where none were asked for.
        speed: figures of `speed.json`, or None where speed was not measured.
        records: what was measured of each held-out record, or None where language was not evaluated.
        top_moves: what the model gives the four moves before each move of a game, by game seed, as far as it was kept.
            A loaded result's are read when they are first asked for, which raises `UserError` for a damaged file.
    """

    name: str
    manifest: dict[str, Any]
    games: tuple[GameResult, ...]
    language: dict[str, Any] | None
    performance: dict[str, Any] | None
    stored_play: dict[str, Any] | None = None
    states: dict[str, Any] | None = None
    speed: dict[str, Any] | None = None
    explained: dict[str, Any] | None = None
    records: tuple[MeasuredRecord, ...] | None = None
    top_moves: Mapping[int, Chances] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | Path, *, games_needed: bool = True) -> EvaluationResult:
        """Read a results folder; every game is replayed.

        Figures of games, held-out states and records that are missing or stale are computed again, which is logged, and
        not written: `recompute` does that. A folder without games, of an evaluation that asked for none, is read where
        `games_needed` is false.

        Raises:
            UserError: a file is missing or damaged, no game is finished but one is needed, a game doesn't
                follow from its moves, or a seed stands twice; the message names file and line.
        """
        folder = Path(folder)
        manifest, raw, games = _played_games(folder, games_needed=games_needed)
        states = None
        if (folder / STATE_ANSWERS).is_file():
            answers = read_answers(folder / STATE_ANSWERS)
            states = read_figures(folder / STATES, _states_origin(folder, answers))
            if states is None:
                states = state_metrics(answers)
        records, language = _language(folder)
        return cls(
            manifest["name"],
            manifest,
            games,
            language,
            _optional(folder / PERFORMANCE),
            read_figures(folder / PLAY, _play_origin(raw, manifest)) if games else None,
            states,
            _optional(folder / SPEED),
            _explained(folder),
            records,
            KeptTopMoves(folder, [game.record for game in games]),
        )

    @cached_property
    def play(self) -> dict[str, Any]:
        """The figures of the games, as of `play_metrics`: those of `play.json`, or computed now; empty without games.

        Raises:
            UserError: as of `play_metrics`, or the manifest's limits are none.
        """
        return self.stored_play or (_play_figures(self.games, self.manifest) if self.games else {})

    @cached_property
    def judged(self) -> Judgement:
        """What is counted of each game's moves, held against the board and the manifest's teacher, if there is one.

        Raises:
            UserError: as of `judge`.
        """
        return judge(self.games, _teacher(self.manifest)[0])

    @property
    def seeds(self) -> tuple[int, ...]:
        """The game seeds, ascending."""
        return tuple(game.record.seed or 0 for game in self.games)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Apples eaten a game."""
        return np.array([game.record.score for game in self.games], np.float64)

    @property
    def steps(self) -> NDArray[np.float64]:
        """Steps a game."""
        return np.array([game.record.steps for game in self.games], np.float64)

    @property
    def wins(self) -> NDArray[np.bool_]:
        """Whether each game filled the board."""
        return np.array([game.record.ending == Ending.WIN for game in self.games], np.bool_)

    @property
    def steps_per_win(self) -> float | None:
        """Mean steps of the games that filled the board; None where none did."""
        won = self.wins
        return float(self.steps[won].mean()) if won.any() else None

    @property
    def endings(self) -> dict[str, int]:
        """Games by ending, the most frequent first."""
        return dict(Counter(game.record.ending.name for game in self.games).most_common())

    @property
    def invalid(self) -> dict[str, int]:
        """Answers that could not be used, by kind, over all games."""
        total: Counter[str] = Counter()
        for game in self.games:
            total.update(game.invalid)
        return dict(total)

    @property
    def agreement(self) -> float | None:
        """Share of moves that equal the reference teacher's in the same state; None where none was asked."""
        agreed: float | None = self.play["accuracy"] if self.games else None
        return agreed


def load_games(folder: Path) -> tuple[dict[str, Any], tuple[GameResult, ...]]:
    """The manifest and the games of a results folder, in the order of their seeds, and none of its figures.

    Raises:
        UserError: as of `EvaluationResult.load`.
    """
    manifest, _, games = _played_games(folder)
    return manifest, games


def recompute(folder: str | Path) -> EvaluationResult:
    """Compute every figure of a results folder again from its raw files: games, answers to states, measured records.

    No model is needed or loaded. Time, memory and size were measured once, and stay.

    Raises:
        UserError: another process writes to the folder, or as of `EvaluationResult.load`.
    """
    _manifest(Path(folder))
    with held_folder(Path(folder), by="an evaluation"):
        write_derived(Path(folder))
    return EvaluationResult.load(Path(folder), games_needed=False)


def write_derived(folder: Path) -> None:
    """What `recompute` does, for whoever holds the folder already.

    Raises:
        UserError: as of `EvaluationResult.load`.
    """
    manifest, raw = _manifest(folder), _raw(folder / GAMES)
    if raw:
        games = read_games(folder / GAMES, raw, manifest["name"])
        write_figures(folder / PLAY, _play_figures(games, manifest), _play_origin(raw, manifest))
    if (folder / STATE_ANSWERS).is_file():
        answers = read_answers(folder / STATE_ANSWERS)
        write_figures(folder / STATES, state_metrics(answers), _states_origin(folder, answers))
    if (folder / LANGUAGE_RECORDS).is_file():
        from serpentune.evaluation.language import language_figures, load_records

        records = load_records(folder / LANGUAGE_RECORDS)
        write_figures(folder / LANGUAGE, language_figures(records), _language_origin(folder, records))
    if (folder / EXPLAINED_MOVES).is_file():
        from serpentune.evaluation.language import explained_figures, load_explained

        moves = load_explained(folder / EXPLAINED_MOVES)
        write_figures(folder / EXPLAINED, explained_figures(moves), _explained_origin(folder, moves))


def _played_games(folder: Path, *, games_needed: bool = True) -> tuple[dict[str, Any], bytes, tuple[GameResult, ...]]:
    """The manifest of a results folder, the bytes of its games, and the games."""
    manifest, raw = _manifest(folder), _raw(folder / GAMES)
    return manifest, raw, read_games(folder / GAMES, raw, manifest["name"]) if raw or games_needed else ()


def _manifest(folder: Path) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} is no results folder: it has no {MANIFEST}. `serpentune evaluate` makes one.")
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("name"), str):
        raise UserError(f"{folder / MANIFEST}: no evaluation manifest (it has no model name).")
    return manifest


def _raw(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} can't be read ({error}).") from error


def _teacher(manifest: dict[str, Any]) -> tuple[Teacher | None, str]:
    """The teacher that a manifest names, and else why there is none."""
    name = manifest.get("teacher")
    if name is None:
        return None, NO_TEACHER
    return (get(name), "") if name in names() else (None, f"no teacher is registered under the name {name}")


def _play_figures(games: tuple[GameResult, ...], manifest: dict[str, Any]) -> dict[str, Any]:
    teacher, without = _teacher(manifest)
    return play_metrics(games, teacher, limits=limits_of(manifest), without=without)


def _play_origin(raw: bytes, manifest: dict[str, Any]) -> dict[str, Any]:
    name = manifest.get("teacher")
    return origin(raw, [] if name is None else [str(name)], limits=manifest.get("limits"))


def _states_origin(folder: Path, answers: Sequence[StateAnswer]) -> dict[str, Any]:
    return origin(_raw(folder / STATE_ANSWERS), sorted({answer.teacher for answer in answers}))


def _language(folder: Path) -> tuple[tuple[MeasuredRecord, ...] | None, dict[str, Any] | None]:
    """The measured records of a results folder and their figures, which are believed where the records are gone."""
    if not (folder / LANGUAGE_RECORDS).is_file():
        stored = _optional(folder / LANGUAGE)
        if stored is not None and not isinstance(stored.get("figures"), dict):
            raise UserError(f"{folder / LANGUAGE}: no figures of an evaluation. Measure the model's language again.")
        return None, stored and stored["figures"]
    from serpentune.evaluation.language import language_figures, load_records

    records = load_records(folder / LANGUAGE_RECORDS)
    figures = read_figures(folder / LANGUAGE, _language_origin(folder, records))
    return tuple(records), language_figures(records) if figures is None else figures


def _language_origin(folder: Path, records: Sequence[MeasuredRecord]) -> dict[str, Any]:
    return origin(_raw(folder / LANGUAGE_RECORDS), _asked(record.prompt for record in records))


def _explained(folder: Path) -> dict[str, Any] | None:
    """The figures of a results folder's explained moves, where there are some."""
    if not (folder / EXPLAINED_MOVES).is_file():
        return None
    from serpentune.evaluation.language import explained_figures, load_explained

    moves = load_explained(folder / EXPLAINED_MOVES)
    return read_figures(folder / EXPLAINED, _explained_origin(folder, moves)) or explained_figures(moves)


def _explained_origin(folder: Path, moves: Sequence[ExplainedMove]) -> dict[str, Any]:
    return origin(_raw(folder / EXPLAINED_MOVES), _asked(move.prompt for move in moves))


def _asked(prompts: Iterable[str]) -> list[str]:
    """Whom prompts ask to play like."""
    return sorted({parsed[0] for prompt in prompts if (parsed := parse_prompt(prompt))})


def _optional(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    figures = read_json(path)
    if not isinstance(figures, dict):
        raise UserError(f"{path}: no figures of an evaluation. Run the evaluation again.")
    return figures


def tells_of_evaluation(path: Path) -> bool:
    """Whether a file is the manifest of an evaluation; data sets, and others, have a file of that name too."""
    try:
        found = read_json(path)
    except UserError:
        return False
    return isinstance(found, dict) and _OF_EVALUATIONS in found


def results_folders(folder: Path) -> list[Path]:
    """The results folders that a folder stands for: itself, or those below `evaluation/`, or those directly in it.

    An experiment or a sweep keeps one for each model in its `evaluation/`, an ablation one for each training seed of
    each variant, a level deeper. What comes first is what others are compared with: an untuned model's, or those of an
    ablation's baseline; the rest follows in the order of its names. An evaluation without a game, such as one of
    language alone, is left out, which is logged.
    """
    if (folder / MANIFEST).is_file():
        return [folder]
    for place, depth in ((folder / EVALUATION, "**/"), (folder, "**/" if folder.name == EVALUATION else "*/")):
        if found := sorted(_played(place.glob(f"{depth}{MANIFEST}")), key=lambda path: _rank(path.relative_to(place))):
            return found
    return [folder]


def _played(manifests: Iterable[Path]) -> Iterator[Path]:
    """The folders of manifests in which games were played; evaluations without are named in the log."""
    for path in manifests:
        folder = path.parent
        if (folder / GAMES).is_file():
            yield folder
        elif tells_of_evaluation(path):
            _LOG.warning("%s is left out: it is an evaluation without games, and has no %s", folder, GAMES)


def _rank(place: Path) -> tuple[bool, bool, tuple[str, ...]]:
    return not place.parts[0].startswith("untuned"), place.parts[0] != BASELINE, place.parts
