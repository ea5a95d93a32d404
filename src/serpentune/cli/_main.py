"""Floor 12, cli: the entry point, where every error becomes a message and an exit code."""

from __future__ import annotations

import errno
import io
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Sequence

import typer

from serpentune.cli._app import app
from serpentune.common.errors import UserError
from serpentune.common.visible import visible

OK, FAULT, BAD_INPUT = 0, 1, 2

_NOT_OURS = {
    errno.ENOSPC: "No room left on the disk. Free space and run again.",
    errno.EDQUOT: "Your disk quota is used up. Free space and run again.",
    errno.EROFS: "The disk is read-only. Choose another folder.",
    errno.EACCES: "You may not read or write that. Choose another path, or mend its permissions.",
}
"""Failures of the machine that libraries below report in words of their own."""

_SAID = {
    "Input should be a valid integer, unable to parse string as an integer": "a whole number is needed.",
    "Input should be a valid number, unable to parse string as a number": "a number is needed.",
    "Value error, ": "",
}
"""What the parser says of a value, for someone who types commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; nothing is raised.

    0: done. 2: bad input, which the message on standard error says how to mend. 1: a fault of serpentune's, with a
    traceback under `--debug`. 130 after Ctrl-C, and 128 plus its number after another signal.

    Args:
        arguments: what follows the command's name; those of this process without.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name can be no text at all
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json, debug = (_is_given(flag, given) for flag in ("--json", "--debug"))
    command = typer.main.get_command(app)
    try:
        with command.make_context("serpentune", list(given)) as context:
            command.invoke(context)
        sys.stdout.flush()
        return OK
    except typer.Exit as end:
        return end.exit_code
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, BrokenPipeError) and _reader_has_gone():
            return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else FAULT
        message, code = _explain(error)
        if debug:
            traceback.print_exc()
        print(visible(message if code > BAD_INPUT else f"Error: {message}"), file=sys.stderr)
        if as_json:
            print(json.dumps({"error": message, "exit_code": code}))
        return code


def _explain(error: BaseException) -> tuple[str, int]:
    """The message for the person who typed the command, and the exit code."""
    if isinstance(error, KeyboardInterrupt):
        received = getattr(error, "signal", signal.SIGINT)
        return str(error) or "Interrupted.", 128 + received
    if isinstance(error, UserError):
        return str(error), BAD_INPUT
    if isinstance(error, typer.TyperException):
        return f"{_in_words(error.format_message())}{_where_help_is(error)}", error.exit_code
    if isinstance(error, OSError) and error.errno in _NOT_OURS:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{_NOT_OURS[error.errno]}", BAD_INPUT
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (
        f"serpentune failed ({what}). That is a fault of serpentune: run again with --debug for the traceback.",
        FAULT,
    )


def _reader_has_gone() -> bool:
    """Whether nobody reads standard output any more (`| head`), and it isn't some other pipe that has broken."""
    try:
        output = sys.stdout.fileno()
    except io.UnsupportedOperation:  # a stream of the caller's own, in memory
        return False
    if hasattr(select, "poll"):
        watch = select.poll()
        watch.register(output, 0)
        if not watch.poll(0):
            return False
    # Python would complain once more while it closes the stream.
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True


def _in_words(message: str) -> str:
    for found, said in _SAID.items():
        message = message.replace(found, said)
    return message


def _where_help_is(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"\nSee '{context.command_path} --help'." if context is not None else ""


def _is_given(flag: str, arguments: Sequence[str]) -> bool:
    """Whether a flag was typed; needed also where the arguments can't be parsed."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flag in options
