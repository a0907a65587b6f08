"""What a pod answers, held against what each version must answer; and the load that asks it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from riverrun_serving.grpc_edge.messages import SERVICE, ModelInferRequest, ModelInferResponse

from tests.fault.harness.links import Gone, Link
from tests.fault.harness.process import DEADLINE_S
from tests.integration.serving.serving_stack import HandTrainer

MODEL = "houses"
INFER = f"/{SERVICE}/ModelInfer"
ROWS = tuple({"rooms": rooms, "size": float(size)} for rooms, size in ((1, 20.0), (3, 71.5), (9, 400.0)))
"""The rows that are asked for: each version answers each of them with another number."""

BATCH = 200
"""Rows of a long request: it is computed in slices, and a swap falls between them."""


@dataclass
class Answers:
    """The oracle of one model's answers: `expected` holds, by version, what each of `ROWS` gets."""

    expected: dict[int, tuple[float, ...]] = field(default_factory=dict)
    given: int = 0
    let_go: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)

    def must_be(self, version: int, trainer: HandTrainer) -> None:
        """`version` must answer as the trainer's own model does now."""
        self.expected[version] = tuple(float(trainer.predict(dict(row)).value) for row in ROWS)

    def judge(self, version: int, rows: Sequence[int], predictions: Sequence[float], after: int) -> int:
        """Judge an answer to `rows`, numbers of `ROWS`; the version, or `after` where that is later."""
        self.given += 1
        self.versions.add(version)
        known = self.expected.get(version)
        if known is None:
            self.problem("unknown-version", f"version {version} was never pushed")
        elif [known[row] for row in rows] != list(predictions):
            self.problem("torn-answer", f"version {version} answered {predictions[:3]}, must be {known}")
        if version < after:
            self.problem("went-back", f"version {version} after {after}")
        return max(version, after)

    def problem(self, kind: str, what: str) -> None:
        """A promise was broken."""
        self.problems[kind] += 1
        if len(self.details) < 20:
            self.details.append(f"{kind}: {what}")

    def check(self) -> None:
        """Fail where a promise was broken."""
        assert not self.problems, "\n".join([str(dict(self.problems)), *self.details])


class Asker:
    """Asks one pod over and over, `rest` with a new connection each time where `fresh`, and judges."""

    def __init__(self, answers: Answers, seed: int) -> None:
        self.answers = answers
        self._rng = random.Random(seed)

    async def over_rest(self, address: str, rate: float, *, fresh: bool = False) -> None:
        """`rate` requests a second, for ever."""
        link, after, pace = Link(address), 0, Pace(rate)
        try:
            while True:
                await pace.next()
                rows = self._rows()
                body = (
                    {"features": ROWS[rows[0]]} if len(rows) == 1 else {"instances": [ROWS[n] for n in rows]}
                )
                try:
                    status, said = await link.ask(
                        "POST", f"/v1/models/{MODEL}:predict", json.dumps(body).encode()
                    )
                except (OSError, Gone) as error:
                    self.answers.problem("failed", f"REST: {error!r}")
                    continue
                if fresh:
                    link.close()
                if status != 200:
                    self.answers.problem("failed", f"REST: {status} {said[:200]!r}")
                    continue
                found: dict[str, Any] = json.loads(said)
                given = (
                    [found["prediction"]]
                    if len(rows) == 1
                    else [p["prediction"] for p in found["predictions"]]
                )
                after = self.answers.judge(found["model_version"], rows, given, 0 if fresh else after)
        finally:
            link.close()

    async def over_grpc(self, address: str, rate: float, *, leaving: bool = False) -> None:
        """`rate` requests a second over one channel, for ever.

        Where the server is `leaving`, a call that its gRPC let go of unread is made once more, and counted.
        """
        pace, after = Pace(rate), 0
        asked_again: list[int] | None = None
        async with grpc.aio.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            infer = channel.unary_unary(
                INFER, ModelInferRequest.SerializeToString, ModelInferResponse.FromString
            )
            while True:
                await pace.next()
                rows = asked_again or self._rows()
                try:
                    found = await infer(request_for(rows), timeout=DEADLINE_S)
                except grpc.aio.AioRpcError as error:
                    if leaving and not asked_again and error.code() is grpc.StatusCode.CANCELLED:
                        # github.com/grpc/grpc/issues/41785: what came in and was not begun as a server stops.
                        self.answers.let_go += 1
                        asked_again = rows
                        continue
                    self.answers.problem("failed", f"gRPC: {error.code().name} {error.details()}")
                    asked_again = None
                    continue
                asked_again = None
                given = list(found.outputs[0].contents.fp64_contents)
                after = self.answers.judge(int(found.model_version), rows, given, after)

    def _rows(self) -> list[int]:
        if self._rng.random() < 0.05:
            return [n % len(ROWS) for n in range(BATCH)]
        return [self._rng.randrange(len(ROWS))]


def request_for(rows: Sequence[int]) -> Any:
    """An inference request for `rows`, numbers of `ROWS`."""
    request = ModelInferRequest(model_name=MODEL)
    rooms = request.inputs.add(name="rooms", datatype="INT64", shape=[len(rows)])
    rooms.contents.int64_contents.extend(ROWS[n]["rooms"] for n in rows)
    size = request.inputs.add(name="size", datatype="FP64", shape=[len(rows)])
    size.contents.fp64_contents.extend(ROWS[n]["size"] for n in rows)
    return request


class Pace:
    """So many steps a second; what was missed is not made up for."""

    def __init__(self, rate: float) -> None:
        self._every_s = 1 / rate
        self._next = time.monotonic()

    async def next(self) -> None:
        """Return when the next step is due."""
        now = time.monotonic()
        self._next = max(self._next + self._every_s, now)
        await asyncio.sleep(self._next - now)
