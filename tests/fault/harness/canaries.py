"""Bytes that would run code where anything loads them: each leaves a file behind, its canary."""

from __future__ import annotations

import base64
import builtins
import io
import marshal
import os
import pickle
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Bomb:
    """Pickles as a call."""

    def __init__(self, call: Callable[..., Any], *arguments: object) -> None:
        self._call = call, arguments

    def __reduce__(self) -> Any:
        return self._call


def payloads(folder: Path) -> list[bytes]:
    """Forty of them; canaries would lie in `folder`."""

    def canary() -> str:
        return str(folder / f"canary-{len(found)}")

    found: list[bytes] = []
    for protocol in range(6):
        for make in (
            lambda path: Bomb(os.system, f"touch {path}"),
            lambda path: Bomb(builtins.exec, f"open({path!r}, 'w')"),
            lambda path: Bomb(builtins.open, path, "w"),
            lambda path: Bomb(subprocess.call, ["touch", path]),
        ):
            found.append(pickle.dumps(make(canary()), protocol))
    plain = found[-4:]
    found += [zlib.compress(one) for one in plain]
    found += [base64.b64encode(one) for one in plain]
    found += [_zipped(name, one) for name, one in zip(("data.pkl", "archive/data.pkl"), plain, strict=False)]
    found.append(marshal.dumps(compile(f"open({canary()!r}, 'w')", "canary", "exec")))
    for tag in ("object/apply:os.system", "object/new:os.system", "object/apply:subprocess.call"):
        found.append(f"!!python/{tag} ['touch {canary()}']\n".encode())
    found.append(f'{{"py/reduce": [{{"py/function": "os.system"}}, ["touch {canary()}"]]}}'.encode())
    found.append(f"__import__('os').system('touch {canary()}')".encode())
    assert len(found) == 40
    return found


def _zipped(name: str, body: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, body)
    return file.getvalue()
