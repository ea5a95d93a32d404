"""Floor 12, cli: `serpentune watch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serpentune.cli import _evaluation_options as asked
from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import Output
from serpentune.common.errors import UserError

_OF_RECORDED = frozenset({"--seed", "--teacher", "--fps", "--save", "--every", "--overwrite"})
"""Options that don't change how a game goes, so that a recorded one takes them too."""


def watch(
    out: Output,
    player: Annotated[
        str | None,
        typer.Argument(
            metavar="[PLAYER]",
            help="Who plays: a teacher, random, or a model: a student's folder, a built-in name (nano-6x6, nano-10x10, "
            "nano), a GGUF file, a hub id; or the folder of an evaluation or a teacher's run, a game of which is shown "
            "again.",
        ),
    ] = None,
    grid_size: Annotated[
        str | None,
        option(
            "--grid-size",
            metavar="N",
            help="Cells a side, or WIDTHxHEIGHT such as 10x8.",
            default="as taught, else 10",
            section=asked.GAMES,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        option(
            "--seed",
            metavar="N",
            help="Seed of the game: where the apples lie.",
            default="0, or an evaluation's first",
            section=asked.GAMES,
        ),
    ] = None,
    on_unreadable: asked.OnUnreadable = "end",
    opening: asked.OpeningOf = None,
    teacher: Annotated[
        str | None,
        option(
            "--teacher",
            metavar="NAME",
            help="Whose choice stands beside the player's, and whom a model is asked to play like.",
            default="itself, as taught, or BFS",
            section=asked.ASKING,
        ),
    ] = None,
    style: Annotated[
        str | None,
        option(
            "--style",
            metavar="STYLE",
            help="plan: ask for the moves to the apple; move: for one, as mode move does by itself; explain: for one "
            "with its reasons; explain-short: without what only counting can tell.",
            default="as taught, else plan",
            section=asked.ASKING,
        ),
    ] = None,
    encoding: asked.EncodingName = None,
    mode: asked.Mode = None,
    replan_every: asked.ReplanEvery = None,
    max_new_tokens: asked.MaxNewTokens = None,
    chat: asked.Chat = False,
    trust_remote_code: options.TrustRemoteCode = None,
    endpoint: asked.EndpointUrl = None,
    endpoint_key_env: asked.EndpointKey = None,
    endpoint_system: asked.EndpointSystem = None,
    endpoint_parameter: asked.EndpointParameters = None,
    endpoint_timeout: asked.EndpointTimeout = 120.0,
    endpoint_retries: asked.EndpointRetries = 6,
    endpoint_rate_limit: asked.EndpointRate = None,
    endpoint_prices: asked.EndpointPrices = None,
    endpoint_budget: asked.EndpointBudget = None,
    fps: Annotated[float, option("--fps", metavar="N", help="Moves a second; 50 at most in a GIF.")] = 10.0,
    save: Annotated[
        Path | None,
        option(
            "--save",
            metavar="FILE",
            help="Write the game as a page (.html) or a GIF (.gif), or its last board (.png).",
            default="no file",
        ),
    ] = None,
    every: Annotated[int, option("--every", metavar="N", help="Steps from one picture of a GIF to the next.")] = 1,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Watch a teacher or a model play one game, or take over.

    In a terminal the game is shown move by move. Space pauses, `.` plays one move, an arrow key plays another one and
    takes over, `m` hands back, `q` quits. Elsewhere, and with --quiet, the last board is printed.

    A student plays the board that it was taught and is asked as it was, unless you say otherwise. Without PLAYER one
    that comes along plays: nano-10x10 with --grid-size 10, else nano-6x6. A game of an evaluation, or of a run of
    `generate`, needs no player: its recorded moves are shown again, and nobody can take over.
    """
    from serpentune.common.files import ensure_no_file
    from serpentune.datasets.recipe import board_name
    from serpentune.evaluation import Endpoint, EvaluationSettings, endpoint_contestant
    from serpentune.evaluation.watch import WatchedGame, check_fps, is_recording, open_game, open_recorded, show_game
    from serpentune.game import ansi
    from serpentune.models import STUDENT_OF_BOARD
    from serpentune.report import check_game_file, save_game

    check_fps(fps)
    if save is not None:
        ensure_no_file(save, overwrite=overwrite)
        check_game_file(save, fps=fps, every=every)
    console = out.terminal()
    if player is None and endpoint is not None:
        raise UserError(f"Name the model that is served at {endpoint}, as PLAYER.")
    if player is None:
        board = "6x6" if grid_size is None else board_name(grid_size)
        player = STUDENT_OF_BOARD.get(board, STUDENT_OF_BOARD["6x6"])
    game: WatchedGame
    if is_recording(player):
        if changing := sorted(out.typed - _OF_RECORDED):
            raise UserError(f"The games of {player} are played already. Leave out {', '.join(changing)}.")
        game = open_recorded(player, seed=seed, teacher=teacher)
    else:
        mode = mode or ("plan" if endpoint is None else "free")
        served = asked.served(
            endpoint,
            api_key_env=endpoint_key_env,
            system=endpoint_system,
            parameters=endpoint_parameter,
            timeout=endpoint_timeout,
            retries=endpoint_retries,
            rate_limit=endpoint_rate_limit,
            prices=endpoint_prices,
            budget=endpoint_budget,
        )
        settings = EvaluationSettings(
            width=10,
            height=10,
            seed=seed or 0,
            mode=mode,
            policy=on_unreadable,
            replan_every=replan_every,
            opening=opening,
            max_new_tokens=max_new_tokens,
        )
        students = [player] if served is None else []
        settings = asked.as_typed(settings.as_taught(*students), grid_size, teacher, style, encoding)
        game = open_game(
            player if served is None else endpoint_contestant(Endpoint(model=player, **served)),
            settings,
            teacher=teacher,
            details=console is not None or (save is not None and save.suffix.lower() == ".html"),
            chat=chat,
            trust_remote_code=bool(trust_remote_code),
        )
    try:
        if console is None:
            game.play_to_the_end()
        else:
            show_game(game, console, fps=fps)
    finally:
        if save is not None and game.moments:
            save_game(game, save, fps=fps, every=every)
    record = game.record
    if out.json:
        out.document(
            {
                "player": record.player,
                "teacher": game.teacher.name,
                "grid": [record.width, record.height],
                "seed": game.seed,
                "score": record.score,
                "steps": record.steps,
                "ending": record.ending.name,
                "agreed": sum(not moment.differs for moment in game.moments),
                "file": save if game.moments else None,
            }
        )
        return
    if console is None:
        kept = ", recorded" if game.recorded else ""
        out.line(ansi(game.state))
        out.line(
            f"{record.player}, seed {game.seed}{kept}: {record.score} of {record.width * record.height - 1} apples in "
            f"{record.steps} steps. The game ends with {record.ending.name}."
        )
    if save is not None:
        nothing = f"Nothing is saved in {save}: the game ended before the player's first move."
        out.line(str(save) if game.moments else nothing)
