"""A log in memory, a model that is the list of what it learned, and a join between them that may crash."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from riverrun_trainer.joining.join import Join
from riverrun_trainer.joining.ledger import Ledger
from riverrun_trainer.joining.outcomes import Outcomes
from riverrun_trainer.joining.rules import JoinRules, readers_of
from riverrun_trainer.joining.watermark import Watermark
from riverrun_trainer.refused import Refused

from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, Origin
from riverrun.core.joining_json import encode_label, encode_prediction
from riverrun.core.predictions import Prediction
from riverrun.core.spec import parse_spec
from riverrun.core.units import Unit

SECOND = 10**9
START_NS = 1_800_000_000 * SECOND
SPEC_YAML = "{name: toy, task: binary, model: [linear_model.LogisticRegression], label: {window: 60s}}"
SPEC = parse_spec(SPEC_YAML)


@dataclass(frozen=True)
class Said:
    """One event before it is logged: `at_s` is its event time in seconds from the start."""

    stream: Stream
    id: str
    at_s: float
    label: bool = True


def logged(said: Sequence[Said]) -> list[tuple[Said, LoggedEvent]]:
    """`said` in the order in which they reached the log, each a millisecond after the latest event so far."""
    offsets = dict.fromkeys(Stream, 0)
    received = START_NS
    found = []
    for one in said:
        time_ns = START_NS + int(one.at_s * SECOND)
        received = max(received + 1_000_000, time_ns)
        body = _body(one)
        name = one.id if one.stream is Stream.PREDICTIONS else f"{one.stream.value}-{offsets[one.stream]}"
        found.append((one, LoggedEvent(offsets[one.stream], name, time_ns, received, body)))
        offsets[one.stream] += 1
    return found


def _body(one: Said) -> bytes:
    match one.stream:
        case Stream.PREDICTIONS:
            answer = Prediction(True, {True: 0.75, False: 0.25})
            return encode_prediction({"x": one.at_s}, answer, version=3, channel="live")
        case Stream.LABELS:
            return encode_label(one.id, one.label)
    return json.dumps({"features": {"x": one.at_s}, "label": one.label, "prediction_id": one.id}).encode()


@dataclass
class Kept:
    """What is durable: the join's units, where the examples stand, and the model."""

    units: dict[int, Unit] = field(default_factory=dict)
    examples: int = 0
    learned: list[JoinedExample] = field(default_factory=list)


class JoinRun:
    """Reads the log from its floors, in order of receipt; `batch` examples settle together."""

    def __init__(self, rules: JoinRules, log: Sequence[tuple[Said, LoggedEvent]], batch: int = 1) -> None:
        self._rules = rules
        self._log = log
        self._batch = batch
        self.kept = Kept()
        self.letters: dict[tuple[Stream, int], str] = {}
        self._start()

    def run(self, events: int | None = None) -> None:
        """Take the next `events`, all by default."""
        while self._unread and (events is None or events > 0):
            said, event = self._unread.pop(0)
            self._take(said, event)
            if events is not None:
                events -= 1

    def finish(self) -> None:
        """Let all windows pass, and learn what is left."""
        self.run()
        self.join.advance(START_NS + 10**6 * SECOND)
        self._learn(flush=True)
        self.commit()

    def commit(self) -> None:
        """Make the state durable as it is."""
        delta = self.ledger.changes()
        units = {n: u for n, u in self.kept.units.items() if n not in delta.dropped} | dict(delta.changed)
        self.kept = Kept(units, self._examples, list(self._learned))

    def crash(self) -> None:
        """Go on from what was durable."""
        self._start()

    @property
    def learned(self) -> list[JoinedExample]:
        """What the model has learned."""
        return self._learned

    def _start(self) -> None:
        self.ledger = Ledger(self.kept.units)
        self._outcomes = Outcomes(self.ledger)
        self.join = Join(self._rules, readers_of(SPEC), self.ledger, self._outcomes)
        self._learned = list(self.kept.learned)
        self._examples = self._old_examples = self.kept.examples
        self._waiting: list[JoinedExample] = []
        self._watermark = Watermark(by_events=False, start_ns=self.ledger.watermark_ns)
        starts = {s: self.ledger.starts(s).get(0, 0) for s in Stream}
        starts[Stream.EXAMPLES] = min(starts[Stream.EXAMPLES], self._examples)
        self._unread = [(said, event) for said, event in self._log if event.offset >= starts[said.stream]]

    def _take(self, said: Said, event: LoggedEvent) -> None:
        self.join.advance(self._watermark.reach(event.received_ns - 1))
        if said.stream is Stream.PREDICTIONS:
            self.join.take_prediction(event)
        elif said.stream is Stream.LABELS:
            self.join.take_label(event)
        else:
            self._take_example(said, event)
        self._learn()

    def _take_example(self, said: Said, event: LoggedEvent) -> None:
        example = Example({"x": said.at_s}, said.label, prediction_id=said.id)
        if event.offset < self._old_examples:
            self.join.recall_example(example, event)
            return
        joined = self.join.take_example(example, event)
        if joined is not None:
            # The position moves with the batch; here an example with features is learned at once.
            self._settle(joined)
        self._examples = event.offset + 1

    def _learn(self, *, flush: bool = False) -> None:
        ready = self._outcomes.ready
        while ready:
            one = ready.popleft()
            if isinstance(one, Refused):
                self.letters[(one.stream, one.event.offset)] = one.reason
            else:
                self._waiting.append(one)
            if len(self._waiting) >= self._batch:
                self._settle_waiting()
        if flush:
            self._settle_waiting()

    def _settle_waiting(self) -> None:
        for one in self._waiting:
            self._settle(one)
        self._waiting = []

    def _settle(self, one: JoinedExample) -> None:
        if one.origin is not Origin.CONFIRMED:
            self._learned.append(one)
        self._outcomes.settle(one)
