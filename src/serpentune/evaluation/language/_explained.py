"""Floor 8, evaluation: whether a model that is asked for its reasons plays the move that it plays without them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets import read_moves
from serpentune.datasets.completions import STYLES, CompletionStyle, parse_prompt
from serpentune.evaluation._figures import Figures, missing, share
from serpentune.evaluation.judging import LENGTHS
from serpentune.evaluation.language._explanations import claims_of, shown
from serpentune.evaluation.language._measure import write_answers
from serpentune.evaluation.language._records import MeasuredRecord, load_lines
from serpentune.statistics import wilson_interval

if TYPE_CHECKING:
    from serpentune.models import LoadedModel

PLAIN = tuple(style.name for style in STYLES.values() if not style.explains)
"""Completion styles in which a move is asked for without its reasons."""

_LOG = logging.getLogger(__name__)

_FEW_TOKENS = 8
"""Enough for the first move of an answer, in letters or words."""


@dataclass(frozen=True)
class ExplainedMove:
    """What a model answered about one board, asked for a move with its reasons and for moves alone.

    Attributes:
        prompt: the one that asks for reasons.
        game: the game that the board is of, as the record names it; None where it names none.
        answer: to that prompt.
        plain: by style, how the answer begins to the same prompt when it asks for that.
    """

    prompt: str
    game: str | None
    answer: str
    plain: dict[str, str]

    def to_json(self) -> str:
        """The answers as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> ExplainedMove:
        """The inverse of `to_json`.

        Raises:
            ValueError: the line is no JSON object of this form.
        """
        try:
            data = json.loads(line)
            found = cls(data["prompt"], data["game"], data["answer"], dict(data["plain"]))
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not an explained move ({error!r})") from error
        texts = [found.prompt, found.answer, *found.plain.values(), *([] if found.game is None else [found.game])]
        if not all(isinstance(text, str) for text in texts) or not {*found.plain} <= {*PLAIN}:
            raise ValueError("not an explained move: a text is none, or a style is unknown")
        if shown(found.prompt, found.answer) is None:
            raise ValueError("not an explained move: its prompt shows no state")
        return found


def ask_plainly(loaded: LoadedModel, records: Iterable[MeasuredRecord]) -> list[ExplainedMove]:
    """Ask for the move alone wherever a model was asked for a move with its reasons.

    Asked are the styles that other records ask for, since an answer in a style that was never taught says nothing.

    Args:
        loaded: the model.
        records: what it answered, as of `measure_records`. Those whose prompts don't show the whole state are left
            out, which is logged.

    Returns:
        Of each prompt that asks for reasons, once, in their order; none where no record does.
    """
    explaining: dict[str, MeasuredRecord] = {}
    styles: dict[str, CompletionStyle] = {}
    left_out = 0
    for record in records:
        parsed = parse_prompt(record.prompt)
        if parsed is None:
            continue
        if not parsed[2].explains:
            styles[parsed[2].name] = parsed[2]
        elif record.answer is not None and shown(record.prompt, record.answer) is not None:
            explaining.setdefault(record.prompt, record)
        else:
            left_out += 1
    if left_out:
        _LOG.warning(
            "%d prompts that ask for reasons don't fit the model, or don't show the whole board, and are left out of "
            "the moves with and without reasons", left_out,
        )  # fmt: skip
    plain: dict[str, list[str]] = {}
    for name in (name for name in PLAIN if name in styles):
        cue = styles[name].cue
        asked = [prompt[: prompt.rindex("\n") + 1] + cue for prompt in explaining]
        plain[name] = write_answers(loaded.model, loaded.tokenizer, asked, _FEW_TOKENS, chat=loaded.chat)
    return [
        ExplainedMove(prompt, record.game, record.answer or "", {name: texts[place] for name, texts in plain.items()})
        for place, (prompt, record) in enumerate(explaining.items())
    ]


def explained_figures(moves: Sequence[ExplainedMove]) -> dict[str, Any]:
    """How often the explained move is the one that is played without reasons, and how true the reasons are.

    Returns:
        Intervals and reasons as of `play_metrics`, whole games resampled:

        - `states`, `games`, and `unusable`: answers that begin with no move, by style.
        - for each style of `PLAIN`, `same_as_move` and `same_as_plan`: states in which the answer with reasons begins
          with the same move as the answer in that style, of all `states`; `…_states`: how many; an answer without a
          move is the same as none. `…_games`: games without a state in which they differ, of all, with Wilson's
          interval, which there is also where no state differs.
        - `truth`: claims in the reasons that the board confirms, of all `claims`.
        - `by_style`: the same by the style that asks for the reasons. A board that is asked about in two counts as two
          states in the figures of all.
        - `by_length`: the same by the length of the snake, from `length_from` to `length_to`.
    """
    asked = [_style_of(move.prompt) for move in moves]
    boards = [shown(move.prompt, move.answer) for move in moves]
    names = [move.game if move.game is not None else f"\0{number}" for number, move in enumerate(moves)]
    _, game = np.unique(names, return_inverse=True)
    checks = [board.check(move.answer) for board, move in zip(boards, moves, strict=True) if board is not None]
    counted = _Counted(
        game.astype(np.int64),
        np.array(asked, np.object_),
        [read_moves(move.answer)[:1] for move in moves],
        {
            name: [read_moves(move.plain[name])[:1] for move in moves]
            for name in PLAIN
            if moves and name in moves[0].plain
        },
        np.array([len(check.true) for check in checks], np.int64),
        np.array([claims_of(check) for check in checks], np.int64),
    )
    lengths = [len(board.state.body) for board in boards if board is not None]
    bins = np.searchsorted(LENGTHS, lengths, "right") - 1
    figures = counted.figures(np.ones(len(moves), np.bool_))
    figures.values["by_style"] = {name: counted.figures(counted.asked == name).document() for name in counted.styles}
    figures.values["by_length"] = []
    for place in np.unique(bins).tolist():
        row = counted.figures(bins == place)
        last = place + 1 == len(LENGTHS)
        span = {"length_from": LENGTHS[place], "length_to": None if last else LENGTHS[place + 1] - 1}
        figures.values["by_length"].append({**span, **row.document()})
    return figures.document()


def _style_of(prompt: str) -> str:
    parsed = parse_prompt(prompt)
    if parsed is None:
        raise ValueError(f"no prompt of ours asks for this explanation: {prompt!r}")
    return parsed[2].name


@dataclass(frozen=True)
class _Counted:
    """What `n` states came to: their games, styles that ask for reasons, first moves with and without, claims."""

    game: NDArray[np.int64]
    asked: NDArray[np.object_]
    explained: list[bytes]
    plain: dict[str, list[bytes]]
    true: NDArray[np.int64]
    claims: NDArray[np.int64]

    @property
    def styles(self) -> list[str]:
        """The styles in which reasons were asked for."""
        return [name for name in STYLES if name in self.asked]

    def figures(self, chosen: NDArray[np.bool_]) -> Figures:
        """The figures of the chosen states, bool `(n,)`."""
        of_game = self.game[chosen]
        games, size = len(np.unique(of_game)), int(self.game.max(initial=-1)) + 1

        def by_game(values: NDArray[np.int64]) -> NDArray[np.int64]:
            sums = np.zeros(size, np.int64)
            np.add.at(sums, of_game, values)
            return sums

        figures = Figures()
        states = by_game(np.ones(int(chosen.sum()), np.int64))
        places = np.flatnonzero(chosen).tolist()
        silent = [self.asked[at] for at in places if not self.explained[at]]
        unusable = {name: silent.count(name) for name in self.styles}
        unusable |= {name: sum(not first[at] for at in places) for name, first in self.plain.items()}
        figures.values |= {
            "states": int(chosen.sum()),
            "games": games,
            "unusable": unusable,
        }
        for name in PLAIN:
            if name not in self.plain:
                reason = f"no record asks for a {name}, so the model need not know how to answer that"
                figures.values[f"same_as_{name}_states"] = None
                figures.add(f"same_as_{name}", missing(reason))
                continue
            pairs = zip(self.explained, self.plain[name], strict=True)
            same = np.array([bool(a) and a == b for a, b in pairs], np.int64)[chosen]
            alike = by_game(1 - same)[states > 0] == 0
            figures.values[f"same_as_{name}_states"] = int(same.sum())
            figures.add(f"same_as_{name}", share(by_game(same), states, "no state was asked about"))
            figures.add(f"same_as_{name}_games", wilson_interval(int(alike.sum()), games))
        claims = by_game(self.claims[chosen])
        figures.values["claims"] = int(claims.sum())
        nothing = "no explanation makes a claim that can be checked"
        figures.add("truth", share(by_game(self.true[chosen]), claims, nothing))
        return figures


def load_explained(path: Path) -> list[ExplainedMove]:
    """Read explained moves.

    Raises:
        UserError: as of `load_lines`, or a line was asked in other styles than the first.
    """
    moves = load_lines(path, ExplainedMove.from_json)
    for number, move in enumerate(moves, 1):
        if move.plain.keys() != moves[0].plain.keys():
            raise UserError(f"{path}, line {number}: asked in other styles than line 1. Measure the language again.")
    return moves
