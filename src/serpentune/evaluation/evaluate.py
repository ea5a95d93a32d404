"""Floor 8, evaluation: one model's games, language figures and speed, written to one folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import write_json
from serpentune.common.progress import progress_bar
from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation.judging import judged
from serpentune.evaluation.play import ModelPlayer, play_games
from serpentune.evaluation.results import LANGUAGE, PERFORMANCE, EvaluationResult
from serpentune.evaluation.store import open_results
from serpentune.game import Limits, check_board
from serpentune.models import LoadedModel
from serpentune.teachers import get
from serpentune.training import RUN, trained_with


@dataclass(frozen=True)
class EvaluationSettings:
    """What decides how the games of an evaluation go.

    Attributes:
        games: how many.
        width: cells a row.
        height: cells a column.
        seed: of the first game; the others follow. Two models with the same seeds meet the same apples.
        teacher: whom the prompt asks to play like, and whose moves the model's are compared with.
        style: completion style, `plan` (the moves to the apple) or `move` (the next one).
        encoding: how states are written.
        limits: when a game is stopped although the snake lives.
    """

    games: int = 200
    width: int = 6
    height: int = 6
    seed: int = 1000
    teacher: str = "BFS"
    style: str = "plan"
    encoding: str = "grid"
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        """Refuse what can't be played.

        Raises:
            UserError: no games, a negative seed, an impossible board, or an unknown teacher, style or encoding.
        """
        if self.games < 1:
            raise UserError(f"At least one game is needed, not {self.games}.")
        if self.seed < 0:
            raise UserError(f"Game seeds are 0 or more, not {self.seed}.")
        check_board(self.width, self.height)
        get(self.teacher)
        get_style(self.style)
        get_encoding(self.encoding)


def evaluate_model(
    loaded: LoadedModel,
    folder: Path,
    settings: EvaluationSettings,
    *,
    name: str | None = None,
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
    advanced: Callable[[int], None] | None = None,
) -> EvaluationResult:
    """Let a model play, measure its language on `test_records`, and write everything to `folder`.

    A folder that a killed run of the same evaluation left is gone on with: finished games are kept, and the figures of
    speed and memory are those of the games that were missing.

    Args:
        loaded: the model with its tokenizer.
        folder: the results folder to make or to go on with.
        settings: how the games go.
        name: what the model is called in tables; its own name without.
        test_records: prompts and completions for perplexity, BLEU and ROUGE-L; none leaves them unmeasured.
        overwrite: replace what the folder holds.
        quiet: show no progress bar.
        advanced: called with the number of games that ended since the last call, instead of showing a bar.

    Raises:
        UserError: impossible settings, a board too large for the model's context, or a folder with another evaluation
            in it or that another process writes to.
    """
    from serpentune.evaluation.language import language_metrics
    from serpentune.evaluation.resources import measure, versions

    settings.check()
    player = ModelPlayer(
        loaded,
        teacher=get(settings.teacher).name,
        encoding=get_encoding(settings.encoding),
        style=get_style(settings.style),
        name=name,
    )
    with open_results(folder, _manifest(player.name, loaded, settings, versions()), overwrite=overwrite) as results:
        seeds = [seed for seed in range(settings.seed, settings.seed + settings.games) if seed not in results.finished]
        moves = 0
        with (
            measure(loaded.model.device) as used,
            progress_bar(f"Playing ({player.name})", len(seeds), quiet=quiet or advanced is not None) as advance,
        ):
            for result in play_games(
                player,
                seeds,
                settings.width,
                settings.height,
                limits=settings.limits,
                advanced=advanced or advance,
            ):
                results.add(judged(result, get(settings.teacher)))
                moves += result.record.steps
        if seeds:
            write_json(
                folder / PERFORMANCE,
                {
                    "games": len(seeds),
                    "moves": moves,
                    "seconds": round(used.seconds, 3),
                    "ms_per_move": round(1000 * player.seconds / moves, 4),
                    "moves_per_second": round(moves / used.seconds, 1),
                    "tokens_per_second": round(player.tokens / player.seconds, 1),
                    "peak_memory_mb": used.peak_memory_mb,
                    "device": str(loaded.model.device),
                },
            )
        if test_records:
            with progress_bar(f"Language ({player.name})", len(test_records), quiet=quiet) as advance:
                figures = language_metrics(
                    loaded.model, loaded.tokenizer, test_records, chat=loaded.chat, progress=advance
                )
            write_json(folder / LANGUAGE, figures)
    return EvaluationResult.load(folder)


def _manifest(
    name: str, loaded: LoadedModel, settings: EvaluationSettings, versions: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "format": 1,
        "serpentune": __version__,
        "model": loaded.name,
        "model_sha256": _weights_sha256(loaded.model),
        "grid": [settings.width, settings.height],
        "first_seed": settings.seed,
        "games": settings.games,
        "teacher": get(settings.teacher).name,
        "style": settings.style,
        "encoding": settings.encoding,
        "decoding": "greedy",
        **({"chat": True} if loaded.chat else {}),
        "policy": "unreadable answers are empty moves; asked again after the apple and before an illegal move",
        "limits": settings.limits.as_dict(),
        **_training(loaded),
        "versions": dict(versions),
    }


def _training(loaded: LoadedModel) -> dict[str, Any]:
    """The settings that a student was trained with, where it still lies in the folder of its training run."""
    run = Path(loaded.name).parent
    if loaded.source != "folder" or not (run / RUN).is_file():
        return {}
    return {
        "training": trained_with(run).model_dump(mode="json", exclude={"output_dir", "experiment_name", "report_to"})
    }


def _weights_sha256(model: Any) -> str:
    """Hex SHA-256 of the weights in memory: what plays may have been trained since it was loaded from its folder."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if isinstance(tensor, torch.Tensor):  # quantised layers keep notes beside their weights
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
