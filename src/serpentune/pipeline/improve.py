"""Floor 11, pipeline: a student learns from its own mistakes, round by round.

DAgger (Ross, Gordon and Bagnell 2011, https://arxiv.org/abs/1011.0686): the student plays, the teacher says what it
would have done in every state that the student came to, this is mixed with what there was, and the student trains on.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import write_json
from serpentune.common.processes import process_count
from serpentune.common.run_log import TrainingLoggingUtils
from serpentune.evaluation.results import EVALUATION
from serpentune.evaluation.settings import FIRST_HELD_OUT
from serpentune.logs import find_logs
from serpentune.models import short_name
from serpentune.pipeline._folder import IMPROVE, LOGS, MODELS, REPORT, Experiment, here
from serpentune.pipeline._improve_rounds import Rounds, round_name
from serpentune.pipeline._improve_student import settled
from serpentune.pipeline.improve_config import ImproveConfig
from serpentune.training import load_result
from serpentune.training.config import refuse_difference

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport
    from serpentune.evaluation import EvaluationResult

FOUND, PICTURE = "improve.json", "rounds.png"

_OF_NOW = ("student", "heuristic_log_dirs", "training")
_MAY_DIFFER = (*_OF_NOW, "output_dir", "name")
"""Where things lie; what training may change is its own to say."""

_INTERVALS = ("win_rate", "score_mean", "fatal_per_1000_moves", "accuracy")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImproveResult:
    """What rounds of improvement leave.

    Attributes:
        config: what was done, with what follows from the student filled in.
        folder: the folder, with the same as `improve.json`, a picture, `rounds.png`, and `report.html`.
        rounds: by round, from 0, the student as it was given: `games`, `wins`, `win_rate`, `score_mean`,
            `fatal_per_1000_moves` and `accuracy` (the teacher's move on the student's own path), each of these four
            with its interval as `…_low` and `…_high`, and `steps_per_win`; then how the student was made: `player`,
            `game_seeds`, `records` by player, hashes, `training`, and the `seconds` of each step.
        results: the evaluations, in the same order.
        comparisons: each round's student against the one that was given, on the same games.
        best: the round whose student won most of these games, with the most apples among equals.
        model_path: that round's student.
        report_path: the HTML report.
        execution_time: wall time of this call in seconds.
    """

    config: ImproveConfig
    folder: Path
    rounds: list[dict[str, Any]]
    results: list[EvaluationResult]
    comparisons: dict[str, ComparisonReport]
    best: int
    model_path: Path
    report_path: Path
    execution_time: float

    @property
    def caveat(self) -> str:
        """What the figures can't be: a measurement of the round that was chosen by them."""
        return _caveat(self.config)

    def to_json(self) -> dict[str, Any]:
        """What `improve.json` says."""
        return _document(self.config, self.rounds) | {
            "comparisons": {name: report.to_json() for name, report in self.comparisons.items()}
        }


def improve(
    config: ImproveConfig | None = None,
    *,
    resume: str | Path | None = None,
    rounds: int | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    announce: Callable[[str], None] = _LOG.info,
) -> ImproveResult:
    """Let a student play, correct it, and train it on, as often as `config` says.

    Everything lies in `<output_dir>/<name>/`: `games/` (runs of the student's and the teacher's games), `played/` (the
    student's as evaluations), `datasets/`, `models/` and `evaluation/`, in each a folder a round.

    A full student's weights train on; an adapter trains on as it is, on the base that it was made for.

    Args:
        config: what to do; None with `resume`.
        resume: the folder of rounds to go on with, under the settings that they began with; what is finished is kept.
        rounds: with `resume` only, how many rounds there shall be now; None leaves that as it was.
        overwrite: replace what the folder holds; not with `resume`.
        quiet: show no progress bars.
        announce: called with a sentence when a round ends.

    Raises:
        UserError: bad input; everything that can be is checked before any work is done. Or several processes.
        PipelineInterrupted: after Ctrl-C or SIGTERM, when there is something to go on from.
    """
    if (config is None) == (resume is None):
        raise UserError("Rounds are either begun, by a configuration, or gone on with (resume).")
    if resume is not None and overwrite:
        raise UserError("Rounds are either gone on with (resume) or replaced (overwrite).")
    if config is not None and rounds is not None:
        raise UserError("How many rounds are begun is the configuration's to say (config.rounds). Leave out rounds.")
    config = settled(config) if config is not None else _resumed(Path(str(resume)), rounds)
    return _improve(config, resume=resume is not None, overwrite=overwrite, quiet=quiet, announce=announce)


def improve_within(config: ImproveConfig, *, quiet: bool, announce: Callable[[str], None]) -> ImproveResult:
    """The rounds of a student in a folder that belongs to an experiment: begun, or gone on with where they were.

    Everything may have been moved since they began. How many rounds there are is part of what the experiment asks, and
    stays as it was.

    Args:
        config: what to do.
        quiet: as of `improve`.
        announce: as of `improve`.

    Raises:
        UserError: as of `improve`, or they began with other settings.
        PipelineInterrupted: as of `improve`.
    """
    config = settled(config)
    assert config.name is not None
    folder = Path(config.output_dir).expanduser() / config.name
    begun = (folder / IMPROVE).is_file()
    if begun:
        Experiment(folder, config, IMPROVE).check_resumable(_MAY_DIFFER)
        before = _resumed(folder, None)
        refuse_difference(before.training, config.training)
        config = before.with_values({name: getattr(config, name) for name in _OF_NOW})
    return _improve(config, resume=begun, overwrite=False, quiet=quiet, announce=announce)


def _improve(
    config: ImproveConfig, *, resume: bool, overwrite: bool, quiet: bool, announce: Callable[[str], None]
) -> ImproveResult:
    began = time.perf_counter()
    if process_count() > 1:
        raise UserError("Rounds of improvement run in one process. Start them without torchrun.")
    assert config.name is not None
    folder = Path(config.output_dir).expanduser() / config.name
    experiment = Experiment(folder, config, IMPROVE)
    if not resume:
        sources = find_logs(config.heuristic_log_dirs) if config.heuristic_log_dirs else []
        experiment.check_free(overwrite=overwrite, sources=sources)
        if Path(config.student).is_relative_to(folder.resolve()):
            raise UserError(f"The student lies in {folder}, which would be replaced. Choose another --experiment-name.")
    work = Rounds(folder, config, quiet, announce, resume=resume)
    work.check()
    held = experiment.claimed(replace=overwrite, by="other rounds of improvement")
    with held, TrainingLoggingUtils.log_file(folder / LOGS / "run.log"):
        results = work.run()
        rows = [{**_figures(number, result), **work.about(number)} for number, result in enumerate(results)]
        return _read(folder, config, rows, results, began)


def _resumed(folder: Path, rounds: int | None) -> ImproveConfig:
    """The settings of the rounds in `folder`, wherever it was moved to."""
    file, output_dir, name = here(folder, IMPROVE)
    config = ImproveConfig.load(file)
    if rounds is not None and rounds < config.rounds:
        raise UserError(f"{folder} has {config.rounds} rounds; there can be more of them (--rounds), but not fewer.")
    values = config.model_dump() | {"output_dir": output_dir, "name": name, "rounds": rounds or config.rounds}
    return ImproveConfig(**values)


def _read(
    folder: Path, config: ImproveConfig, rows: list[dict[str, Any]], results: list[EvaluationResult], began: float
) -> ImproveResult:
    """Compare, draw and report what the rounds found."""
    from serpentune.comparison import ModelComparator
    from serpentune.report import plot_rounds

    comparisons = ModelComparator(folder / EVALUATION, seed=config.seed).compare_all(results)
    best = max(range(len(rows)), key=lambda number: (rows[number]["wins"], rows[number]["score_mean"], -number))
    model = Path(config.student) if best == 0 else folder / rows[best]["model"]
    plot_rounds(rows, folder / PICTURE)
    page = _report(folder, config, rows, results, comparisons)
    found = ImproveResult(config, folder, rows, results, comparisons, best, model, page, time.perf_counter() - began)
    write_json(folder / FOUND, found.to_json())
    for comparison in comparisons.values():
        _LOG.info("%s", comparison.verdict)
    return found


def _figures(number: int, result: EvaluationResult) -> dict[str, Any]:
    """What `improve.json` says of a round's held-out games."""
    play = result.play
    return {
        "round": number,
        "name": result.name,
        "games": play["games"],
        "wins": play["wins"],
        **{f"{name}{end}": play[f"{name}{end}"] for name in _INTERVALS for end in ("", "_low", "_high")},
        "steps_per_win": result.steps_per_win,
        "endings": play["endings"],
        "model_sha256": result.manifest["model_sha256"],
    }


def _document(config: ImproveConfig, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    settings = json.loads(config.model_dump_json())
    return {
        "serpentune": __version__,
        "student": settings["student"],
        "teacher": settings["teacher"],
        "settings": settings,
        "evaluation_seeds": [config.evaluation_seeds()[0], config.evaluation_seeds()[-1]],
        "rounds": list(rows),
    }


def _caveat(config: ImproveConfig) -> str:
    seeds = config.evaluation_seeds()
    return (
        f"These games, seeds {seeds[0]} to {seeds[-1]}, are for choosing among rounds. Whoever is chosen by them must "
        f"be measured on others: seeds from {FIRST_HELD_OUT} on."
    )


def _report(
    folder: Path,
    config: ImproveConfig,
    rows: Sequence[dict[str, Any]],
    results: Sequence[EvaluationResult],
    comparisons: dict[str, ComparisonReport],
) -> Path:
    from serpentune.report import FORMATS, write_report

    trained = {}
    for row in rows[1:]:
        run = load_result(folder / MODELS / row["name"])
        assert run is not None
        trained[row["name"]] = {
            "history": run.history,
            "seconds": run.seconds,
            "trainable_parameters": run.trainable_parameters,
            "parameters": run.parameters,
        }
    players = dict.fromkeys(player for row in rows[1:] for player in row["records"])
    page, *_ = write_report(
        results,
        folder / REPORT,
        title=f"{short_name(config.student)} learns from its own mistakes, which {config.teacher} corrects",
        comparisons=[comparison.to_json() for comparison in comparisons.values()],
        training=trained,
        dataset={
            "records": {player: {row["name"]: row["records"].get(player) for row in rows[1:]} for player in players}
        },
        notes=[
            f"{round_name(0)} is the student as it was given; each round plays, is corrected by {config.teacher}, and "
            "trains on.",
            _caveat(config),
            "Each round splits all games anew, so from the second round on its validation loss is of games that were "
            "learnt from before.",
        ],
        commands=[f"serpentune improve --config {IMPROVE} --output-dir again"],
        formats=FORMATS,
    )
    return page
