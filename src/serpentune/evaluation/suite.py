"""Floor 8, evaluation: several models on the same seeds, ranked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serpentune.common.files import write_json
from serpentune.common.paths import PathUtils
from serpentune.evaluation.evaluate import evaluate_model, measures_of
from serpentune.evaluation.results import EvaluationResult
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.models import LoadedModel


@dataclass(frozen=True)
class EvaluationReport:
    """Results of several models on the same seeds.

    Attributes:
        results: by the names that the caller gave.
    """

    results: dict[str, EvaluationResult]

    @property
    def model_rankings(self) -> list[tuple[str, float]]:
        """`(name, mean score)`, the best first; the score is apples eaten a game."""
        means = [(name, float(result.scores.mean())) for name, result in self.results.items()]
        return sorted(means, key=lambda entry: -entry[1])

    def summary(self) -> dict[str, dict[str, Any]]:
        """The main figures of each model; what was not measured is None."""
        return {name: figures(result) for name, result in self.results.items()}

    def save_report(self, path: str | Path) -> Path:
        """Write rankings and figures as JSON; the path written."""
        target = Path(path)
        write_json(target, {"model_rankings": self.model_rankings, "models": self.summary()})
        return target

    def __str__(self) -> str:
        return "\n".join(
            f"{place}. {name}: {score:.2f} apples a game, {self.results[name].wins.mean():.1%} wins of "
            f"{len(self.results[name].games)} games"
            for place, (name, score) in enumerate(self.model_rankings, 1)
        )


class EvaluationSuite:
    """Evaluates models in one folder, a results folder for each."""

    def __init__(
        self,
        output_dir: str | Path,
        settings: EvaluationSettings | None = None,
        *,
        measures: str | Collection[str] = ("play", "language"),
        quiet: bool = False,
    ) -> None:
        """Write below `output_dir`; `settings` says which games are played, the same for every model.

        Args:
            output_dir: where a results folder for each model goes.
            settings: how the games go.
            measures: as of `evaluate_contestant`.
            quiet: show no progress bars.

        Raises:
            UserError: there is no such measure or suite.
        """
        self.measures = measures_of(measures)
        self.output_dir = Path(output_dir)
        self.settings = settings or EvaluationSettings()
        self.quiet = quiet

    def evaluate_single_model(
        self, model: Any, tokenizer: Any, test_data: Sequence[Mapping[str, str]], name: str, *, chat: bool = False
    ) -> EvaluationResult:
        """Measure one model; language and states on `test_data` (`prompt`, `completion`; may be empty).

        With `chat` it is asked through its tokenizer's chat template, as `LoadedModel.chat` says of a student.

        Games that an earlier call for the same weights finished are kept. A model that is being trained is measured in
        evaluation mode and goes on training afterwards.

        Raises:
            UserError: as of `evaluate_model`.
            ValueError: `name` holds no letter or digit.
        """
        loaded = LoadedModel(model, tokenizer, getattr(model, "name_or_path", "") or name, "folder", chat)
        was_training = model.training
        model.eval()
        try:
            return evaluate_model(
                loaded,
                self.output_dir / PathUtils.safe_name(name),
                self.settings,
                name=name,
                measures=self.measures,
                test_records=test_data,
                quiet=self.quiet,
            )
        finally:
            model.train(was_training)

    def evaluate_multiple_models(
        self,
        models: Mapping[str, tuple[Any, Any]],
        test_data: Sequence[Mapping[str, str]],
        *,
        chat: Collection[str] = (),
    ) -> EvaluationReport:
        """Evaluate `{name: (model, tokenizer)}` on the same seeds and records, those named in `chat` in the chat form.

        Raises:
            UserError: as of `evaluate_model`.
        """
        results = {
            name: self.evaluate_single_model(model, tokenizer, test_data, name, chat=name in chat)
            for name, (model, tokenizer) in models.items()
        }
        return EvaluationReport(results)


_LANGUAGE = ("perplexity", "bits_per_byte", "token_accuracy", "bleu", "rouge_l", "explanation_truth")


def figures(result: EvaluationResult) -> dict[str, Any]:
    """The main figures of an evaluation as one flat dictionary; what was not measured is None.

    They are those of `play_metrics`, without the rows by snake length, the methods and the reasons, which
    `EvaluationResult.play` has too; of language, speed and memory; `agreement`, another name of `accuracy`; and
    `held_out`: by teacher, `accuracy` and `accuracy_equal` on held-out states; `explained`: how often a move with
    reasons is the one without, and how true they are.
    """
    language = result.language or {}
    performance = result.performance or {}
    return {
        **{name: value for name, value in result.play.items() if name not in ("by_length", "methods", "undefined")},
        "agreement": result.agreement,
        "held_out": result.states
        and {
            teacher: {name: found[name] for name in ("states", "accuracy", "accuracy_equal")}
            for teacher, found in result.states.items()
        },
        "explained": result.explained
        and {name: result.explained[name] for name in ("states", "same_as_move", "same_as_plan", "truth")},
        **{name: language.get(name) for name in _LANGUAGE},
        "ms_per_move": performance.get("ms_per_move"),
        "tokens_per_second": performance.get("tokens_per_second"),
        "peak_memory_mb": performance.get("peak_memory_mb"),
    }
