"""Floor 12, cli: which options of `evaluate` go together; one that would have no effect is refused."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from serpentune.common.errors import UserError

ARENA = "generalise"
"""The suite that plays in every row of the arena."""

ON_DATASET = ("language", "states", "full")
"""The suites that measure on a data set."""

_ENDPOINT = "--endpoint"

_OF_TEXT = (
    "--chat", "--decoder", "--encoding", "--max-new-tokens", "--mode", "--replan-every", "--style", "--top-moves",
    "--trust-remote-code", "--batch-size",
)  # fmt: skip
"""What is about models that read a prompt and write an answer, and about how many of them are asked at once."""


def check_options(
    typed: Collection[str],
    models: Sequence[str],
    *,
    suite: str | None,
    engine: str,
    is_sweep: bool,
    teachers: Sequence[str],
) -> None:
    """Refuse the first option that was typed and would have no effect.

    Args:
        typed: the options that the user wrote.
        models: the players, or results folders.
        suite: the suite's name, where one is given.
        engine: what spreads the games.
        is_sweep: whether the one model is a sweep's folder.
        teachers: whom the prompts name.

    Raises:
        UserError: there is one; says what to do.
    """
    from serpentune.evaluation import plays_without_text

    served = [option for option in typed if option.startswith(_ENDPOINT)]
    of_endpoint = [option for option in served if option != _ENDPOINT]
    textless = _ENDPOINT not in typed and all(map(plays_without_text, models))
    no_records = suite in ("play", "speed", ARENA)
    rules: tuple[tuple[bool, Collection[str], str], ...] = (
        ("--recompute" in typed, {*typed} - {"--recompute"}, "--recompute takes everything from the results folders."),
        (
            is_sweep,
            ["--name", "--chat", "--trust-remote-code", *served],
            f"{models[0]} holds a sweep, which says itself what its students are called and how they are opened.",
        ),
        (
            is_sweep and suite == ARENA,
            ["--suite"],
            f"The suite {ARENA} is for students by their own folders, not for a sweep.",
        ),
        (
            len(teachers) > 1 and (is_sweep or suite in (ARENA, "speed")),
            ["--teacher"],
            "Several teachers are for students by their own folders, and not for the suites generalise and speed. "
            "Name one, or none.",
        ),
        (len(models) > 1, ["--name"], "Several models have their own names."),
        (_ENDPOINT not in typed, of_endpoint, "That is about a served model, and none is named by --endpoint."),
        (
            _ENDPOINT in typed,
            ["--chat", "--trust-remote-code", "--decoder"],
            "A served model is opened and asked by its server.",
        ),
        (_ENDPOINT in typed, ["--top-moves"], "A served model doesn't say what it gives each of the four moves."),
        (
            _ENDPOINT in typed and suite == "language",
            ["--suite"],
            "Language is measured of models that are opened here, not of served ones.",
        ),
        (textless, _OF_TEXT, "Teachers and random read no prompt, and no other player is named."),
        (engine != "ray", ["--address"], "Only the cluster of --engine ray has an address."),
        (
            suite in ("language", "states", "speed"),
            ["--engine", "--address", "--top-moves"],
            f"The suite {suite} plays no games.",
        ),
        (no_records, ["--dataset", "--language-records"], f"The suite {suite} measures nothing on a data set."),
        ("--dataset" not in typed, ["--language-records"], "Records are measured with --dataset only."),
    )
    for applies, options, why in rules:
        if applies and (wrong := sorted({*options} & {*typed})):
            raise UserError(f"{why} Leave out {wrong[0]}.")
    if suite in ON_DATASET and "--dataset" not in typed:
        raise UserError(f"The suite {suite} measures on a data set: name one with --dataset.")
