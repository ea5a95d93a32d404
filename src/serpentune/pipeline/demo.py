"""Floor 11, pipeline: the whole idea in minutes: teachers play, students learn, everybody is compared by playing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, write_json
from serpentune.common.progress import progress_bar
from serpentune.evaluation import UNTUNED
from serpentune.evaluation.settings import FIRST_HELD_OUT
from serpentune.game import check_board
from serpentune.logs import generate_runs
from serpentune.models import STRATEGIES
from serpentune.pipeline._base import NANO_LEARNING_RATES
from serpentune.pipeline._folder import REPORT, REPORTS
from serpentune.teachers import get

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport
    from serpentune.evaluation import EvaluationResult
    from serpentune.pipeline._students import Job

NAMES = {name: strategy.label for name, strategy in STRATEGIES.items()}
"""What the student of each strategy is called, as in `ModelComparator.compare_training_strategies`."""

BASE = "nano"

_PARTS = ("logs", "dataset", "students", "evaluation", "comparisons", *REPORTS, "results_summary.json")

MARKER = "serpentune-demo.json"
"""What is written first, so that a folder with it is known as a demo's, however far that came."""

_TIMESTAMP = "20000101_000000"
"""Run folders carry a time in their names; the demo's carry this one, so that two demos write the same bytes."""


@dataclass(frozen=True)
class DemoSettings:
    """How big the demo is.

    Attributes:
        width: cells a row.
        height: cells a column.
        teachers: whose games are imitated.
        games_per_teacher: games that each of them plays.
        samples_per_teacher: records that each of them contributes.
        strategies: fine-tuning strategies, a student each.
        epochs: passes over the training data.
        batch_size: samples an optimiser step.
        evaluation_games: games that each model plays, on seeds that no teacher played.
        evaluation_seed: the first of them.
        top_moves: of how many of the first games the replays show what a model gives each move.
        language_records: records of the test split on which perplexity, BLEU and ROUGE-L are measured.
        play_like: the teacher that the prompt names when students play.
        seed: of everything that is drawn.
        caveat: a sentence for readers of the report; none when empty.
    """

    width: int = 6
    height: int = 6
    teachers: tuple[str, ...] = ("BFS", "ASTAR", "HAMILTONIAN")
    games_per_teacher: int = 600
    samples_per_teacher: int = 3000
    strategies: tuple[str, ...] = ("lora", "qlora", "full")
    epochs: float = 1.0
    batch_size: int = 32
    evaluation_games: int = 100
    evaluation_seed: int = FIRST_HELD_OUT
    top_moves: int = 5
    language_records: int = 200
    play_like: str = "BFS"
    seed: int = 0
    caveat: str = ""

    def check(self) -> None:
        """Refuse settings that can't make a demo.

        Raises:
            UserError: an impossible board, an unknown teacher, no games, or no strategy.
        """
        check_board(self.width, self.height)
        for name in (*self.teachers, self.play_like):
            get(name)
        for least, name in ((1, "evaluation_games"), (1, "samples_per_teacher"), (0, "language_records")):
            if getattr(self, name) < least:
                raise UserError(f"{name.replace('_', ' ').capitalize()}: at least {least}, not {getattr(self, name)}.")
        if not self.strategies or not set(self.strategies) <= set(NAMES):
            raise UserError(f"The demo needs one or more training strategies of {', '.join(NAMES)}.")


QUICK = DemoSettings(
    games_per_teacher=60,
    samples_per_teacher=300,
    strategies=("lora",),
    evaluation_games=20,
    top_moves=2,
    language_records=40,
    caveat="This was a quick run: its student has learnt too little to be judged. The whole demo shows the real thing.",
)
"""A demo that shows every step in about a minute; its student has learnt too little to be judged."""


@dataclass
class DemoResult:
    """What the demo made.

    Attributes:
        report: the HTML report.
        verdicts: a sentence for each comparison, about these checkpoints alone, then the settings' caveat.
        best_student: the one with the highest mean score; the untuned base may still be better.
        p_value: of its score against the untuned base's, paired permutation test, after Holm's correction over the
            tests of all students against the base, since the best one is chosen by these games; None where nothing was
            tested.
        figures: main figures by model.
        seconds: wall time by step.
    """

    report: Path
    verdicts: list[str]
    best_student: str
    p_value: float | None
    figures: dict[str, dict[str, Any]]
    seconds: dict[str, float] = field(default_factory=dict)


def run_demo(
    output: Path = Path("output/demo"),
    settings: DemoSettings | None = None,
    *,
    overwrite: bool = False,
    quiet: bool = False,
    announce: Callable[[str], None] = lambda _: None,
) -> DemoResult:
    """Generate games, build a data set, train a student by each strategy, let all play, compare, write the report.

    Everything is left under `output`: `logs/`, `dataset/`, `students/`, `evaluation/`, `comparisons/`, `report.html`
    with its figures as JSON, CSV and Markdown beside it, `results_summary.json`; `serpentune-demo.json` says that it is
    a demo's.

    Args:
        output: the folder to make.
        settings: how big; the default takes minutes on two processor cores.
        overwrite: whether an earlier demo in that folder, finished or not, may be replaced.
        quiet: show no progress bars.
        announce: called with a sentence after each step.

    Raises:
        UserError: impossible settings, a folder that holds files, with `overwrite` one that holds no demo, or as of
            `run_jobs`.
    """
    from serpentune.comparison import ModelComparator
    from serpentune.datasets import build_dataset
    from serpentune.evaluation import EvaluationResult, figures
    from serpentune.pipeline._students import run_jobs
    from serpentune.report import FORMATS, write_report

    settings = settings or DemoSettings()
    settings.check()
    ensure_free(output, overwrite=overwrite, marker=MARKER)
    write_json(output / MARKER, {"serpentune": __version__, "settings": asdict(settings)})
    for part in _PARTS:
        _remove(output / part)
    clock = _Clock()

    games = len(settings.teachers) * settings.games_per_teacher
    with clock.step("games"), progress_bar("Teachers play", games, quiet=quiet) as advance:
        runs = generate_runs(
            settings.teachers,
            settings.games_per_teacher,
            settings.width,
            settings.height,
            settings.seed,
            output / "logs",
            overwrite=overwrite,
            timestamp=_TIMESTAMP,
            progress=advance,
        )
    announce(f"{', '.join(settings.teachers)} played {settings.games_per_teacher} games each")
    with clock.step("data set"):
        stats = build_dataset(
            runs,
            output / "dataset",
            samples_per_teacher=settings.samples_per_teacher,
            split={"leaks": "held-out"},  # students are judged by games on new seeds
            seed=settings.seed,
            overwrite=overwrite,
        )
    announce(f"{sum(stats.records.values())} prompts with answers were made from them")
    with clock.step("students"):
        training = run_jobs(_jobs(settings, output, overwrite), quiet=quiet, announce=announce)
    results = [EvaluationResult.load(output / "evaluation" / name) for name in training]
    with clock.step("report"):
        comparator = ModelComparator(output / "comparisons", seed=settings.seed)
        against_base = comparator.compare_all(results, baseline=UNTUNED)
        of = {result.name: result for result in results}
        students: dict[str, Any] = {f"{key}_results": of.get(name) for key, name in NAMES.items()}
        between = comparator.compare_training_strategies(**students) if len(settings.strategies) > 1 else {}
        comparisons = [*against_base.values(), *between.values()]
        report, *_ = write_report(
            results,
            output / REPORT,
            title="Language models learn Snake from search",
            comparisons=[comparison.to_json() for comparison in comparisons],
            training={name: about for name, about in training.items() if about is not None},
            dataset=stats.by_teacher,
            notes=[settings.caveat] if settings.caveat else [],
            commands=["make demo"],
            formats=FORMATS,
        )
    best, p_value = _best(results[1:], against_base)
    demo = DemoResult(
        report=report,
        verdicts=[comparison.finding for comparison in comparisons] + ([settings.caveat] if settings.caveat else []),
        best_student=best,
        p_value=p_value,
        figures={result.name: figures(result) for result in results},
        seconds=clock.seconds,
    )
    write_json(
        output / "results_summary.json",
        {
            "settings": asdict(settings),
            "seconds": demo.seconds,
            "best_student": demo.best_student,
            "p_value": demo.p_value,
            "verdicts": demo.verdicts,
            "models": demo.figures,
            "training": {
                name: {key: value for key, value in about.items() if key != "history"}
                for name, about in training.items()
                if about is not None
            },
        },
    )
    return demo


def _best(
    students: Sequence[EvaluationResult], against_base: Mapping[str, ComparisonReport]
) -> tuple[str, float | None]:
    """The student with the highest mean score, and the p-value of that which allows for its having been chosen."""
    best = max(students, key=lambda result: result.scores.mean()).name
    row = next(row for row in against_base[f"{UNTUNED}_vs_{best}"].rows if row.metric == "score")
    return best, row.p_adjusted


def _jobs(settings: DemoSettings, output: Path, overwrite: bool) -> list[Job]:
    """The untuned base and a student by each strategy; the untuned one first, as the others are compared with it."""
    from serpentune.evaluation import EvaluationSettings
    from serpentune.pipeline._students import Job
    from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, LoRAConfig, QLoRAConfig

    games = EvaluationSettings(
        games=settings.evaluation_games,
        width=settings.width,
        height=settings.height,
        seed=settings.evaluation_seed,
        teacher=settings.play_like,
        top_moves=settings.top_moves,
    )
    configs = {
        NAMES[strategy]: AdvancedTrainingConfig(
            training_strategy=strategy,
            base_model_name=BASE,
            hyperparameters=HyperparameterConfig(
                num_epochs=settings.epochs,
                learning_rate=NANO_LEARNING_RATES[strategy],
                batch_size=settings.batch_size,
                gradient_accumulation_steps=1,
                warmup_steps=20,
            ),
            lora=LoRAConfig(dropout=0.0),
            qlora=QLoRAConfig(dropout=0.0),
            logging_steps=10,
            seed=settings.seed,
        )
        for strategy in settings.strategies
    }
    return [
        Job(name, configs.get(name), BASE, output / "dataset", output, games, settings.language_records, overwrite)
        for name in (UNTUNED, *configs)
    ]


def _remove(part: Path) -> None:
    """Remove what an earlier demo left, so that a smaller one doesn't stand among its students."""
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


class _Clock:
    """Wall time by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 1)
