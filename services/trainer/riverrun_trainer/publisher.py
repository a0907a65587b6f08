"""Versions on their way to the parameter server: one at a time, each until it is answered for good."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import stamina

from riverrun.core.errors import Exhausted, NotReady, RiverrunError, Unavailable, WrongStore
from riverrun.core.events import OffsetRange, Stream
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import TrainerSession
from riverrun.rpc.weights import Push, Pushed
from riverrun.runtime import tracing
from riverrun.runtime.failpoints import reach
from riverrun_trainer.captured import Captured

IN_SESSION_MAX = 64 << 10
"""Bytes of a version that goes over the session's stream: a call of its own would take longer to set up
than so little takes to send."""


_PASSING = (Unavailable, NotReady, Exhausted)
"""Why a version does not get through now and may a little later."""


@dataclass(frozen=True, slots=True)
class Target:
    """The line that versions extend, and the epoch and store that allow it."""

    model: str
    line: int
    epoch: int
    store_id: str


def push_of(
    captured: Captured, target: Target, head: int, source: Stream, skipped: Sequence[OffsetRange]
) -> Push:
    """`captured` as the version after `head`, which is 0 for none, under an id of its own."""
    return Push(
        model=target.model,
        line=target.line,
        epoch=target.epoch,
        base_version=head,
        push_id=uuid.uuid4().hex,
        serving=captured.serving,
        trainer=captured.trainer,
        snapshot=head == 0,
        serving_root=captured.serving_root,
        trainer_root=captured.trainer_root,
        next_unit=captured.next_unit,
        positions=({source: captured.offsets} if captured.offsets else {}) | dict(captured.joined_positions),
        watermark_ns=captured.watermark_ns,
        examples=captured.examples,
        metrics=tuple(captured.metrics.items()),
        arrivals=captured.arrivals,
        skipped=tuple(skipped),
    )


class Publisher:
    """Extends one line, version by version, in one epoch."""

    def __init__(
        self,
        client: ParameterClient,
        session: TrainerSession,
        target: Target,
        head: int,
        skipped: Sequence[OffsetRange],
        tell: Callable[[str], None],
    ) -> None:
        """`head` is the version to extend, 0 for none; `skipped` goes into the next version's manifest.

        `tell` hears why versions do not get through, and an empty text once they do again.
        """
        self._client = client
        self._session = session
        self._target = target
        self._skipped = list(skipped)
        self._tell = tell
        self.head = head

    def skip(self, ranges: Sequence[OffsetRange]) -> None:
        """Have the next version say that `ranges` were never learned."""
        self._skipped += ranges

    async def push(self, captured: Captured, source: Stream) -> Pushed:
        """Store `captured` as the line's next version; returns once it is durable and announced.

        Tried again, with the same bytes under the same id, while the server cannot be reached or is full.
        Raises `Fenced`, `StaleBase`, `WrongStore` and whatever else makes this session useless.
        """
        skipped = tuple(self._skipped)
        push = push_of(captured, self._target, self.head, source, skipped)
        attributes: dict[str, tracing.Value] = {
            tracing.MODEL: push.model,
            tracing.BYTES: len(push.serving) + len(push.trainer),
            "riverrun.examples": push.examples,
        }
        with tracing.span("publish", attributes=attributes):
            reach("trainer.before-push")
            pushed = await self._until_answered(push)
            reach("trainer.after-answer")
            tracing.describe({tracing.VERSION: pushed.version})
        if pushed.store_id != self._target.store_id:
            raise WrongStore(pushed.store_id, self._target.store_id)
        del self._skipped[: len(skipped)]
        self.head = pushed.version
        return pushed

    async def _until_answered(self, push: Push) -> Pushed:
        # Nearly every push gets through at once, and a context for retrying costs as much as sending it.
        with contextlib.suppress(*_PASSING):
            return await self._push(push)
        async for attempt in stamina.retry_context(
            on=_PASSING,
            attempts=None,
            timeout=None,
            wait_initial=0.05,
            wait_max=5.0,
            wait_jitter=0.2,
        ):
            with attempt:
                try:
                    pushed = await self._push(push)
                except _PASSING as error:
                    self._tell(str(error))
                    raise
                self._tell("")
                return pushed
        raise AssertionError("retrying ends with an answer or an error")

    async def _push(self, push: Push) -> Pushed:
        if len(push.serving) + len(push.trainer) <= IN_SESSION_MAX:
            # Whatever comes of it other than an answer, the call of its own says why, under the same id.
            with contextlib.suppress(RiverrunError):
                pushed = await self._session.push(push)
                if pushed is not None:
                    return pushed
        return await self._client.push(push)
