"""What `kubectl riverrun` takes; that it reaches pods is shown in tests/integration/cli and tests/e2e."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from riverrun.cli.kubectl.main import app, options_first
from riverrun.cli.main import app as plain_app


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("status --watch -n ns", "--namespace ns status --watch"),
        ("-n ns --context c status", "--namespace ns --context c status"),
        ("rollback m --to 3 --kubeconfig=/k --release rr", "--kubeconfig /k --release rr rollback m --to 3"),
        ("status", "status"),
        ("policy set m publish.every=1s -n ns", "--namespace ns policy set m publish.every=1s"),
    ],
)
def test_options_of_kubectl_may_stand_anywhere(given: str, expected: str) -> None:
    assert options_first(given.split()) == expected.split()


def verbs(app: typer.Typer) -> dict[str, list[str]]:
    group: Any = typer.main.get_command(app)
    return {name: sorted(p.name for p in command.params) for name, command in group.commands.items()}


def test_verbs_are_those_of_the_command_line_with_the_same_options() -> None:
    ours, plain = verbs(app), verbs(plain_app)

    assert set(plain) - set(ours) == {"up", "import", "spec", "store", "keys", "certs"}
    assert set(ours) - set(plain) == {"backup"}
    assert all(ours[name] == plain[name] for name in set(ours) & set(plain))
