"""The SDK for code that does not await: the verbs of `AsyncClient`, run in an event loop of its own."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from anyio.from_thread import start_blocking_portal

from riverrun.client.answers import Announcement
from riverrun.client.async_client import AsyncClient
from riverrun.client.run_folder import DEFAULT_DATA
from riverrun.core.dead_letters import DeadLetter
from riverrun.rpc.credentials import Credentials

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Client, P], R]:
    """`method` of the async client as a verb that returns when it is done."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self._portal.call(functools.partial(method, self._client, *args, **kwargs))
        return result

    return call


class Client:
    """One stack, for threads: every verb blocks until it is done, and raises as in `AsyncClient`.

    Starts an event loop in a thread of its own. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        *,
        server: str = "",
        serving: str = "",
        data: Path = DEFAULT_DATA,
        timeout_s: float = 10.0,
        retry_s: float = 30.0,
        credentials: Credentials | None = None,
    ) -> None:
        """As `AsyncClient`."""
        self._client = AsyncClient(
            server=server,
            serving=serving,
            data=data,
            timeout_s=timeout_s,
            retry_s=retry_s,
            credentials=credentials,
        )
        self._open = ExitStack()
        self._portal = self._open.enter_context(start_blocking_portal())
        self._open.callback(lambda: self._portal.call(self._client.close))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the thread; may be repeated."""
        self._open.close()

    predict = _blocking(AsyncClient.predict)
    predict_many = _blocking(AsyncClient.predict_many)
    feedback = _blocking(AsyncClient.feedback)
    feedback_many = _blocking(AsyncClient.feedback_many)
    models = _blocking(AsyncClient.models)
    model = _blocking(AsyncClient.model)
    versions = _blocking(AsyncClient.versions)
    kept_versions = _blocking(AsyncClient.kept_versions)
    version = _blocking(AsyncClient.version)
    readers = _blocking(AsyncClient.readers)
    evaluation = _blocking(AsyncClient.evaluation)
    history = _blocking(AsyncClient.history)
    status = _blocking(AsyncClient.status)
    apply = _blocking(AsyncClient.apply)
    delete = _blocking(AsyncClient.delete)
    promote = _blocking(AsyncClient.promote)
    rollback = _blocking(AsyncClient.rollback)
    reset = _blocking(AsyncClient.reset)
    pin = _blocking(AsyncClient.pin)
    pause = _blocking(AsyncClient.pause)
    resume = _blocking(AsyncClient.resume)
    set_policy = _blocking(AsyncClient.set_policy)
    set_policies = _blocking(AsyncClient.set_policies)
    start_retrain = _blocking(AsyncClient.start_retrain)
    retrains = _blocking(AsyncClient.retrains)
    cancel_retrain = _blocking(AsyncClient.cancel_retrain)
    load = _blocking(AsyncClient.load)
    import_model = _blocking(AsyncClient.import_model)
    start_experiment = _blocking(AsyncClient.start_experiment)
    experiments = _blocking(AsyncClient.experiments)
    experiment = _blocking(AsyncClient.experiment)
    stop_experiment = _blocking(AsyncClient.stop_experiment)
    stop_arm = _blocking(AsyncClient.stop_arm)
    promote_arm = _blocking(AsyncClient.promote_arm)
    dead_letters = _blocking(AsyncClient.dead_letters)
    replay_dead_letters = _blocking(AsyncClient.replay_dead_letters)
    backup = _blocking(AsyncClient.backup)

    def watch(self, model: str) -> Iterator[Announcement]:
        """As `AsyncClient.watch`, blocking between two moves."""
        return self._each(self._client.watch(model))

    def watch_dead_letters(self, model: str) -> Iterator[DeadLetter]:
        """As `AsyncClient.watch_dead_letters`, blocking between two letters."""
        return self._each(self._client.watch_dead_letters(model))

    def _each(self, found: AsyncGenerator[R, None]) -> Iterator[R]:
        try:
            while True:
                yield self._portal.call(_next, found)
        finally:
            self._portal.call(found.aclose)


async def _next(found: AsyncGenerator[R, None]) -> R:
    return await anext(found)
