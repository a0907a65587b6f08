"""Which numbers can be reached from one, kept up to date at the cost of what changes.

Counting references would not do: parts of a model refer back to what holds them. So every number that is
reached remembers through which other one it is; these links make a tree with the root at its top. A lost
reference matters only where it was such a link. Then another one is looked for that leads up to the root
by links that still hold; only where there is none is the part below looked at, and what of it no reference
from outside reaches is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

NOWHERE = -1
"""Through which number the root is reached."""

Targets = Collection[int]


class Reach:
    """The numbers that can be reached from `root`; `targets` tells what a number refers to now."""

    __slots__ = ("_from", "_root", "_targets", "_via")

    def __init__(self, root: int, targets: Callable[[int], Targets]) -> None:
        self._root = root
        self._targets = targets
        self._via: dict[int, int] = {}
        self._from: dict[int, set[int]] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._via

    def numbers(self) -> Collection[int]:
        """All numbers that are reached."""
        return self._via.keys()

    def update(self, before: Mapping[int, Targets]) -> tuple[set[int], set[int]]:
        """The numbers that came into reach and those that fell out of it.

        `before` has what each number referred to at the last update, for all whose references changed.
        """
        orphans: set[int] = set()
        gained: set[int] = set()
        added: list[tuple[int, int]] = []
        if not self._via:
            self._attach(self._root, NOWHERE, gained)
        else:
            for source, old in before.items():
                if source in self._via:
                    self._relink(source, set(old), set(self._targets(source)), added, orphans)
            for source, target in added:
                if target not in self._via:
                    self._attach(target, source, gained)
        lost = self._settle(orphans) if orphans else set()
        return gained - lost, lost - gained

    def _relink(
        self, source: int, old: set[int], new: set[int], added: list[tuple[int, int]], orphans: set[int]
    ) -> None:
        for target in old - new:
            self._from[target].discard(source)
            if self._via.get(target) == source:
                orphans.add(target)
        for target in new - old:
            self._from.setdefault(target, set()).add(source)
            added.append((source, target))

    def _attach(self, number: int, via: int, gained: set[int]) -> None:
        links, sources = self._via, self._from
        links[number] = via
        stack = [number]
        while stack:
            source = stack.pop()
            gained.add(source)
            for target in self._targets(source):
                known = sources.get(target)
                if known is None:
                    sources[target] = {source}
                else:
                    known.add(source)
                if target not in links:
                    links[target] = source
                    stack.append(target)

    def _settle(self, orphans: set[int]) -> set[int]:
        """Find new links for `orphans`; what none is found for is lost, and returned."""
        firm: set[int] = set()
        progress = True
        while orphans and progress:
            progress = False
            for orphan in list(orphans):
                for source in self._from[orphan]:
                    if self._is_firm(source, orphans, firm):
                        self._via[orphan] = source
                        orphans.discard(orphan)
                        progress = True
                        break
        return self._let_go(orphans) if orphans else set()

    def _is_firm(self, number: int, orphans: set[int], firm: set[int]) -> bool:
        """Whether the links from `number` up to the root pass no orphan."""
        passed: list[int] = []
        while number != NOWHERE and number not in firm:
            if number in orphans or number not in self._via:
                return False
            passed.append(number)
            number = self._via[number]
        firm.update(passed)
        return True

    def _let_go(self, orphans: Iterable[int]) -> set[int]:
        links, sources = self._via, self._from
        lost: set[int] = set()
        stack = list(orphans)
        while stack:
            number = stack.pop()
            if number in lost:
                continue
            lost.add(number)
            stack += [target for target in self._targets(number) if links.get(target) == number]
        for number in lost:
            del links[number]
        regained: set[int] = set()
        for number in lost:
            if number not in links:
                via = next((source for source in sources[number] if source in links), None)
                if via is not None:
                    self._attach(number, via, regained)
        lost -= regained
        for number in lost:
            for target in self._targets(number):
                sources[target].discard(number)
        for number in lost:
            if not sources[number]:
                del sources[number]
        return lost
