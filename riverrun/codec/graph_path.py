"""The path from a root object to one that is refused, for error messages only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from types import MethodType
from typing import Any

from riverrun.codec.class_layout import layout_of

SEARCH_LIMIT = 1_000_000


def path_to(root: object, target: object, name: str = "model") -> str | None:
    """The shortest path of attributes and keys from `root` to `target`, such as ``model.steps['x'].func``.

    `target` is found by identity; None where it is hidden beneath Python.
    """
    seen = {id(root)}
    parents: dict[int, tuple[int, str]] = {}
    alive: list[object] = [root]
    queue: deque[object] = deque([root])
    while queue and len(alive) < SEARCH_LIMIT:
        holder = queue.popleft()
        if holder is target:
            return name + _steps(id(target), parents)
        for step, child in _children(holder):
            if id(child) in seen:
                continue
            seen.add(id(child))
            parents[id(child)] = (id(holder), step)
            alive.append(child)
            queue.append(child)
    return None


def _steps(found: int, parents: Mapping[int, tuple[int, str]]) -> str:
    steps: list[str] = []
    while found in parents:
        found, step = parents[found]
        steps.append(step)
    return "".join(reversed(steps))


def _children(holder: Any) -> Iterator[tuple[str, object]]:
    if isinstance(holder, dict):
        for key, value in list(holder.items()):
            yield f"[{key!r:.80}]", value
            yield f"<key {key!r:.80}>", key
    elif isinstance(holder, list | tuple | deque):
        for index, value in enumerate(list(holder)):
            yield f"[{index}]", value
    elif isinstance(holder, set | frozenset):
        for value in list(holder):
            yield "{…}", value
    elif isinstance(holder, MethodType):
        yield ".__self__", holder.__self__
    if callable(holder) and hasattr(holder, "func") and hasattr(holder, "args"):
        yield ".func", holder.func
        yield ".args", holder.args
    factory = getattr(holder, "default_factory", None) if isinstance(holder, dict) else None
    if factory is not None:
        yield ".default_factory", factory
    layout = None if isinstance(holder, type) else layout_of(type(holder))
    if layout is not None:
        for attribute, value in layout.attributes(holder).items():
            yield f".{attribute}", value
