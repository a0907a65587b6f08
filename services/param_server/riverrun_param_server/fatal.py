"""The one way in which a failure deep inside ends the process."""

from __future__ import annotations

import asyncio

import structlog

log = structlog.get_logger()


class Fatal:
    """Set once by whoever finds that the process must not go on; `wait` raises what was found."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._found = asyncio.Event()

    def set(self, error: BaseException) -> None:
        """End the process by `error`; the first one counts. From the event loop's thread only."""
        if self.error is None:
            self.error = error
            log.error("the parameter server cannot go on", error=str(error))
            self._found.set()

    async def wait(self) -> None:
        """Raise the error once there is one; never returns otherwise."""
        await self._found.wait()
        assert self.error is not None
        raise self.error
