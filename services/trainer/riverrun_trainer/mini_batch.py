"""The examples that are learned at once, from the moment each is let in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.joining import JoinedExample, Origin
from riverrun.core.predictions import Prediction
from riverrun.learners.protocol import Learner
from riverrun_trainer.diverged import Diverged
from riverrun_trainer.importance import importance
from riverrun_trainer.judging.judges import Judges
from riverrun_trainer.progress import Progress
from riverrun_trainer.refused import Refused

_HELD = frozenset({Origin.LABEL, Origin.SILENCE, Origin.LATE_POSITIVE, Origin.CONFIRMED})
"""Why an example is kept that is held out: what its label is for good."""


class MiniBatch:
    """The unfinished mini-batch of a line: what waits to be learned, and to be judged beside it.

    Each example is judged by the newest weights just before they learn it. `settle` is called for each once
    it is learned, refused or held out for good. Those that cannot be learned are appended to the `refused`
    of the call that found out.
    """

    def __init__(
        self,
        learner: Learner,
        progress: Progress,
        judges: Judges,
        settle: Callable[[JoinedExample], None],
        since_ns: int = 0,
    ) -> None:
        """Examples whose time is before `since_ns` are passed over."""
        self._learner = learner
        self._size = learner.batch_size
        self._progress = progress
        self._scorers = judges.scorers
        self._holdout = judges.holdout
        self._sources = judges.sources
        if self._holdout is not None:
            self._holdout.predict = learner.predict
        self._settle = settle
        self._since_ns = since_ns
        self.waiting: list[JoinedExample] = []
        """Examples that are learned once there are enough of them, in order."""

        # What came meanwhile and is only judged or held out: after the end of the mini-batch, since both are
        # read again where the trainer dies before that.
        self._beside: list[JoinedExample] = []

    @property
    def lacks_one(self) -> bool:
        """Whether one more good example is learned at once, and does not wait."""
        return len(self.waiting) + 1 == self._size

    def add(self, joined: JoinedExample, refused: list[Refused]) -> None:
        """Let `joined` in, where it is to be learned, and learn the mini-batch that it fills.

        Raises `Diverged` where an answer that is not finite may be the fault of what was learned since the
        last capture.
        """
        if joined.time_ns < self._since_ns:
            self._settle(joined)
            return
        reason = ""
        if self._sources is not None and joined.origin.is_learned:
            reason = self._sources.refusal(joined.example)
        if reason:
            # Neither judged nor held out either: what floods the stream has no say in those.
            refused.append(Refused(joined.event, reason, joined.stream))
            self._settle(joined)
            return
        held_out = self._holdout is not None and self._holdout.takes(joined)
        if joined.origin.is_learned and not held_out:
            if self._sources is not None:
                self._sources.take(joined.example)
            self.waiting.append(joined)
            if len(self.waiting) == self._size:
                self._learn(refused)
        elif self.waiting:
            self._beside.append(joined)
        else:
            self._judge(joined, refused)

    def refuse(self, reason: str, refused: list[Refused]) -> None:
        """Refuse what waits: a poisoned event names the learning that it would set off.

        Raises as `add` does.
        """
        batch, self.waiting = self.waiting, []
        if self._sources is not None:
            self._sources.give_back()
        refused += [Refused(one.event, reason, one.stream) for one in batch]
        for one in batch:
            self._settle(one)
        self._judge_beside(refused)

    def _learn(self, refused: list[Refused]) -> None:
        batch, self.waiting = self.waiting, []
        try:
            weights = [importance(one, self._score(one)) for one in batch]
            self._learner.learn(
                [one.example.features for one in batch], [one.example.label for one in batch], weights
            )
        except NotReady as error:
            self._raise_diverged(error)
            refused += [Refused(one.event, str(error), one.stream) for one in batch]
        except InvalidInput as error:
            # Nobody can say which of them it was, and a batch cannot be learned in parts.
            refused += [Refused(one.event, str(error), one.stream) for one in batch]
        else:
            self._progress.take(batch)
            if self._sources is not None:
                self._sources.settle()
        if self._sources is not None:
            # Nothing is left of it where it was learned.
            self._sources.give_back()
        for one in batch:
            self._settle(one)
        if self._beside:
            self._judge_beside(refused)

    def _judge_beside(self, refused: list[Refused]) -> None:
        beside, self._beside = self._beside, []
        for one in beside:
            self._judge(one, refused)

    def _judge(self, joined: JoinedExample, refused: list[Refused]) -> None:
        """Judge what is not learned, and hold it out where it is to be."""
        try:
            self._score(joined)
        except NotReady as error:
            self._raise_diverged(error)
            refused.append(Refused(joined.event, str(error), joined.stream))
        else:
            if self._holdout is not None and joined.origin in _HELD and self._holdout.takes(joined):
                self._holdout.hold(joined)
        self._settle(joined)

    def _raise_diverged(self, error: NotReady) -> None:
        """Raise `Diverged` where `error` may be the fault of what no version holds yet."""
        progress = self._progress
        if progress.learned and progress.last is not None:
            raise Diverged(progress.last) from error

    def _score(self, joined: JoinedExample) -> Prediction | None:
        """Have `joined` judged by what the newest weights answer; their answer, None where they have none.

        Raises `NotReady` where it is not finite.
        """
        example = joined.example
        newest = None
        # Some models answer only once they have learned; without an answer none is judged.
        with contextlib.suppress(InvalidInput):
            newest = self._learner.predict(example.features)
            if joined.origin.is_judged:
                self._learner.score(example.features, example.label, newest)
        for scorer in self._scorers:
            scorer.score(joined, newest)
        return newest
