"""Floor 11, pipeline: an ablation: every variant of a recipe trained, played, and measured against the recipe as it is.

Runs go seed by seed, all variants with the first, then all with the second, and are read in whole rounds only: wherever
an ablation is stopped, each variant is judged by as many students as any other.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, write_json, write_text
from serpentune.common.locks import held_folder
from serpentune.common.processes import process_count
from serpentune.common.signals import sigterm_interrupts
from serpentune.evaluation.results import BASELINE
from serpentune.models import end_ids, find_base, open_tokenizer
from serpentune.pipeline._ablation_runs import RUNS, Runner, refuse_other_recipes
from serpentune.pipeline._design import Design, design
from serpentune.pipeline._folder import RECIPE
from serpentune.pipeline.recipe import ExperimentRecipe
from serpentune.training import check_machine

if TYPE_CHECKING:
    from serpentune.comparison import AblationReading, ComparisonReport
    from serpentune.evaluation import EvaluationResult

FOUND, TABLES, PICTURE, COMPARISONS = "ablation.json", "ablation.md", "effects.png", "comparisons"

_NOTHING_YET = (
    "There is no training seed yet of which every variant is finished, so nothing can be compared. Runs that are left: "
    "{left}. The same command goes on."
)

_LOG = logging.getLogger(__name__)


class AblationInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended an ablation; what is finished stays, and the same call goes on with it.

    Attributes:
        signal: the signal that came.
    """

    def __init__(self, folder: Path, error: KeyboardInterrupt) -> None:
        super().__init__(f"Stopped. What is finished is kept in {folder}: the same command goes on with it.")
        if (received := getattr(error, "signal", None)) is not None:
            self.signal = received


@dataclass(frozen=True)
class AblationResult:
    """What an ablation has found so far.

    Attributes:
        folder: its folder, with the same as `ablation.json`, tables as `ablation.md` and a picture, `effects.png`.
        design: what was to be trained.
        results: by variant, one for each training seed of which every variant is finished.
        reading: main effects and interactions over these seeds; None where not even one seed's round is whole.
        comparisons: each variant against the baseline, with Holm's correction over all; about methods where there are
            several training seeds, else about these checkpoints.
        left: runs that aren't finished, because the time was up.
    """

    folder: Path
    design: Design
    results: dict[str, list[EvaluationResult]]
    reading: AblationReading | None
    comparisons: dict[str, ComparisonReport]
    left: int

    def to_json(self) -> dict[str, Any]:
        """What `ablation.json` says."""
        return {
            "runs_left": self.left,
            "reading": None if self.reading is None else self.reading.to_json(),
            "comparisons": {name: report.to_json() for name, report in self.comparisons.items()},
        }


def ablate(
    recipe: ExperimentRecipe,
    vary: Mapping[str, Sequence[Any]],
    output_dir: str | Path,
    *,
    full: bool = False,
    max_hours: float | None = None,
    quiet: bool = False,
    announce: Callable[[str], None] = _LOG.info,
) -> AblationResult:
    """Train and play every variant with every training seed, as far as the time allows, and say what each factor does.

    What `output_dir` holds of an earlier call with the same recipe is kept, however that call ended: nothing is trained
    or played twice, and factors, values and seeds may have been added or be named in another order. It counts what the
    recipe says, not where: a recipe of the data that is named by its file is compared by what is in it.

    Args:
        recipe: the baseline, as it is.
        vary: values by factor, as of `design`.
        output_dir: the ablation's folder.
        full: every combination of the levels, instead of one factor changed at a time.
        max_hours: no run is begun that wouldn't end within so many hours of this call, and no round of a further seed
            that wouldn't, as far as the finished runs tell. The very first run is begun in any case.
        quiet: show no progress bars.
        announce: called with a sentence when a run begins and when the time is up.

    Raises:
        UserError: before anything runs: as of `design`, a variant doesn't suit this machine, or the folder holds
            something else, or a variant that was trained from another recipe or other data. Afterwards as of
            `training.train`, naming the variant.
        AblationInterrupted: after Ctrl-C or SIGTERM.
    """
    if max_hours is not None and not max_hours > 0:
        raise UserError(f"max_hours is {max_hours}; a time above 0 is needed, such as 1.5.")
    if process_count() > 1:
        raise UserError("An ablation runs in one process. Start it without torchrun.")
    planned = design(recipe, vary, full=full)
    _check(planned)
    folder = Path(output_dir).expanduser()
    _claim(folder, planned)
    deadline = None if max_hours is None else time.monotonic() + 3600 * max_hours
    with held_folder(folder, by="another ablation"), sigterm_interrupts():
        try:
            seeds, results, left = Runner(folder, planned, quiet, announce).run(deadline)
        except KeyboardInterrupt as error:
            raise AblationInterrupted(folder, error) from error
        return _read(folder, planned, seeds, results, left)


def _read(
    folder: Path, planned: Design, seeds: Sequence[int], results: dict[str, list[EvaluationResult]], left: int
) -> AblationResult:
    from serpentune.comparison import ModelComparator, read_ablation
    from serpentune.report import plot_effects

    # What was found in an earlier call, of fewer variants or of more, must not stand beside what is found now.
    for name in (TABLES, PICTURE):
        (folder / name).unlink(missing_ok=True)
    if (folder / COMPARISONS).is_dir():
        shutil.rmtree(folder / COMPARISONS)
    reading, comparisons = None, {}
    if seeds:
        variants = {variant.name: variant.levels for variant in planned.variants}
        reading = read_ablation(variants, BASELINE, seeds, results)
        comparisons = ModelComparator(folder / COMPARISONS).run_ablation_study(
            {name: of if len(of) > 1 else of[0] for name, of in results.items()}, baseline=BASELINE
        )
    found = AblationResult(folder, planned, results, reading, comparisons, left)
    if reading is not None:
        verdicts = "\n".join(f"- {report.verdict}" for report in comparisons.values())
        write_text(folder / TABLES, f"# Ablation\n\n{reading.to_markdown()}\n{verdicts}\n")
        plot_effects(reading, folder / PICTURE)
    else:
        write_text(folder / TABLES, f"# Ablation\n\n{_NOTHING_YET.format(left=left)}\n")
    write_json(folder / FOUND, found.to_json())
    return found


def _check(planned: Design) -> None:
    """Refuse now what the last variant would be refused for in some hours."""
    for variant in planned.variants:
        config = variant.recipe.training
        try:
            check_machine(config)
            find_base(config.base_model_name)
            if config.chat:
                end_ids(open_tokenizer(config.base_model_name, trust_remote_code=config.trust_remote_code), chat=True)
        except UserError as error:
            raise UserError(f"The variant {variant.name}: {error}") from error


def _claim(folder: Path, planned: Design) -> None:
    """Make sure that the folder is free, or holds an ablation of the same recipes."""
    if (folder / RECIPE).is_file() and (folder / RUNS).is_file():
        refuse_other_recipes(folder, planned)
        return
    ensure_free(folder, overwrite=None)
    folder.mkdir(parents=True, exist_ok=True)
    planned.variants[0].recipe.save(folder / RECIPE)
