"""What the pages show: links lead somewhere, specs are accepted, and commands and their options exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from riverrun.cli.main import app
from riverrun.core.spec import parse_spec

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("deploy", "docs", "examples", "services")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`[^`\n]*`")
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (riverrun .*?)(?:\s+#.*)?$", re.MULTILINE)

commands = typer.main.get_command(app)


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def shown_commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for line in COMMAND.findall(page.read_text()):
            yield named(page), line


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    prose = CODE.sub("", page.read_text())
    targets = [target for target in LINK.findall(prose) if "://" not in target]

    missing = [target for target in targets if not (page.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_whole_specs_are_accepted(page: Path) -> None:
    for text in YAML.findall(page.read_text()):
        if text.startswith("name:"):
            parse_spec(text)


@pytest.mark.parametrize(("page", "line"), list(shown_commands()))
def test_commands_take_the_options_shown(page: str, line: str) -> None:
    words = shlex.split(line.replace("\\", ""))[1:]
    command: Any = commands
    while hasattr(command, "commands"):
        assert words[0] in command.commands, page
        command, words = command.commands[words[0]], words[1:]
    options = {name for parameter in command.params for name in parameter.opts + parameter.secondary_opts}

    used = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}

    assert used <= options, page
