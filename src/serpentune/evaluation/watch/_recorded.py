"""Floor 8, evaluation: a game of an evaluation or of a teacher's run, watched again without whoever played it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.metrics import limits_of
from serpentune.evaluation.play import Answer, FunctionPlayer
from serpentune.evaluation.results import MANIFEST, load_games, tells_of_evaluation
from serpentune.evaluation.top_moves import Chances, read_top_moves
from serpentune.evaluation.watch._game import WatchedGame
from serpentune.game import Ending, Limits, LockstepGames, Move, States
from serpentune.logs import read_logs, runs_in
from serpentune.models import BUILT_IN
from serpentune.teachers import NOISY, Teacher, find, names


class RecordedGame(WatchedGame):
    """A game that was played before, move by move.

    What was not kept stays unknown: the text of answers, so that a moment has no reasons, and where a plan began, so
    that each answer is one move.
    """

    recorded = True

    def __init__(
        self,
        game: GameResult,
        *,
        teacher: Teacher | str | None = None,
        limits: Limits | None = None,
        chances: Chances | None = None,
    ) -> None:
        """Set up its board and play its opening.

        Args:
            game: the game.
            teacher: whose choice stands beside its moves; None for BFS.
            limits: those that it was played within.
            chances: what a model gave the four directions before each of its moves; None where that was not kept.

        Raises:
            UserError: there is no such teacher, or by the rules, its seed and these limits the game goes otherwise.
        """
        record = game.record
        answers = _answers(game)
        player = FunctionPlayer(record.player, lambda states: [next(answers) for _ in range(len(states))], places=1)
        seed = _seed(game)
        super().__init__(player, seed, record.width, record.height, teacher=teacher, limits=limits, details=False)
        _check(game, limits)
        self._game = game
        self._chances = chances
        _play(self._games, record.moves[: game.opening], gives_up=_gave_up(game) and not game.answers)
        self.opening = game.opening

    @property
    def tells_probabilities(self) -> bool:
        """Whether moments carry probabilities."""
        return self._chances is not None

    def play_instead(self, move: Move) -> None:
        """Refuse: a recording doesn't say what would have come after another move.

        Raises:
            UserError: always.
        """
        raise UserError(f"The game with seed {self.seed} is a recording: nobody can take over.")

    def _replacement(self, states: States) -> Move | None:
        place, moves = int(self._games.steps[0]), self._game.record.moves
        if place == len(moves):  # the policy's teacher gave up, which is no move of a record
            return Move.NO_PATH_FOUND
        return Move(moves[place]) if place in self._game.replaced else None

    def _probabilities(self, states: States) -> tuple[float, float, float, float] | None:
        place = int(self._games.steps[0])
        if self._chances is None or place == len(self._chances):
            return None
        up, right, down, left = self._chances[place].tolist()
        return up, right, down, left


def open_recorded(folder: str | Path, *, seed: int | None = None, teacher: str | None = None) -> RecordedGame:
    """Open a game that was played before, on its board and within its limits; no model is needed or loaded.

    Args:
        folder: a results folder, as of `EvaluationResult.load`, or a run folder of games, as of `read_logs`.
        seed: which of its games; None for the one with the lowest seed.
        teacher: whose choice stands beside the moves; None for the evaluation's, or the one that played the run. BFS
            where that is none.

    Raises:
        UserError: the folder holds no such game or is damaged, there is no such teacher, or as of `RecordedGame`.
    """
    folder = Path(folder).expanduser()
    if runs := _runs(folder):
        game = _chosen(folder, _of_run(folder, runs), seed)
        played = game.record.player.removesuffix(NOISY)
        return RecordedGame(game, teacher=teacher or (played if find(played) else None))
    manifest, games = load_games(folder)
    game = _chosen(folder, games, seed)
    if teacher is None and (teacher := manifest.get("teacher")) not in (None, *names()):
        raise UserError(f"{folder} is of the teacher {teacher}, which is not registered here. Name one with --teacher.")
    chances = read_top_moves(folder, [game.record]).get(_seed(game))
    return RecordedGame(game, teacher=teacher, limits=limits_of(manifest), chances=chances)


def is_recording(player: str | Path) -> bool:
    """Whether who is to play is a folder of games that were played before, which `open_recorded` opens.

    The name of a teacher, of a built-in model, or `random` is who is called so, whatever folders there are: `./CELL` is
    the folder.
    """
    name = str(player)
    if name in ("random", *BUILT_IN) or find(name) is not None:
        return False
    folder = Path(player).expanduser()
    return tells_of_evaluation(folder / MANIFEST) or bool(_runs(folder))


def _runs(folder: Path) -> list[Path]:
    """The run folders that a folder stands for; none where it is an evaluation's."""
    return runs_in(folder) if folder.is_dir() and not tells_of_evaluation(folder / MANIFEST) else []


def _of_run(folder: Path, runs: Sequence[Path]) -> list[GameResult]:
    """The games of the one run that a folder stands for, by seed."""
    if len(runs) > 1:
        raise UserError(f"{folder} holds {len(runs)} runs. Name one of them, such as {runs[0]}.")
    reading = read_logs(runs)
    if reading.refused:
        raise UserError(f"{reading.refused[0].file}: {reading.refused[0].explanation}")
    return sorted((GameResult(record, answers=record.steps, invalid={}) for record in reading.games), key=_seed)


def _chosen(folder: Path, games: Sequence[GameResult], seed: int | None) -> GameResult:
    """The game with a seed, or the first."""
    first, last = games[0].record.seed, games[-1].record.seed
    chosen = first if seed is None else seed
    game = next((game for game in games if game.record.seed == chosen), None)
    if game is None:
        raise UserError(
            f"{folder} has no game with seed {seed}: its {len(games):,} games have seeds from {first} to {last}."
        )
    return game


def _seed(game: GameResult) -> int:
    if game.record.seed is None:
        raise UserError("The game has no seed, without which its apples can't be laid again.")
    return game.record.seed


def _answers(game: GameResult) -> Iterator[Answer]:
    """The player's answers, one for each move after the opening.

    Of those that can't be used a game keeps how many there were of each kind, not which was which.
    """
    record = game.record
    kinds = [kind for kind in game.invalid if kind != "reversal"]
    unusable, left = Answer(b"", " or ".join(kinds)), sum(game.invalid[kind] for kind in kinds)
    for place, move in enumerate(record.moves[game.opening :], game.opening):
        if move == Move.EMPTY or place in game.replaced:
            left -= 1
            yield unusable
        else:
            yield Answer(bytes([move]))
    if _gave_up(game):
        yield unusable if left > 0 else Answer(bytes([Move.NO_PATH_FOUND]))


def _gave_up(game: GameResult) -> bool:
    """Whether a last answer, which is no move of the record, gave up."""
    return game.record.ending == Ending.NO_PATH_FOUND


def _play(games: LockstepGames, moves: bytes, *, gives_up: bool) -> None:
    for move in [*moves, Move.NO_PATH_FOUND] if gives_up else moves:
        games.step([move])


def _check(game: GameResult, limits: Limits | None) -> None:
    """Refuse a game that today's rules don't play as it is recorded: by another rule for apples, or other limits."""
    record = game.record
    games = LockstepGames([_seed(game)], record.width, record.height, limits)
    _play(games, record.moves, gives_up=_gave_up(game))
    (played,) = games.records(record.player)
    if played != replace(record, number=played.number):
        raise UserError(
            f"The game with seed {record.seed} can't be shown again: by today's rules, with its seed and limits, its "
            f"moves lead to {played.ending.name} and a score of {played.score}, not to the {record.ending.name} and "
            f"{record.score} of its record."
        )
