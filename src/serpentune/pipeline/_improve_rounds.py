"""Floor 11, pipeline: the rounds of a student's improvement, step by step, each finished step kept."""

from __future__ import annotations

import gc
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import read_object, replacing_folder, write_json
from serpentune.common.paths import PathUtils
from serpentune.common.progress import phase_bars, progress_bar
from serpentune.datasets import load_splits
from serpentune.datasets.directory import check_files
from serpentune.evaluation.results import EVALUATION
from serpentune.game import parse_board
from serpentune.logs import Refusal, find_logs, generate_runs, iter_batches, write_run
from serpentune.models import (
    model_sha256,
    training_origin,
)
from serpentune.pipeline._datasets import build_from_recipe
from serpentune.pipeline._figures import training_figures
from serpentune.pipeline._folder import DATASET, GAMES, MODELS, PLAYED
from serpentune.pipeline._improve_student import say_what_is_new, training_on, weights_of
from serpentune.pipeline.improve_config import ImproveConfig
from serpentune.training import (
    FINAL_MODEL,
    METHOD,
    RUN,
    check_machine,
    load_result,
    refuse_other_data,
    train_once,
    trained_with,
)

if TYPE_CHECKING:
    from serpentune.evaluation import Contestant, EvaluationResult, EvaluationSettings

PROGRESS = "progress.json"
"""What is finished in an improvement's folder, and what it took."""

_PLAY, _BUILD, _TRAIN, _EVALUATE = "play", "build", "train", "evaluate"
_TEACHER = "teacher"

_LOG = logging.getLogger(__name__)


def round_name(number: int) -> str:
    """What a round's folders and its student are called; 0 is the student as it was given."""
    return f"round-{number:02}"


def player_name(number: int) -> str:
    """Who plays the games that round `number` learns from, in logs and data sets."""
    return f"STUDENT-{number}"


class Rounds:
    """Works through the rounds of an improvement in a folder that is its own.

    Each step leaves a whole artefact, and is done where that isn't there. A student is loaded once: it plays the
    held-out games of its own round and then those that the next round learns from.
    """

    def __init__(
        self, folder: Path, config: ImproveConfig, quiet: bool, announce: Callable[[str], None], *, resume: bool
    ) -> None:
        self.folder = folder
        self.config = config
        self.quiet = quiet
        self.announce = announce
        self.seconds: dict[str, dict[str, float]] = {}
        self.student_sha256: str | None = None
        if resume and (folder / PROGRESS).is_file():
            noted = read_object(folder / PROGRESS)
            self.seconds, self.student_sha256 = noted.get("seconds", {}), noted.get("student_sha256")
        self._loaded: tuple[int, Contestant] | None = None
        self._moves: dict[Path, Counter[str]] = {}

    def check(self) -> None:
        """Check what can be wrong with the student and the games before any work is done.

        Raises:
            UserError: there is no such student, or one of a kind that can't be trained, it isn't the one that the
                rounds began with, training doesn't suit this machine, or the logs to mix in hold no games, or ones
                that are held out.
        """
        if not self._finished(1, _TRAIN):
            origin = training_origin(self.config.student)
            check_machine(training_on(self.config, origin))
            say_what_is_new(self.config, origin)
            now = weights_of(self.config.student)
            if self.student_sha256 not in (None, now):
                raise UserError(
                    f"The student {self.config.student} isn't the one that {self.folder} began with: its files have "
                    "changed. Bring them back, or choose another --experiment-name."
                )
            self.student_sha256 = now
        if self.config.heuristic_log_dirs:
            self._check_players(self._moves_in(find_logs(self.config.heuristic_log_dirs)))

    def run(self) -> list[EvaluationResult]:
        """Do whatever isn't finished; the evaluations by round, from 0 on.

        Raises:
            UserError: as of the steps; what is finished is kept.
        """
        self._note()
        self._remove_unfinished()
        results = [self._evaluate(0)]
        for number in range(1, self.config.rounds + 1):
            self._play(number)
            self._build(number)
            self._train(number)
            results.append(found := self._evaluate(number))
            self.announce(
                f"Round {number} of {self.config.rounds}: {int(found.wins.sum())} of {len(found.games)} games won, "
                f"{found.scores.mean():.2f} apples a game"
            )
        self._loaded = None
        return results

    def _remove_unfinished(self) -> None:
        """Remove what a kill left half written, files and folders, where nobody but these rounds writes."""
        for place in ("", f"{GAMES}/", f"{DATASET}/", f"{MODELS}/*/"):
            for unfinished in self.folder.glob(f"{place}.*.part"):
                if unfinished.is_dir():
                    shutil.rmtree(unfinished)
                else:
                    unfinished.unlink()

    def model(self, number: int) -> str:
        """The student after a round; for 0 the one that was given."""
        return self.config.student if number == 0 else str(self.folder / MODELS / round_name(number) / FINAL_MODEL)

    def about(self, number: int) -> dict[str, Any]:
        """What `improve.json` says of how a round's student was made.

        Raises:
            UserError: a file of the round is damaged.
        """
        name = round_name(number)
        seconds = {"seconds": self.seconds.get(name, {})}
        if number == 0:
            return {"model": self.config.student, "files_sha256": self.student_sha256, **seconds}
        dataset = check_files(self.folder / DATASET / name)
        trained = load_result(self.folder / MODELS / name)
        assert trained is not None
        seeds = self.config.round_seeds(number)
        return {
            "model": PathUtils.relative(trained.model_path, self.folder),
            "files_sha256": model_sha256(trained.model_path),
            "player": player_name(number),
            "games_played": len(seeds),
            "game_seeds": [seeds[0], seeds[-1]],
            "records": {player: sum(of["records"].values()) for player, of in dataset["players"].items()},
            "data_sha256": dataset["sha256"],
            "training": training_figures(trained, trained_with(self.folder / MODELS / name)),
            **seconds,
        }

    def _evaluate(self, number: int) -> EvaluationResult:
        """Play the held-out games."""
        from serpentune.evaluation import EvaluationResult, evaluate_contestant

        folder = self.folder / EVALUATION / round_name(number)
        if self._finished(number, _EVALUATE):
            return EvaluationResult.load(folder)
        with self._step(number, _EVALUATE):
            games = self._games(self.config.evaluation_seeds())
            return evaluate_contestant(self._student(number), folder, games, measures="play", quiet=self.quiet)

    def _play(self, number: int) -> None:
        """Play the games that are learnt from, and write them as a run of games."""
        from serpentune.evaluation import evaluate_contestant

        run = self._run_folder(number)
        if run.is_dir():
            return
        with self._step(number, _PLAY):
            games = self._games(self.config.round_seeds(number))
            folder = self.folder / PLAYED / round_name(number)
            found = evaluate_contestant(self._student(number - 1), folder, games, measures="play", quiet=self.quiet)
            records = [
                replace(game.record, player=player_name(number), number=place)
                for place, game in enumerate(found.games, 1)
            ]
            about = {"model_sha256": found.manifest["model_sha256"], "limits": found.manifest["limits"]}
            write_run(records, run, metadata=about)

    def _build(self, number: int) -> None:
        """Let the teacher say what it would have done, and mix its own games in."""
        folder = self.folder / DATASET / round_name(number)
        if folder.is_dir():
            return
        with self._step(number, _BUILD):
            own = [self._run_folder(played) for played in range(1, number + 1)]
            others = find_logs(self._teacher_runs()) if self.config.student_share < 1 else []
            games = self._games(self.config.evaluation_seeds())
            moves = [self._moves_in(runs) for runs in (own, others)]
            shares = _shares(moves, self.config.student_share)
            recipe = self.config.data_recipe([str(run) for run in (*own, *others)], shares, games.encoding, games.style)
            with phase_bars(quiet=self.quiet) as advance:
                stats = build_from_recipe(recipe, folder, progress=advance)
            if (built := sum(stats.records.values())) < 0.9 * self.config.samples:
                _LOG.info("%s: %d records of %d that were asked for", round_name(number), built, self.config.samples)

    def _train(self, number: int) -> None:
        """Go on from the weights of the round before."""
        from serpentune.pipeline._estimate import TimeEstimate

        run, dataset = (self.folder / place / round_name(number) for place in (MODELS, DATASET))
        if self._finished(number, _TRAIN):
            if dataset.is_dir():  # a finished round no longer needs its data
                hashes = check_files(dataset)["sha256"]
                refuse_other_data(run, hashes, "Begin anew under another --experiment-name.")
            return
        self._loaded = None
        gc.collect()  # before training wants the memory
        with self._step(number, _TRAIN):
            train_once(
                training_on(self.config, training_origin(self.model(number - 1))),
                load_splits(dataset),
                check_files(dataset)["sha256"],
                run,
                callbacks=[TimeEstimate()],
                quiet=self.quiet,
            )
            write_json(run / METHOD, self._method(number))

    def _method(self, number: int) -> dict[str, Any]:
        """What the students of a round have in common, whichever training seed the student began with."""
        from serpentune.evaluation.contestants import training_settings

        run = Path(self.config.student).expanduser().parent
        trained = (run / RUN).is_file()
        origin = training_settings(run if trained else self.folder / MODELS / round_name(1))
        before = origin.pop("improved", None)
        rounds = self.config.model_dump(mode="json", exclude={"student", "name", "output_dir"})
        if rounds["training"]["seed"] == origin["seed"]:
            del rounds["training"]["seed"]
        games = [Path(place).name for place in self.config.heuristic_log_dirs]
        improved = {**rounds, "rounds": number, "heuristic_log_dirs": games}
        if trained and before is not None:  # what round 1 says of itself is of these rounds
            improved["after"] = before
        return {**origin, "improved": improved}

    def _teacher_runs(self) -> list[str]:
        """The games to mix in: those that were named, or the teacher's own, played when they are first wanted."""
        if self.config.heuristic_log_dirs:
            return self.config.heuristic_log_dirs
        folder, seeds = self.folder / GAMES / _TEACHER, self.config.teacher_seeds()
        if not folder.is_dir():
            games = self._games(self.config.evaluation_seeds())
            with (
                replacing_folder(folder) as part,
                progress_bar(f"Playing ({self.config.teacher})", len(seeds), quiet=self.quiet) as advance,
            ):
                generate_runs(
                    [self.config.teacher], len(seeds), games.width, games.height, seeds[0], part,
                    timestamp="00000000_000000", progress=advance,  # no clock: the same settings make the same bytes
                )  # fmt: skip
        return [str(folder)]

    def _check_players(self, moves: Counter[str]) -> None:
        """Refuse games to mix in that are none, or that would pass for the student's."""
        named = ", ".join(self.config.heuristic_log_dirs)
        if not moves:
            raise UserError(
                f"{named}: no game that replays was played on {self.config.grid_size}, where the student plays."
            )
        students = {player_name(number) for number in range(1, self.config.rounds + 1)}
        if both := sorted(students & set(moves)):
            raise UserError(
                f"{named}: games of {both[0]}, as this student's own will be called, can't be mixed in. "
                "Leave that run out."
            )

    def _moves_in(self, runs: Sequence[Path]) -> Counter[str]:
        """How many moves each player made on the student's board in some runs, which never change.

        Raises:
            UserError: a game there has the seed of one that is held out: what is learnt from it couldn't be measured.
        """
        held_out = self.config.evaluation_seeds()
        for run in runs:
            if run not in self._moves:
                made = Counter[str]()
                for item in iter_batches([run]):
                    if isinstance(item, Refusal) or f"{item.width}x{item.height}" != self.config.grid_size:
                        continue
                    if known := set(item.seeds[item.seeded].tolist()) & set(held_out):
                        raise UserError(
                            f"{run}: games with the seeds of held-out ones, such as {min(known)}, can't be learnt "
                            "from. Choose another --evaluation-seed, or leave that run out."
                        )
                    made[item.player.upper()] += len(item.moves)
                self._moves[run] = made
        return sum((self._moves[run] for run in runs), Counter())

    def _games(self, seeds: range) -> EvaluationSettings:
        """How the student is asked in games of these seeds."""
        from serpentune.evaluation import EvaluationSettings

        config = self.config
        assert config.grid_size and config.encoding and config.style  # `settled` has filled them in
        width, height = parse_board(config.grid_size)
        return EvaluationSettings(
            games=len(seeds),
            width=width,
            height=height,
            seed=seeds[0],
            teacher=config.teacher,
            style=config.style,
            encoding=config.encoding,
        )

    def _student(self, number: int) -> Contestant:
        """The student after a round, loaded once."""
        from serpentune.evaluation import open_contestant

        if self._loaded is None or self._loaded[0] != number:
            self._loaded = None
            trusted = self.config.training.trust_remote_code
            contestant = open_contestant(self.model(number), name=round_name(number), trust_remote_code=trusted)
            self._loaded = number, contestant
        return self._loaded[1]

    def _run_folder(self, number: int) -> Path:
        return self.folder / GAMES / player_name(number).lower()

    def _finished(self, number: int, step: str) -> bool:
        return step in self.seconds.get(round_name(number), {})

    @contextmanager
    def _step(self, number: int, step: str) -> Iterator[None]:
        """Note that a step is finished, and what it took; what an interrupted call spent on it isn't known."""
        name = round_name(number)
        _LOG.info("%s: %s", name, step)
        began = time.perf_counter()
        yield
        self.seconds.setdefault(name, {})[step] = round(time.perf_counter() - began, 2)
        self._note()

    def _note(self) -> None:
        noted = {"serpentune": __version__, "student_sha256": self.student_sha256, "seconds": self.seconds}
        write_json(self.folder / PROGRESS, noted)


def _shares(moves: Sequence[Counter[str]], student_share: float) -> dict[str, float]:
    """What each player contributes: the two sides as asked, within a side in proportion to the moves that there are."""
    own, others = moves
    sides = ((own, student_share), (others, 1 - student_share)) if others else ((own, 1.0),)
    return {
        player: share * made / side.total() for side, share in sides for player, made in sorted(side.items()) if made
    }
