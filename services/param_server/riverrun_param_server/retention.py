"""Which versions may go, and in which order: pure decisions (DECISIONS 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS


@dataclass(frozen=True, slots=True)
class Aged:
    """A version as retention sees it; `base` is what its delta starts from, 0 for none."""

    version: int
    line: int
    base: int
    created_ns: int


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Every version up to an age, then one a minute, then one an hour, then none."""

    keep_all_s: float = 600.0
    keep_minutely_s: float = 86_400.0
    keep_hourly_s: float = 30 * 86_400.0

    def droppable(self, versions: Sequence[Aged], held: Collection[int], now_ns: int) -> set[int]:
        """Those of `versions`, all that there are, that may go. The newest of each minute or hour stays.

        A line keeps its own; what is `held` stays whatever its age.
        """
        newest: dict[tuple[int, int, int], int] = {}
        old: list[Aged] = []
        for aged in versions:
            age_ns = now_ns - aged.created_ns
            if age_ns <= self.keep_all_s * 1e9:
                continue
            old.append(aged)
            step_ns = self._step_ns(age_ns)
            if step_ns:
                key = (aged.line, step_ns, aged.created_ns // step_ns)
                newest[key] = max(newest.get(key, 0), aged.version)
        kept = {*newest.values(), *held}
        return {aged.version for aged in old if aged.version not in kept}

    def tier(self, created_ns: int, next_ns: int | None, now_ns: int) -> str:
        """By which of these rules a version is kept: recent, minute or hour; empty for none.

        `next_ns` is when the line's next version was committed, None where there is none.
        """
        age_ns = now_ns - created_ns
        if age_ns <= self.keep_all_s * 1e9:
            return "recent"
        step_ns = self._step_ns(age_ns)
        if not step_ns:
            return ""
        if next_ns is not None and next_ns // step_ns == created_ns // step_ns:
            next_age_ns = now_ns - next_ns
            # A next version that is younger than this rule's age is not yet weighed against this one.
            if next_age_ns > self.keep_all_s * 1e9 and self._step_ns(next_age_ns) == step_ns:
                return ""
        return "minute" if step_ns == MINUTE_NS else "hour"

    def _step_ns(self, age_ns: int) -> int:
        if age_ns <= self.keep_minutely_s * 1e9:
            return MINUTE_NS
        return HOUR_NS if age_ns <= self.keep_hourly_s * 1e9 else 0


@dataclass(frozen=True, slots=True)
class Run:
    """Versions to drop in one step, oldest first, each the base of the next.

    `onto` is the version whose delta started from the last of them and takes in theirs; 0: nothing does.
    """

    dropped: tuple[int, ...]
    onto: int


def runs(
    versions: Sequence[Aged], droppable: Collection[int], max_length: int, *, complete: bool
) -> Iterator[Run]:
    """Steps of at most `max_length` versions that drop `droppable`, to be taken in order.

    A version from which several others start stays: each of them would have to take in its delta. So does
    one from which none starts, unless `versions` are `complete`: the other may not be among them.
    """
    children: dict[int, list[int]] = defaultdict(list)
    for aged in versions:
        children[aged.base].append(aged.version)
    may_go = {v for v in droppable if len(children[v]) == 1 or (complete and not children[v])}
    done: set[int] = set()
    for version in sorted(may_go):
        if version in done:
            continue
        run = [version]
        while True:
            after = children[run[-1]]
            if not after or after[0] not in may_go or len(run) == max_length:
                break
            run.append(after[0])
        done.update(run)
        yield Run(tuple(run), after[0] if after else 0)
