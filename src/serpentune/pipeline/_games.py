"""Floor 11, pipeline: which games an experiment's models play, as its recipe and its data set say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.datasets import load_splits
from serpentune.game import check_board, parse_board
from serpentune.teachers import get

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationSettings
    from serpentune.pipeline.recipe import EvaluationRecipe


def games_for(asked: EvaluationRecipe, manifest: Mapping[str, Any], dataset: Path) -> EvaluationSettings:
    """The games that a recipe asks for; what it leaves open follows from the data set.

    Args:
        asked: the recipe's section.
        manifest: of the data set that students learn from.
        dataset: its folder.

    Raises:
        UserError: the data set leaves open what the recipe leaves open, it holds nothing of the teacher, the board is
            impossible, or a student would be trained on one of the games.
    """
    from serpentune.evaluation import EvaluationSettings

    known = manifest["teachers"]
    boards = sorted({board for teacher in known.values() for board in teacher.get("boards", ())})
    if asked.grid_size is None and len(boards) != 1:
        raise UserError(
            f"The logs hold games on {', '.join(boards) or 'boards that the data set does not name'}; say which board "
            "the evaluation shall use (--grid-size, or evaluation.grid_size)."
        )
    if asked.teacher is not None and asked.teacher not in known:
        raise UserError(
            f"evaluation.teacher = {asked.teacher!r}: the students learn from {', '.join(known)} only, and can be "
            "asked to play like one of them."
        )
    width, height = parse_board(asked.grid_size or boards[0])
    check_board(width, height)
    games = EvaluationSettings(
        games=asked.games,
        width=width,
        height=height,
        seed=asked.seed,
        teacher=get(asked.teacher or next(iter(known))).name,
        style=asked.style or _most(manifest, "styles"),
        encoding=asked.encoding or _most(manifest, "encodings"),
        top_moves=asked.top_moves,
    )
    games.check()
    _refuse_known(games, dataset)
    return games


def _refuse_known(games: EvaluationSettings, dataset: Path) -> None:
    """A student that met the apples of a game while it was trained would be measured on what it was shown."""
    train = load_splits(dataset)["train"].select_columns(["seed", "board"])
    board = f"{games.width}x{games.height}"
    known = {row["seed"] for row in train if row["board"] == board and row["seed"] is not None}
    again = sorted(known & set(range(games.seed, games.seed + games.games)))
    if again:
        raise UserError(
            f"{len(again)} of the evaluation's games have seeds that the student is trained on, such as {again[0]}. "
            f"Choose an evaluation seed beyond {max(known)}."
        )


def _most(manifest: Mapping[str, Any], kind: str) -> str:
    """The style or encoding with the greatest share; the first of several."""
    shares = manifest.get(kind)
    if not isinstance(shares, Mapping) or not shares:
        raise UserError(f"The data set doesn't say its {kind}. Name one: evaluation.{kind.removesuffix('s')}.")
    return str(max(shares, key=lambda name: shares[name]))
