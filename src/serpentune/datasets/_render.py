"""Floor 4, datasets: chosen moments of games as records: their texts, and by what they are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numba import types
from numpy.typing import NDArray

from serpentune import teachers as registry
from serpentune.datasets._games import Piece
from serpentune.datasets._groups import together
from serpentune.datasets._moments import Moments
from serpentune.datasets._relabel import own_answers
from serpentune.datasets._short import Names, short_records
from serpentune.datasets.completions import explanations, get_style, with_questions, write_completions
from serpentune.datasets.encodings import get_encoding
from serpentune.datasets.recipe import Recipe, Shares
from serpentune.datasets.symmetries import (
    MOVE_TABLE,
    agreements,
    all_along,
    board_symmetries,
    state_hashes,
    transformed,
)
from serpentune.datasets.texts import Texts, TokenLengths
from serpentune.game import Move, States
from serpentune.game._jit import kernel
from serpentune.game._rules import mix
from serpentune.teachers import Teacher

_SYMMETRY, _ENCODING, _REASONS = range(1, 4)
"""What a random number is for."""


@dataclass(frozen=True)
class _Answers:
    """The moves of `n` answers.

    Attributes:
        moves: uint8, `Move` codes.
        starts: int64 `(n,)`, where in `moves` each begins.
        lengths: int64 `(n,)`, moves of each, 1 or more.
        missing: bool `(n,)`, where there is no answer, and any move stands for it; None where that can't be.
    """

    moves: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    missing: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Facts:
    """What `n` records are compared by.

    Attributes:
        states: uint64 `(n,)`, equal for equal states, however they are written.
        images: uint64 `(n,)`, as `states`, but equal for images of each other too; None where nobody asks.
        shown: uint64 `(n,)`, equal where the player can't tell the states apart: equal states, or of an encoding that
            doesn't hold the state, equal texts; None where all encodings hold it, so that these are the states.
        questions: uint64 `(n,)`, equal where board and style are asked about in the same words, whoever is to answer.
        answers: uint64 `(n,)`, equal for equal completions.
        styles: int8 `(n,)`, places in the recipe's styles, as they were drawn.
        asked: int8 `(n,)`, equal where the same is asked for; an explanation without its reasons asks for the move.
        splits: int8 `(n,)`, places in `SPLITS`.
        lengths: int16 `(n,)`, cells of the snake.
        mirrored: bool `(n,)`, records that show another image of the state than the one that was played.
        unexplained: bool `(n,)`, records that should explain a move about which there is nothing true to say.
        too_long: bool `(n,)`, longer than the limit of tokens.
        unanswered: bool `(n,)`, records to which the teacher of a label has no answer; None without a label.
    """

    states: NDArray[np.uint64]
    images: NDArray[np.uint64] | None
    shown: NDArray[np.uint64] | None
    questions: NDArray[np.uint64]
    answers: NDArray[np.uint64]
    styles: NDArray[np.int8]
    asked: NDArray[np.int8]
    splits: NDArray[np.int8]
    lengths: NDArray[np.int16]
    mirrored: NDArray[np.bool_]
    unexplained: NDArray[np.bool_]
    too_long: NDArray[np.bool_]
    unanswered: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.styles)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The facts that are known, by name."""
        return {name: column for name, column in vars(self).items() if column is not None}


class Renderer:
    """Writes the records of one recipe."""

    def __init__(self, recipe: Recipe, pieces: Iterable[Piece], token_lengths: TokenLengths | None) -> None:
        """Get ready for records of `pieces`; `token_lengths` measures them where the recipe bounds their tokens."""
        self._recipe = recipe
        self._token_lengths = token_lengths
        self._styles = [get_style(name) for name in recipe.styles]
        move = get_style("move")
        self._asked = self._styles if move in self._styles else [*self._styles, move]
        self._encodings = [get_encoding(name) for name in recipe.encodings]
        self._exact = np.array([encoding.exact for encoding in self._encodings])
        self._images = recipe.checks.duplicates == "symmetric" or recipe.split.symmetric_leaks
        self.names = Names(pieces, [style.name for style in self._asked], list(recipe.encodings), recipe.who_answers)

    def render(
        self, piece: Piece, moments: Moments, drawn: Mapping[int, NDArray[np.int64]], first: int
    ) -> tuple[Any, Facts]:
        """The records of a piece in short form, an Arrow table of `SHORT`, and what they are compared by.

        `names` says what its numbers stand for.

        Args:
            piece: some games.
            moments: what their moves can teach.
            drawn: by place in the recipe's styles, the places of the moments drawn for it, ascending.
            first: the number of the first record within the data set, from which everything random follows.
        """
        places = np.concatenate(list(drawn.values()))
        styles = np.repeat(np.array(list(drawn), np.int8), [len(own) for own in drawn.values()])
        order = np.lexsort((styles, places))
        places, styles = places[order], styles[order]
        distinct, back = np.unique(places, return_inverse=True)
        states = piece.games.states_at(distinct).take(back)
        plans = np.array([style.whole_plan for style in self._styles])[styles]
        lengths = np.where(plans, moments.plan[places], 1).astype(np.int64)
        symmetries = self._draw_symmetries(piece, places, lengths, first)
        if symmetries.any():
            states = transformed(states, symmetries)
        teacher = self._recipe.who_answers(piece.teacher)
        if self._recipe.label is None:
            answers = self._played(piece, places, lengths, symmetries)
        else:
            answers = self._labelled(registry.get(teacher), states, plans)
        encodings = _drawn_from(self._recipe.encodings, salt(self._recipe.seed, 4, _ENCODING), first, len(places))
        asked = self._without_reasons(styles, first)
        completions, unexplained = self._completions(teacher, states, answers, asked)
        boards = self._boards(states, encodings)
        prompts = with_questions(boards, teacher, self._asked, asked)
        game = self._games(piece, places)
        table = short_records(
            prompts,
            completions,
            game=piece.first + game,
            step=moments.step[places],
            snake_length=moments.length[places],
            style=asked,
            encoding=encodings,
            symmetry=symmetries,
        )
        hashes = state_hashes(states)
        shown = hashes if self._exact.all() else np.where(self._exact[encodings], hashes, boards.hashes())
        facts = Facts(
            states=hashes,
            images=state_hashes(states, symmetric=True) if self._images else None,
            shown=None if self._exact.all() else shown,
            questions=together(shown, (encodings * len(self._asked) + asked).astype(np.uint64)),
            answers=completions.hashes(),
            styles=styles,
            asked=asked.astype(np.int8),
            splits=piece.splits[game],
            lengths=moments.length[places],
            mirrored=symmetries != 0,
            unexplained=unexplained,
            too_long=self._too_long(prompts, completions),
            unanswered=answers.missing,
        )
        return table, facts

    def _games(self, piece: Piece, places: NDArray[np.int64]) -> NDArray[np.int64]:
        offsets = piece.games.move_offsets - piece.games.move_offsets[0]
        return np.searchsorted(offsets, places, "right") - 1

    def _draw_symmetries(
        self, piece: Piece, places: NDArray[np.int64], lengths: NDArray[np.int64], first: int
    ) -> NDArray[np.int64]:
        policy = self._recipe.symmetries
        if not may_mirror(policy, self._recipe.who_answers(piece.teacher)):
            return np.zeros(len(places), np.int64)
        allowed = np.zeros((len(places), len(MOVE_TABLE)), np.bool_)
        allowed[:, list(board_symmetries(*piece.board))] = True
        if policy != "any" and self._recipe.label is None:  # who answers a label is asked about the image itself
            games = piece.games
            every = games.states_at(np.arange(int(games.move_offsets[-1] - games.move_offsets[0])))
            own = games.moves[games.move_offsets[0] : games.move_offsets[-1]]
            allowed &= all_along(agreements(registry.get(piece.teacher), every, own), places, lengths)
            allowed[:, 0] = True  # as it was played, whatever the teacher would say today
        share = uniform(salt(self._recipe.seed, 4, _SYMMETRY), first, len(places))
        wanted = (share * allowed.sum(axis=1)).astype(np.int64)
        chosen: NDArray[np.int64] = np.argmax(np.cumsum(allowed, axis=1) > wanted[:, None], axis=1)
        return chosen

    def _played(
        self,
        piece: Piece,
        places: NDArray[np.int64],
        lengths: NDArray[np.int64],
        symmetries: NDArray[np.int64],
    ) -> _Answers:
        """What was played at some places, turned and mirrored."""
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        at = np.arange(int(lengths.sum())) + np.repeat(places - starts, lengths)
        moves = piece.games.moves[at + piece.games.move_offsets[0]]
        if symmetries.any():
            moves = MOVE_TABLE[np.repeat(symmetries, lengths), moves].astype(np.uint8)
        return _Answers(moves, starts, lengths)

    def _labelled(self, teacher: Teacher, states: States, plans: NDArray[np.bool_]) -> _Answers:
        """What the teacher answers to the states as they are shown, whatever was played."""
        moves, bounds = own_answers(teacher, states, plans)
        lengths = np.diff(bounds)
        missing = lengths == 0
        anything = np.append(moves, np.uint8(Move.UP))
        return _Answers(anything, np.where(missing, len(moves), bounds[:-1]), np.maximum(lengths, 1), missing)

    def _without_reasons(self, styles: NDArray[np.int8], first: int) -> NDArray[np.int64]:
        """What is asked for, places in `_asked`: an explanation that loses its reasons asks for the move alone."""
        asked = styles.astype(np.int64)
        if self._recipe.drop_explanations:
            explains = np.array([style.explains for style in self._styles])[asked]
            share = uniform(salt(self._recipe.seed, 4, _REASONS), first, len(asked))
            asked[explains & (share < self._recipe.drop_explanations)] = self._asked.index(get_style("move"))
        return asked

    def _completions(
        self,
        teacher: str,
        states: States,
        answers: _Answers,
        asked: NDArray[np.int64],
    ) -> tuple[Texts, NDArray[np.bool_]]:
        unexplained = np.zeros(len(asked), np.bool_)
        completions = write_completions(answers.moves, answers.starts, answers.lengths)
        if not np.array([style.explains for style in self._asked])[asked].any():
            return completions, unexplained
        written = completions.tolist()
        for number, style in enumerate(self._asked):
            own = np.flatnonzero(asked == number)
            if not style.explains or not len(own):
                continue
            said = explanations(states.take(own), answers.moves[answers.starts[own]], teacher, short=style.short)
            unexplained[own] = [text is None for text in said]
            for place, text in zip(own.tolist(), said, strict=True):
                if text is not None:
                    written[place] = text
        return Texts.of(written), unexplained

    def _boards(self, states: States, encodings: NDArray[np.int64]) -> Texts:
        """Each state in its encoding."""
        if len(self._encodings) == 1:
            return self._encodings[0].write(states)
        written = [encoding.write(states).arrow() for encoding in self._encodings]
        at = pa.array(encodings * len(states) + np.arange(len(states)))
        return Texts.of_arrow(pa.concat_arrays(written).take(at))

    def _too_long(self, prompts: Texts, completions: Texts) -> NDArray[np.bool_]:
        limit = self._recipe.checks.max_tokens
        if limit is None or self._token_lengths is None:
            return np.zeros(len(prompts), np.bool_)
        return self._token_lengths(prompts.tolist(), completions.tolist()) > limit


def may_mirror(policy: str, player: str) -> bool:
    """Whether a player's records are turned and mirrored under a policy of `Recipe.symmetries`."""
    if policy in ("none", "any"):
        return policy == "any"
    return player in registry.names() and (policy == "checked" or registry.get(player).symmetric)


def salt(*numbers: int) -> int:
    """One number for several: a seed, and what it is used for."""
    return int(np.random.default_rng(numbers).integers(2**62))


def _drawn_from(shares: Shares, own: int, first: int, count: int) -> NDArray[np.int64]:
    """For each of `count` records a place in `shares`, as probable as its share."""
    if len(shares) == 1:
        return np.zeros(count, np.int64)
    bounds = np.cumsum(list(shares.values()))[:-1]
    return np.searchsorted(bounds, uniform(own, first, count), "right")


def uniform(own: int, first: int, count: int) -> NDArray[np.float64]:
    """Numbers from 0 up to 1, float64 `(count,)`: those of the places from `first` on in an endless random row."""
    result = np.empty(count)
    _uniform(own, first, result)
    return result


@kernel(types.void(types.int64, types.int64, types.float64[::1]))
def _uniform(salt: int, first: int, result: NDArray[np.float64]) -> None:
    for place in range(result.shape[0]):
        word = mix(mix(np.uint64(salt)) ^ np.uint64(first + place))
        result[place] = np.float64(word >> np.uint64(11)) * 2.0**-53
