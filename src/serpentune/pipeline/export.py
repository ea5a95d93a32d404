"""Floor 11, pipeline: a model taken away, with what an evaluation measured on its card, and sent to the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serpentune.common.errors import UserError

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationResult
    from serpentune.models.export import Dtype, Exported, Metric


@dataclass(frozen=True)
class TakenAway:
    """What `export_student` did.

    Attributes:
        model: what was exported, as the user named it.
        exported: what was written; None where nothing was.
        pushed: the repository's address; None where nothing was sent.
    """

    model: str
    exported: Exported | None
    pushed: str | None


def export_student(
    model: str | Path,
    output: Path | None = None,
    *,
    merge: bool = False,
    gguf: Sequence[str] = (),
    dtype: Dtype = "float32",
    push: str | None = None,
    private: bool = True,
    token: str | None = None,
    results: Path | None = None,
    trust_remote_code: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
) -> TakenAway:
    """Write a model as `models.export.export_model` does, and send what was written to the hub.

    Args:
        model: a student's folder, or a base model as of `models.load_base`.
        output: the folder to make; needed by `merge` and `gguf`.
        merge: write a whole model for transformers.
        gguf: formats of GGUF files.
        dtype: format of the weights of `merge`.
        push: a repository of the hub to send the folder to; without `merge` and `gguf` the student's own.
        private: whether only its owner may see a repository that is made now.
        token: of the hub; without it the one of `HF_TOKEN` or `hf auth login`.
        results: a results folder of this model, whose figures the card shall show.
        trust_remote_code: run code that the model brings, which may do anything.
        overwrite: whether `output` may be replaced.
        quiet: show no progress bar.

    Raises:
        UserError: as of `export_model`, `push_model` and `EvaluationResult.load`; nothing was asked for, `output` is
            missing or of no use, or the results are another model's, those of other files than the model's folder holds
            now, or don't say of which.
    """
    from serpentune.models.export import export_model, push_model, renew_card

    writes = merge or bool(gguf)
    if not writes and push is None:
        raise UserError("Say what to do with the model: --merge, --gguf or --push.")
    if writes and output is None:
        raise UserError("Say where to write the model: --output.")
    if output is not None and not writes:
        raise UserError(f"Nothing would be written to {output}. Say --merge or --gguf, or leave --output out.")
    formats = [*([dtype] if merge and dtype != "float32" else []), *gguf]
    metrics = _metrics(model, results, formats) if results is not None else []
    exported = None
    if writes:
        assert output is not None
        exported = export_model(
            model,
            output,
            merge=merge,
            gguf=gguf,
            dtype=dtype,
            metrics=metrics,
            trust_remote_code=trust_remote_code,
            overwrite=overwrite,
            quiet=quiet,
        )
    folder = output or Path(model).expanduser()
    if metrics and not writes:
        renew_card(folder, metrics)
    pushed = None if push is None else push_model(folder, push, private=private, token=token)
    return TakenAway(str(model), exported, pushed)


def _metrics(model: str | Path, folder: Path, formats: Sequence[str]) -> list[Metric]:
    from serpentune.comparison import rank
    from serpentune.evaluation import EvaluationResult
    from serpentune.models.export import Metric

    result = EvaluationResult.load(folder)
    _refuse_other_model(model, result, folder)
    exported = f"; before the export to {', '.join(formats)}" if formats else ""
    ((_, standing),) = rank([result])
    on = _played_on(result)
    metrics = []
    for key, name, found, unit, scale in (
        ("win_rate", "games won", standing.wins, "%", 100),
        ("mean_score", "apples a game", standing.score, "", 1),
    ):
        if found.estimate is None:
            continue
        text = f"{scale * found.estimate:.1f}{unit}"
        if found.interval is not None:
            low, high = scale * found.interval.low, scale * found.interval.high
            text += f" ({100 * found.interval.level:.0f}% interval {low:.1f} to {high:.1f}{unit}, {found.method})"
        metrics.append(Metric(key, name, found.estimate, text + exported, on))
    if result.agreement is not None:
        teacher = result.manifest["teacher"]
        text = f"{100 * result.agreement:.1f}%"
        name = f"moves that are those of {teacher}"
        metrics.append(Metric("agreement", name, result.agreement, text + exported, on))
    return metrics


def _refuse_other_model(model: str | Path, result: EvaluationResult, folder: Path) -> None:
    """Refuse figures of other files, wherever they lie; of a model of the hub, those of another name."""
    from serpentune.evaluation.results import FILES_SHA256
    from serpentune.models import model_location, model_sha256

    location, files = model_location(model), result.manifest.get(FILES_SHA256)
    if files is not None and location is not None and files == model_sha256(location):
        return
    played = result.manifest.get("model")
    if played not in (str(model), str(Path(model).expanduser().resolve())):
        raise UserError(f"{folder} holds the games of {played}, not of {model}. Name the results of the same model.")
    if location is None:
        return
    if files is None:
        raise UserError(
            f"{folder} doesn't say which files of {model} played. Run the same evaluation again (serpentune "
            "evaluate): the games are kept if the model is the same."
        )
    raise UserError(
        f"{folder} holds the games of other files than {model} holds now: it was trained or changed since. "
        "Evaluate it again (serpentune evaluate --overwrite)."
    )


def _played_on(result: EvaluationResult) -> str:
    width, height = result.manifest["grid"]
    return f"Snake {width}x{height}, {len(result.games)} games, seeds {result.seeds[0]} to {result.seeds[-1]}"
