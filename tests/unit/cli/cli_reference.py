"""docs/reference/cli.md: every verb as its help says it."""

from __future__ import annotations

import textwrap
from typing import Any

import typer.main

from riverrun.cli.main import app

INTRODUCTION = """# The `riverrun` command

Written from the help texts; `riverrun VERB --help` says the same. Verbs answer with a table for people, or
with `--output json` as one line of JSON whose shape is given here and stays. Exit status: 0 it is done,
1 it is not (one line on stderr says why), 2 the command was misspelt.

The parameter server is found by `--server`, else `RIVERRUN_SERVER`, else the run folder of `riverrun up` in
`--data`; a serving process by `--serving`, else `RIVERRUN_SERVING`, else the run folder.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_sections(typer.main.get_command(app), "riverrun")])


def _sections(command: Any, path: str) -> list[str]:
    found = []
    for name, verb in command.commands.items():
        if hasattr(verb, "commands"):
            found += _sections(verb, f"{path} {name}")
        else:
            found.append(_section(verb, f"{path} {name}"))
    return found


def _section(verb: Any, path: str) -> str:
    arguments = [parameter for parameter in verb.params if parameter.param_type_name == "argument"]
    options = [p for p in verb.params if p.param_type_name == "option" and "--help" not in p.opts]
    usage = " ".join([path, *("[OPTIONS]" if options else "").split(), *map(_shown, arguments)])
    lines = [f"## {path}", "", f"    {usage}", "", textwrap.dedent(verb.help or "").strip(), ""]
    if verb.params:
        lines += ["| | |", "| --- | --- |"]
        lines += [f"| `{_shown(argument)}` | {_words(argument)} |" for argument in arguments]
        lines += [f"| `{_names(option)}` | {_words(option)} |" for option in options]
    return "\n".join([*lines, ""])


def _shown(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _names(option: Any) -> str:
    names = sorted([*option.opts, *option.secondary_opts], key=len)
    return ", ".join(names) if option.secondary_opts or option.is_flag else f"{', '.join(names)} VALUE"


def _words(parameter: Any) -> str:
    words = [(parameter.help or "").replace("|", "\\|")]
    default = parameter.default
    if default is not None and not callable(default) and getattr(parameter, "show_default", True):
        value = getattr(default, "value", default)
        if value not in ("", False, (), []):
            words.append(f"Default: `{value}`.")
    if parameter.required and parameter.param_type_name == "option":
        words.append("Required.")
    return " ".join(words)
