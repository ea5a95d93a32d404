"""Floor 4, datasets: moves as text and back, and the prompt that asks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune import teachers
from serpentune.common.errors import UserError, unknown_name
from serpentune.datasets.encodings import ENCODINGS, Encoding
from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets, Texts
from serpentune.game import DIRECTIONS, MOVE_LETTERS, Move, States
from serpentune.game._jit import kernel

_LINE_BREAK = ord("\n")


@dataclass(frozen=True)
class CompletionStyle:
    """What a player is asked for.

    Attributes:
        name: how users ask for it.
        cue: the prompt's last line, which tells the student what to write.
        whole_plan: the moves up to and including the one that eats the apple, or only the next one.
        explains: whether the reasons follow the move, on the next line.
        short: whether these leave out what only counting can tell.
    """

    name: str
    cue: str
    whole_plan: bool
    explains: bool = False
    short: bool = False

    def completion(self, moves: bytes) -> str:
        """Moves (a `Move` code a byte, the next one first) as text: a letter each, with a space before it.

        Raises:
            ValueError: no moves, or one that doesn't move the snake; or the style explains, for which moves are not
                enough: `explanations` writes its completions.
        """
        if self.explains:
            raise ValueError(f"a completion of the style {self.name} is made of a state: explanations() writes it")
        chosen = moves if self.whole_plan else moves[:1]
        if not chosen or max(chosen) > Move.LEFT:
            raise ValueError(_NO_MOVES)
        return "".join(f" {MOVE_LETTERS[move]}" for move in chosen)


_NO_MOVES = "a completion needs moves that move the snake"

STYLES = {
    style.name: style
    for style in (
        CompletionStyle("move", "Move:", False),
        CompletionStyle("plan", "Moves:", True),
        CompletionStyle("explain", "Move and why:", False, explains=True),
        CompletionStyle("explain-short", "Move and why, in short:", False, explains=True, short=True),
    )
}


def get_style(name: str) -> CompletionStyle:
    """The completion style of that name.

    Raises:
        UserError: there is none; the message names the near match.
    """
    if name not in STYLES:
        raise unknown_name("completion style", name, STYLES)
    return STYLES[name]


def write_prompts(states: States, player: str, encoding: Encoding, style: CompletionStyle) -> Texts:
    """`n` prompts that ask to play like `player` in each of `n` states."""
    return with_questions(encoding.write(states), player, [style], np.zeros(len(states), np.int64))


def prompts(states: States, player: str, encoding: Encoding, style: CompletionStyle) -> list[str]:
    """`write_prompts` as Python's texts."""
    return write_prompts(states, player, encoding, style).tolist()


def with_questions(boards: Texts, player: str, styles: Sequence[CompletionStyle], which: NDArray[np.int64]) -> Texts:
    """`n` boards' texts as prompts that ask to play like `player`.

    Args:
        boards: `n` texts of an encoding.
        player: whom to play like.
        styles: what may be asked for; at least one.
        which: int64 `(n,)`: board `i` is asked about in the style `styles[which[i]]`.
    """
    return boards.between(_address(player), [style.cue for style in styles], which)


def _address(player: str) -> str:
    """What stands before the board's text in a prompt."""
    return f"Player {player}. "


_PROMPT = re.compile(
    rf"Player (.+?)\. ((?:{'|'.join(sorted({encoding.opening for encoding in ENCODINGS.values()}))}).*\n)(.*)",
    re.DOTALL,
)
_STYLE_OF_CUE = {style.cue: style for style in STYLES.values()}


def parse_prompt(prompt: str) -> tuple[str, str, CompletionStyle] | None:
    """The player, the board's text and the style of one of our prompts, or None for any other text.

    The board's text begins like one of an encoding; whether it is one, `Encoding.decode` says.
    """
    found = _PROMPT.fullmatch(prompt)
    if found is None or found[3] not in _STYLE_OF_CUE:
        return None
    return found[1], found[2], _STYLE_OF_CUE[found[3]]


def board_texts(
    prompts: Texts, forms: Sequence[tuple[str, CompletionStyle]], which: NDArray[np.int64]
) -> tuple[Texts, NDArray[np.bool_]]:
    """The boards' texts in prompts whose player and style are known, for `Encoding.read`.

    Args:
        prompts: `n` texts.
        forms: players and styles.
        which: int64 `(n,)`: text `i` should be a prompt of `forms[which[i]]`.

    Returns:
        `n` texts, and `ok`, bool `(n,)`: false where a prompt doesn't begin with its player or end with its style's cue
        behind a line break; there the board's text is empty, which no encoding reads.
    """
    before = Texts.of([_address(player) for player, _ in forms])
    after = Texts.of([style.cue for _, style in forms])
    offsets, ok = np.zeros(len(prompts) + 1, np.int64), np.zeros(len(prompts), np.bool_)
    data = np.empty(len(prompts.data), np.uint8)
    _take_out(
        prompts.data, prompts.offsets, before.data, before.offsets, after.data, after.offsets, which, data, offsets, ok
    )
    return Texts(data[: offsets[-1]], offsets), ok


@kernel(
    types.void(
        BYTES_TYPE,
        OFFSETS_TYPE,
        BYTES_TYPE,
        OFFSETS_TYPE,
        BYTES_TYPE,
        OFFSETS_TYPE,
        OFFSETS_TYPE,
        types.uint8[::1],
        types.int64[::1],
        types.boolean[::1],
    )
)
def _take_out(
    data: Bytes,
    offsets: Offsets,
    before: Bytes,
    before_offsets: Offsets,
    after: Bytes,
    after_offsets: Offsets,
    which: Offsets,
    result: Bytes,
    result_offsets: Offsets,
    ok: NDArray[np.bool_],
) -> None:
    place = 0
    for text in range(which.shape[0]):
        kind = which[text]
        first, last = before_offsets[kind], after_offsets[kind]
        start = offsets[text] + before_offsets[kind + 1] - first
        stop = offsets[text + 1] - after_offsets[kind + 1] + last
        fits = start < stop and data[stop - 1] == _LINE_BREAK
        if fits:
            for at in range(offsets[text], start):
                fits &= data[at] == before[first + at - offsets[text]]
            for at in range(stop, offsets[text + 1]):
                fits &= data[at] == after[last + at - stop]
        if fits:
            for at in range(start, stop):
                result[place] = data[at]
                place += 1
        ok[text] = fits
        result_offsets[text + 1] = place


_WORDS = {word: move for move in DIRECTIONS for word in (move.name, MOVE_LETTERS[move])}


def read_moves(text: str) -> bytes:
    """The moves at the start of an answer, a `Move` code a byte; empty where it starts with anything else.

    Letters and words (U, UP) are read in either case, separated by spaces, commas or line breaks. Reading stops at the
    first word that is no move.
    """
    moves = bytearray()
    for word in text.replace(",", " ").upper().split():
        if word not in _WORDS:
            break
        moves.append(_WORDS[word])
    return bytes(moves)


def after_moves(text: str) -> str:
    """What an answer says behind the moves at its start: its reasons, if it was asked for them; else mostly nothing."""
    words = re.match(rf"(?:[\s,]*[^\s,]+){{{len(read_moves(text))}}}[\s,]*", text)
    return text if words is None else text[words.end() :]


def write_completions(moves: Bytes, starts: Offsets, lengths: Offsets) -> Texts:
    """Moves as text, a letter each with a space before it, `n` completions of the styles `move` and `plan`.

    Args:
        moves: uint8, `Move` codes of any games, one after another.
        starts: int64 `(n,)`, where in `moves` each completion begins.
        lengths: int64 `(n,)`, moves of each, 1 or more.

    Raises:
        ValueError: a completion without moves, or with one that doesn't move the snake.
        IndexError: one that begins or ends outside `moves`.
    """
    if len(starts) and (starts.min() < 0 or (starts + lengths).max() > len(moves)):
        raise IndexError(f"a completion lies outside the {len(moves)} moves")
    if len(starts) and lengths.min() < 1:
        raise ValueError(_NO_MOVES)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(2 * lengths, out=offsets[1:])
    data = np.full(offsets[-1], ord(" "), np.uint8)
    if not _put_letters(moves, starts, _LETTERS, offsets, data):
        raise ValueError(_NO_MOVES)
    return Texts(data, offsets)


_LETTERS = np.frombuffer(MOVE_LETTERS[: len(DIRECTIONS)].encode(), np.uint8)


@kernel(types.boolean(BYTES_TYPE, OFFSETS_TYPE, BYTES_TYPE, OFFSETS_TYPE, types.uint8[::1]), allocates=False)
def _put_letters(moves: Bytes, starts: Offsets, letters: Bytes, offsets: Offsets, data: Bytes) -> bool:
    for text in range(starts.shape[0]):
        place = offsets[text] + 1
        for at in range(starts[text], starts[text] + (offsets[text + 1] - offsets[text]) // 2):
            if moves[at] >= letters.shape[0]:
                return False
            data[place] = letters[moves[at]]
            place += 2
    return True


def explanations(states: States, moves: Bytes, player: str, *, short: bool = False) -> list[str | None]:
    """Completions of a style that explains: each move, and on the next line why the teacher plays it.

    Args:
        states: `n` states.
        moves: uint8 `(n,)`, the `Move` codes that were recorded in them.
        player: the name in the prompts.
        short: as of the style, `CompletionStyle.short`.

    Returns:
        `n` texts; None where there is nothing true to say: the move doesn't move the snake, the teacher would play
        another one today, or no teacher is registered under exactly that name.

    Raises:
        UserError: the teacher's Python function broke its contract, or its name would be read as a move.
    """
    if player not in teachers.names():
        return [None] * len(states)
    if read_moves(player):
        raise UserError(
            f"The explanations of the teacher {player} begin with its name, which reads as a move. Rename the teacher."
        )
    teacher = teachers.get(player)
    return [
        f" {MOVE_LETTERS[move]}\n{teacher.explain(state, decision, short=short)}"
        if decision.move == move <= Move.LEFT
        else None
        for state, decision, move in zip(states, teacher.decisions(states), moves.tolist(), strict=True)
    ]
