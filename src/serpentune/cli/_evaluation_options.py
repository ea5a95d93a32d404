"""Floor 12, cli: the options of `evaluate` and `watch`: games, how a model is asked, a served model, the machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from serpentune.cli._arguments import option
from serpentune.common.errors import UserError

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationSettings

GAMES, ASKING, SERVED, MACHINE = "Games", "How a model is asked", "A served model", "Where it runs"

Games = Annotated[int, option("--games", metavar="N", help="Games to play.", section=GAMES)]
GridSize = Annotated[
    str | None,
    option(
        "--grid-size",
        metavar="N",
        help="Cells a side, or WIDTHxHEIGHT such as 10x8.",
        default="as taught, else 6",
        section=GAMES,
    ),
]
Seed = Annotated[
    int,
    option(
        "--seed",
        metavar="N",
        help="Seed of the first game; give all models that you will compare the same.",
        section=GAMES,
    ),
]
OnUnreadable = Annotated[
    str,
    option(
        "--on-unreadable",
        metavar="POLICY",
        help="end: an answer without a move is an empty move, and a few end the game; random; or 'fallback TEACHER'.",
        section=GAMES,
    ),
]
TopMoves = Annotated[
    int,
    option(
        "--top-moves",
        metavar="N",
        help="In the first N games keep what a model gives each of the four moves, for the replays of a report.",
        section=GAMES,
    ),
]
OpeningOf = Annotated[
    str | None,
    option("--opening", metavar="'TEACHER N'", help="Let a teacher play until the snake has N cells.", section=GAMES),
]
TeacherNames = Annotated[
    list[str] | None,
    option(
        "--teacher",
        metavar="NAME...",
        help="Whom the prompt says to play like, and whose moves to match. Of several each has a row and a folder, "
        "beside the teacher's own games.",
        default="as taught, else BFS",
        section=ASKING,
    ),
]
Style = Annotated[
    str | None,
    option(
        "--style",
        metavar="STYLE",
        help="plan: ask for the moves to the apple; move: for one, as mode move does by itself; explain, "
        "explain-short: for one, whose reasons are not read.",
        default="as taught, else plan",
        section=ASKING,
    ),
]
EncodingName = Annotated[
    str | None,
    option(
        "--encoding",
        metavar="NAME",
        help="How boards are written.",
        default="as taught, else grid",
        section=ASKING,
    ),
]
Mode = Annotated[
    str | None,
    option(
        "--mode",
        metavar="MODE",
        help="plan: it writes moves; move: the likeliest of the four, in one pass; free: the move is looked for in "
        "what it writes.",
        default="plan; free for an endpoint",
        section=ASKING,
    ),
]
ReplanEvery = Annotated[
    int | None,
    option(
        "--replan-every",
        metavar="N",
        help="Moves of an answer before it is asked again.",
        default="all",
        section=ASKING,
    ),
]
MaxNewTokens = Annotated[
    int | None,
    option(
        "--max-new-tokens",
        metavar="N",
        help="Where an answer is cut.",
        default="what its board may need",
        section=ASKING,
    ),
]
Chat = Annotated[
    bool,
    option(
        "--chat",
        help="Ask an untuned instruct model through its chat template; students know how to be asked.",
        section=ASKING,
    ),
]
EndpointUrl = Annotated[
    str | None,
    option(
        "--endpoint", metavar="URL", help="MODEL is what it serves; such as http://localhost:8000/v1.", section=SERVED
    ),
]
EndpointKey = Annotated[
    str | None,
    option("--endpoint-key-env", metavar="NAME", help="Environment variable with the API key.", section=SERVED),
]
EndpointSystem = Annotated[
    str | None,
    option("--endpoint-system", metavar="TEXT", help="A system message before every prompt.", section=SERVED),
]
EndpointParameters = Annotated[
    list[str] | None,
    option(
        "--endpoint-parameter", metavar="KEY=JSON...", help="More of a request; null leaves one out.", section=SERVED
    ),
]
EndpointTimeout = Annotated[float, option("--endpoint-timeout", metavar="S", help="Seconds for a try.", section=SERVED)]
EndpointRetries = Annotated[
    int, option("--endpoint-retries", metavar="N", help="Tries after one that failed.", section=SERVED)
]
EndpointRate = Annotated[
    float | None,
    option("--endpoint-rate-limit", metavar="N", help="Most requests a minute.", default="none", section=SERVED),
]
EndpointPrices = Annotated[
    str | None,
    option(
        "--endpoint-prices",
        metavar="IN,OUT",
        help="What a million prompt and completion tokens cost.",
        section=SERVED,
    ),
]
EndpointBudget = Annotated[
    float | None,
    option(
        "--endpoint-budget",
        metavar="X",
        help="Stop when this command has spent so much, on all of its models.",
        section=SERVED,
    ),
]
BatchSize = Annotated[
    int | None,
    option("--batch-size", metavar="N", help="Games side by side.", default="64; GPU 512; endpoint 8", section=MACHINE),
]
DecoderName = Annotated[
    str,
    option(
        "--decoder",
        metavar="NAME",
        help="slots: the next prompt as each answer ends; plain: transformers' generate; auto: slots where they answer "
        "alike.",
        section=MACHINE,
    ),
]
EngineName = Annotated[
    str,
    option(
        "--engine",
        metavar="ENGINE",
        help="local: here, under torchrun on every GPU; ray: a Ray cluster.",
        section=MACHINE,
    ),
]
Address = Annotated[
    str | None,
    option("--address", metavar="HOST:PORT", help="Of the Ray cluster.", default="RAY_ADDRESS", section=MACHINE),
]
Folder = Annotated[
    Path | None, option("--output", metavar="DIR", help="The results folder.", default="output/evaluations/NAME")
]


def as_typed(
    settings: EvaluationSettings, grid_size: str | None, teacher: str | None, style: str | None, encoding: str | None
) -> EvaluationSettings:
    """The settings with what the user wrote of board, teacher, style and encoding; mode `move` asks for single moves.

    Raises:
        UserError: `grid_size` is no board size.
    """
    from serpentune.game import parse_board

    if style is None and settings.mode != "plan":
        style = "move"
    typed: dict[str, Any] = {"teacher": teacher, "style": style, "encoding": encoding}
    if grid_size is not None:
        typed["width"], typed["height"] = parse_board(grid_size)
    return replace(settings, **{name: value for name, value in typed.items() if value is not None})


def served(
    url: str | None,
    *,
    api_key_env: str | None,
    system: str | None,
    parameters: Sequence[str] | None,
    timeout: float,
    retries: int,
    rate_limit: float | None,
    prices: str | None,
    budget: float | None,
) -> dict[str, Any] | None:
    """What the options of a served model say, as the arguments of `Endpoint` beside its model; None without a URL.

    Raises:
        UserError: a parameter isn't `KEY=JSON`, or the prices aren't `IN,OUT`.
    """
    if url is None:
        return None
    return {
        "url": url,
        "api_key_env": api_key_env,
        "system": system,
        "parameters": dict(map(_parameter, parameters or ())),
        "timeout": timeout,
        "retries": retries,
        "rate_limit": rate_limit,
        "prices": None if prices is None else _prices(prices),
        "budget": budget,
    }


def _parameter(text: str) -> tuple[str, Any]:
    """`KEY=JSON` as an entry of a request."""
    key, found, value = text.partition("=")
    try:
        if not (key and found):
            raise ValueError
        return key, json.loads(value)
    except ValueError as error:
        raise UserError(
            f"--endpoint-parameter {text}: write KEY=JSON, such as seed=1, stop='[\"\\n\"]' or max_tokens=null."
        ) from error


def _prices(text: str) -> tuple[float, float]:
    try:
        prompt, completion = map(float, text.split(","))
    except ValueError as error:
        raise UserError(
            f"--endpoint-prices {text}: write what a million prompt and a million completion tokens cost, such as "
            "0.15,0.60."
        ) from error
    return prompt, completion
