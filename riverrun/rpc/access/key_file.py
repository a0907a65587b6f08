"""Keys for callers outside the cluster: made here, shown once, kept as hashes.

A key is 32 random bytes, so its plain sha256 is as hard to undo as any slow hash would be (ADR 14).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from riverrun.core.access import ROLES, Identity, Role
from riverrun.core.errors import InvalidInput

PREFIX = "rrk_"
"""Begins every key: tells keys from other tokens, and lets scanners for leaked secrets find them."""

_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def new_key(name: str, role: Role) -> tuple[str, str]:
    """A key and its line for a file of keys. Raises `InvalidInput` for a name that no line can hold."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("name", "expected up to 64 letters, digits and . _ @ -, first a letter or digit")
    key = PREFIX + secrets.token_urlsafe(32)
    return key, f"{name} {role} sha256:{digest_of(key)}"


def digest_of(token: str) -> str:
    """What a file of keys holds of a key."""
    return sha256(token.encode()).hexdigest()


def read_keys(path: Path) -> Mapping[str, Identity]:
    """Digest -> whose key it is. Raises OSError, and ValueError naming the line, never showing it."""
    found: dict[str, Identity] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        name, role, hashed = words if len(words) == 3 else ("", "", "")
        match = _HASH.fullmatch(hashed)
        if match is None or role not in ROLES or not _NAME.fullmatch(name):
            raise ValueError(
                f"{path}, line {number}: expected NAME ROLE sha256:HASH, ROLE one of {', '.join(ROLES)}"
            )
        found[match.group(1)] = Identity(f"key {name}", Role(role))
    return found
