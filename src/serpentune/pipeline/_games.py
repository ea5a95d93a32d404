"""Floor 11, pipeline: which games an experiment's models play, as its recipe and its data set say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from serpentune.common.errors import UserError
from serpentune.datasets import load_splits
from serpentune.datasets.records import UNKNOWN
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
        UserError: the data set leaves open what the recipe leaves open, it holds nothing of the teacher, the style or
            the encoding, the board is impossible, or a student would be trained on one of the games.
    """
    from serpentune.evaluation import EvaluationSettings

    known = manifest["teachers"]
    board = asked.grid_size or only_board(manifest, "the evaluation shall use (--grid-size, or evaluation.grid_size)")
    if asked.teacher is not None and asked.teacher not in known:
        raise UserError(
            f"evaluation.teacher = {asked.teacher!r}: the students learn from {', '.join(known)} only, and can be "
            "asked to play like one of them."
        )
    width, height = parse_board(board)
    check_board(width, height)
    games = EvaluationSettings(
        games=asked.games,
        width=width,
        height=height,
        seed=asked.seed,
        teacher=get(asked.teacher or next(iter(known))).name,
        style=_taught(asked.style, manifest, "styles"),
        encoding=_taught(asked.encoding, manifest, "encodings"),
        top_moves=asked.top_moves,
    )
    games.check()
    refuse_known(games, dataset)
    return games


def only_board(manifest: Mapping[str, Any], what: str) -> str:
    """The board of a data set's games.

    Raises:
        UserError: there are several, or none is named; it asks which one `what`.
    """
    boards = sorted({board for teacher in manifest["teachers"].values() for board in teacher.get("boards", ())})
    if len(boards) != 1:
        raise UserError(
            f"The logs hold games on {', '.join(boards) or 'boards that the data set does not name'}; say which board "
            f"{what}."
        )
    return str(boards[0])


def refuse_known(games: EvaluationSettings, dataset: Path) -> None:
    """Refuse games whose apples a student meets while it is trained: it would be measured on what it was shown.

    Raises:
        UserError: the training split of the data set holds a game of the same seed and board.
    """
    train = load_splits(dataset)["train"].select_columns(["seed", "board"]).with_format("arrow")[:]
    board = f"{games.width}x{games.height}"
    known = set(pc.unique(train.filter(pc.field("board") == board)["seed"].drop_null()).to_pylist())
    again = sorted(known & set(range(games.seed, games.seed + games.games)))
    if again:
        raise UserError(
            f"{len(again)} of the evaluation's games have seeds that the student is trained on, such as {again[0]}. "
            f"Choose an evaluation seed beyond {max(known)}."
        )


def _taught(asked: str | None, manifest: Mapping[str, Any], kind: str) -> str:
    """The style or encoding that is asked for, one which the students learn; else the one with the greatest share."""
    known = manifest.get(kind) or ()
    if asked is None:
        return _most(manifest, kind)
    if known and asked not in known and UNKNOWN not in known:
        raise UserError(
            f"evaluation.{kind.removesuffix('s')} = {asked!r}: the students learn {', '.join(known)} only, and can be "
            "asked in one of these."
        )
    return asked


def _most(manifest: Mapping[str, Any], kind: str) -> str:
    """The style or encoding with the greatest share; the first of several."""
    shares = manifest.get(kind)
    if not isinstance(shares, Mapping) or not shares:
        raise UserError(f"The data set doesn't say its {kind}. Name one: evaluation.{kind.removesuffix('s')}.")
    return str(max(shares, key=lambda name: shares[name]))
