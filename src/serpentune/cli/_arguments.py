"""Floor 12, cli: how arguments are read: lists after one option, misspelt names, help in sections."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from serpentune.common.errors import UserError

OF_EVERY_COMMAND = "Options of every command"

_UNBROKEN = "\N{NO-BREAK SPACE}"
_COLUMN = 32
"""Characters of the widest option that still has its help beside it."""


class Command(TyperCommand):
    """A command whose list options take several values at once, `--algorithms BFS ASTAR`, and may also be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; raises `UserError` for an option that is unknown or lacks its value."""
        return super().parse_args(ctx, one_value_each(args, self.get_params(ctx), ctx.command_path))

    def get_help(self, ctx: Any) -> str:
        """The help page."""
        return super().get_help(ctx).replace(_UNBROKEN, " ")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What has to be typed, before what may be."""
        params = [param for param in self.get_params(ctx) if param.required]
        positional = [str(param.metavar) for param in params if param.param_type_name == "argument"]
        options = [f"{param.opts[0]} {param.metavar}" for param in params if param.param_type_name == "option"]
        return [*positional, *options, "[OPTIONS]"]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options section by section, those of every command last."""
        _write_sections(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, a line each, however long: they are there to be copied."""
        if self.epilog:
            with formatter.section("Examples"):
                for example in self.epilog.splitlines():
                    formatter.write(f"  {example}\n")


class Group(TyperGroup):
    """A group of commands; without one it shows its help on standard error."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments before the command's name."""
        if not args:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(2)
        known = _by_name(self.get_params(ctx))
        for token in args:
            if not token.startswith("-") or token == "--":
                break
            if token.startswith("--"):
                _lookup(known, token.partition("=")[0], ctx.command_path)
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The help page."""
        return super().get_help(ctx).replace(_UNBROKEN, " ")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands first, then the options."""
        self.format_commands(ctx, formatter)
        _write_sections(self, ctx, formatter)


def option(
    *names: str,
    help: str,  # noqa: A002 - as typer calls it
    metavar: str | None = None,
    default: str | None = None,
    section: str | None = None,
) -> Any:
    """An option for `Annotated`.

    Args:
        names: as users type them.
        help: its text on the help page.
        metavar: what its value is called there; with dots after it, the option takes several.
        default: how the default is shown where it isn't the parameter's own.
        section: where on the page it stands.
    """
    return typer.Option(
        *names, help=help, metavar=metavar, show_default=True if default is None else default, rich_help_panel=section
    )


def one_value_each(args: Sequence[str], params: Sequence[Any], command: str) -> list[str]:
    """Arguments in which each value of a list option has the option's name before it.

    A list option takes every value up to the next option or `--`.

    Args:
        args: as typed.
        params: the command's parameters.
        command: its full name, for messages.

    Raises:
        UserError: an option is unknown or lacks its value, or a list option took what a positional argument needs.
    """
    known = _by_name(params)
    tokens = list(args)
    result: list[str] = []
    positional = 0
    greedy = ""
    while tokens:
        token = tokens.pop(0)
        if token == "--":
            result += [token, *tokens]
            positional += len(tokens)
            break
        name, equals, _ = token.partition("=")
        if not _is_option(token):
            result.append(token)
            positional += 1
        elif name.startswith("--") or name in known:
            option = _lookup(known, name, command)
            result.append(token)
            if option.is_flag or option.count:
                continue
            if not equals:
                result.append(_value(tokens, name, option, known, command))
            if option.multiple:
                more = list(_leading_values(tokens))
                for value in more:
                    result += [name, value]
                greedy = f"{name} took {' '.join(more)}" if more else greedy
        else:
            result.append(token)  # short options joined together
    needed = [param for param in params if param.param_type_name == "argument" and param.required]
    if needed and not positional and greedy and not ({"-h", "--help"} & set(args)):
        name = needed[0].metavar.rstrip(".")
        raise UserError(
            f"{greedy} as its own, so nothing is left for {name}. Put {name} before the options, or after a lone --."
        )
    return result


def _by_name(params: Sequence[Any]) -> dict[str, Any]:
    return {
        name: param
        for param in params
        if param.param_type_name == "option"
        for name in (*param.opts, *param.secondary_opts)
    }


def _is_option(token: str) -> bool:
    return len(token) > 1 and token[0] == "-" and not token[1].isdigit() and token[1] != "."


def _lookup(known: dict[str, Any], name: str, command: str) -> Any:
    if name not in known:
        near = difflib.get_close_matches(name.lstrip("-"), [option.lstrip("-") for option in known], n=1)
        hint = f" Did you mean --{near[0]}?" if near else ""
        raise UserError(f"There is no option {name}.{hint}\nSee '{command} --help'.")
    return known[name]


def _value(tokens: list[str], name: str, option: Any, known: dict[str, Any], command: str) -> str:
    """The option's value, taken off the tokens; another option's name is none."""
    wanted = "at least one value" if option.multiple else "a value"
    if not tokens or tokens[0] == "--" or tokens[0].partition("=")[0] in known:
        found = f", but {tokens[0]} follows" if tokens else ""
        raise UserError(f"{name} needs {wanted}{found}.\nSee '{command} --help'.")
    return tokens.pop(0)


def _leading_values(tokens: list[str]) -> Iterator[str]:
    while tokens and not _is_option(tokens[0]):
        yield tokens.pop(0)


def _write_sections(command: Any, ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    last: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        name, text = param.get_help_record(ctx)
        if param.param_type_name == "argument":
            sections["Arguments"].append((str(param.metavar), str(param.help)))
        elif param.rich_help_panel == OF_EVERY_COMMAND or param.name == "help":
            last.append((name, _whole_brackets(text)))
        else:
            sections.setdefault(param.rich_help_panel or "Options", []).append((name, _whole_brackets(text)))
    sections[OF_EVERY_COMMAND if len(last) > 1 else "Options"] = last
    # The same width in all sections, so that the page reads as one table.
    width = max(len(name) for rows in sections.values() for name, _ in rows if len(name) <= _COLUMN)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows], col_max=_COLUMN + 2)


def _whole_brackets(text: str) -> str:
    """Help in which `[default: 3]` isn't broken over lines, without the brackets around a default in words."""
    text = re.sub(r"\[default: \((.*)\)\]", r"[default: \1]", text)
    return re.sub(r"\[[^]]*\]$", lambda match: match[0].replace(" ", _UNBROKEN), text).replace("  [", " [")
