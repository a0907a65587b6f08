"""Which Kubernetes service accounts have which role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from riverrun.core.access import ROLES, Role

SUBJECT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class AccountRoles:
    """Roles by a service account's full name, and by namespace for all accounts in it."""

    accounts: Mapping[str, Role]
    namespaces: Mapping[str, Role]

    def role_of(self, subject: str) -> Role | None:
        """The role of ``system:serviceaccount:NAMESPACE:NAME``; its own line goes before its namespace's."""
        own = self.accounts.get(subject)
        return own if own is not None else self.namespaces.get(subject.rpartition(":")[0])


def read_accounts(path: Path) -> AccountRoles:
    """The roles in a file. Raises OSError, and ValueError naming the line."""
    accounts: dict[str, Role] = {}
    namespaces: dict[str, Role] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        subject, role = words if len(words) == 2 else ("", "")
        namespace, _, name = subject.removeprefix(SUBJECT).partition(":")
        if not subject.startswith(SUBJECT) or not namespace or not name or role not in ROLES:
            expected = f"{SUBJECT}NAMESPACE:NAME ROLE, ROLE one of {', '.join(ROLES)}"
            raise ValueError(f"{path}, line {number}: expected {expected}")
        if name == "*":
            namespaces[f"{SUBJECT}{namespace}"] = Role(role)
        else:
            accounts[subject] = Role(role)
    return AccountRoles(accounts, namespaces)
