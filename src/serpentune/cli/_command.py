"""Floor 12, cli: what every command shares: its output, how much it says, and where its log goes."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import typer

from serpentune.cli._arguments import OF_EVERY_COMMAND, Command
from serpentune.cli._output import Output, seconds
from serpentune.common.processes import is_first_process

_WORTH_A_WORD = 2.0
"""Seconds of compiling that a user will have noticed."""

LogLevel = Literal["debug", "info", "warning", "error"]

_SHARED: dict[str, Any] = {
    "json": Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the result as one JSON document.",
            rich_help_panel=OF_EVERY_COMMAND,
        ),
    ],
    "quiet": Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Show the result only: no bars, no warnings.", rich_help_panel=OF_EVERY_COMMAND
        ),
    ],
    "verbose": Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Say what is being done (--log-level info).", rich_help_panel=OF_EVERY_COMMAND
        ),
    ],
    "log_level": Annotated[
        LogLevel | None,
        typer.Option(
            "--log-level",
            metavar="LEVEL",
            help="What to log: debug, info, warning or error.",
            show_default="warning",
            rich_help_panel=OF_EVERY_COMMAND,
        ),
    ],
    "debug": Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=OF_EVERY_COMMAND),
    ],
}
"""Annotations by name. `--debug` is read by `_main`, which meets errors that no command lives to see."""


def add_command(app: typer.Typer, name: str, function: Callable[..., None], examples: str = "") -> None:
    """Make `function` the command `name` of `app`, with the options that every command takes.

    Args:
        app: the app or group.
        name: what users type.
        function: its first argument is the `Output`, the others are the command's; its docstring is the help text.
        examples: command lines for the end of the help page.
    """
    app.command(name, cls=Command, epilog=examples)(_with_shared_options(function))


def shared_options(function: Callable[..., None]) -> Callable[..., None]:
    """A group's callback that takes the shared options too, before the command's name, and keeps them for it."""

    def callback(ctx: typer.Context, **values: Any) -> None:
        ctx.obj = {name: values.pop(name) for name in _SHARED}
        function(**values)

    return _signed(callback, function, list(inspect.signature(function, eval_str=True).parameters.values()))


def _with_shared_options(function: Callable[..., None]) -> Callable[..., None]:
    def command(ctx: typer.Context, **values: Any) -> None:
        before = ctx.find_root().obj or {}
        shared = {name: values.pop(name) or before.get(name) for name in _SHARED}
        as_json = bool(shared["json"])
        quiet = bool(shared["quiet"])
        typed = _typed(ctx)
        out = Output(as_json, as_json or quiet, typed=typed)
        if not is_first_process():  # of those of torchrun, which all know the same
            quiet, out = True, Output(as_json, True, io.StringIO(), typed)
        level = shared["log_level"] or ("error" if quiet else "info" if shared["verbose"] else "warning")
        # What libraries print would stand in the middle of the document.
        stdout = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
        with _logging(level.upper()), stdout:
            function(out, **values)
        _tell_of_compiling(out)

    return _signed(command, function, list(inspect.signature(function, eval_str=True).parameters.values())[1:])


def _typed(ctx: typer.Context) -> frozenset[str]:
    """The command's own options that the user wrote."""
    sources = {param: ctx.get_parameter_source(param.name) for param in ctx.command.params if param.name}
    return frozenset(
        param.opts[0]
        for param, source in sources.items()
        if source is not None
        and source.name == "COMMANDLINE"
        and param.param_type_name == "option"
        and param.name not in _SHARED
    )


def _tell_of_compiling(out: Output) -> None:
    """Say once what the first start on a machine took longer for, where a user will have noticed."""
    if "serpentune.game" not in sys.modules:  # then nothing was compiled, and asking would import it
        return
    from serpentune.game import compilation

    kernels, taken = compilation()
    if taken >= _WORTH_A_WORD:
        out.note(f"Compiled {kernels} kernels for this machine in {seconds(taken)}; from now on they are only loaded.")


def _signed(
    wrapper: Callable[..., None], function: Callable[..., None], own: list[inspect.Parameter]
) -> Callable[..., None]:
    """The wrapper with the name, the help and the parameters from which typer makes the command."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("ctx", keyword, annotation=typer.Context)]
    parameters += [parameter.replace(kind=keyword) for parameter in own]
    for name, annotation in _SHARED.items():
        default = None if name == "log_level" else False
        parameters.append(inspect.Parameter(name, keyword, default=default, annotation=annotation))
    wrapper.__name__, wrapper.__doc__ = function.__name__, function.__doc__
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return wrapper


@contextlib.contextmanager
def _logging(level: str) -> Iterator[None]:
    """Write our log to standard error while the block runs."""
    from rich.console import Console
    from rich.logging import RichHandler

    handler: logging.Handler
    if sys.stderr.isatty():
        handler = RichHandler(
            console=Console(stderr=True), show_time=False, show_path=False, markup=False, rich_tracebacks=False
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:  # as it is, however long: paths must stay whole
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)-8s %(message)s"))
    logger = logging.getLogger("serpentune")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
