"""Floor 4, datasets: games put together again from records that show the state before each move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from serpentune.game import Ending, GameRecord, Move, State, _rules, verify


@dataclass
class Chain:
    """Neighbouring records of a file of which each shows the state that the one before leads to.

    Attributes:
        player: whose answers they are.
        first: the state of the first one.
        apples: the apples in their order, as the prompts tell them, under the snake too.
        moves: the answers, `Move` codes.
    """

    player: str
    first: State
    apples: list[int]
    moves: bytearray = field(default_factory=bytearray)
    _next: State | None = None
    _eaten: bool = False

    def follows(self, player: str, state: State, apple: int) -> bool:
        """Whether a record with this state may be the next one: after an apple was eaten the new one is free."""
        due = self._next
        if due is None or player != self.player or (due.width, due.height) != (state.width, state.height):
            return False
        return due.body == state.body and (self._eaten or apple == self.apples[-1])

    def add(self, state: State, apple: int, move: Move) -> None:
        """Append a record that is the first one or `follows`; its move must be legal."""
        if self._eaten:
            self.apples.append(apple)
        # A snake of one cell doesn't show its direction, but the move before does.
        if self._next is not None:
            state = replace(state, direction=self._next.direction)
        self._next = after(state, move)
        self._eaten = len(self._next.body) > len(state.body)
        self.moves.append(move)

    def heading(self) -> Move | None:
        """The direction before the record to come."""
        return self._next.direction if self._next is not None else None

    def problem(self) -> str | None:
        """Why this is no game from its beginning; None where it is, as its replay through the rules says."""
        middle = (self.first.height // 2) * self.first.width + self.first.width // 2
        if self.first.body != (middle,):
            return "its game begins in the middle"
        score = self.moves_eating
        won = self._next is not None and len(self._next.body) == self.first.width * self.first.height
        record = GameRecord(
            self.player,
            self.first.width,
            self.first.height,
            bytes(self.moves),
            tuple(self.apples),
            # Where the file breaks off the game may go on; any open ending says so.
            Ending.WIN if won else Ending.MAX_STEPS_REACHED,
            score,
            len(self.moves),
        )
        return None if verify(record) is None else "its game does not replay"

    @property
    def moves_eating(self) -> int:
        """Apples eaten by its moves."""
        return len(self._next.body) - len(self.first.body) if self._next is not None else 0


def after(state: State, move: Move) -> State:
    """The state after a legal move, the apple where it was: the caller knows the next one.

    Args:
        state: a state.
        move: a move that the rules allow there.
    """
    head = _rules.neighbour(state.head, move, state.width, state.height)
    body = state.body if head == state.apple else state.body[:-1]
    return State(state.width, state.height, (head, *body), state.apple, move)


def misplayed(state: State, move: Move) -> str | None:
    """Why a move can't be played in a state, in words; None where it can."""
    if state.direction is not None and (move - state.direction) % 4 == 2:
        return f"{move.name} reverses the direction"
    cell = _rules.neighbour(state.head, move, state.width, state.height)
    if cell == _rules.NO_CELL:
        return f"{move.name} leads into the wall"
    if cell in state.body[:-1]:
        return f"{move.name} leads into the body"
    return None
