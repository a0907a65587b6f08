"""Dead letters: what could not be learned and why, and learning it after all."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence

import stamina

from riverrun.client.answers import LettersReplayed, SetAside
from riverrun.client.connection import Connection
from riverrun.core.dead_letters import DeadLetter, read_letter
from riverrun.core.errors import InvalidInput, NotFound, Unavailable
from riverrun.core.events import LoggedEvent, Stream
from riverrun.rpc.event_log import RemoteEventLog

PAGE = 500
LOT_BYTES = 2 << 20


class LetterVerbs(Connection):
    """Look at the events that a model's trainer set aside, and give them back to it."""

    async def dead_letters(
        self, model: str, *, ids: Collection[str] = (), reason: str = "", limit: int = 100
    ) -> list[SetAside]:
        """The newest `limit` dead letters of `model`, newest first: those named `ids`, where there are any,
        and of those the ones whose reason holds the text `reason`.

        Raises `NotFound` for a model that is not there, and for an id.
        """
        found = await self._letters(model, ids, reason)
        return found[: -limit - 1 : -1]

    async def replay_dead_letters(
        self, model: str, *, ids: Collection[str] = (), reason: str = ""
    ) -> LettersReplayed:
        """Append the events of dead letters to their streams again, oldest first, each once.

        Those chosen as by `dead_letters`, without a limit. A letter that was replayed before is left alone,
        whoever replayed it; what is set aside once more is a new letter. May be repeated after any failure:
        nothing is appended twice. Raises as `dead_letters` does, and `Unavailable`.
        """
        chosen = await self._letters(model, ids, reason)
        before = [one.letter.id for one in chosen if one.replayed]
        refused = {one.letter.id: why for one in chosen if (why := one.letter.why_not_again)}
        left = [one.letter for one in chosen if not one.replayed and one.letter.id not in refused]
        replayed: list[str] = []
        for lot in _lots(left):
            stream = lot[0].stream
            answers = await self._event_log().append(model, stream, [letter.again() for letter in lot])
            there = []
            for letter, answer in zip(lot, answers, strict=True):
                if answer.refused:
                    refused[letter.id] = answer.refused
                    continue
                there.append(letter.replayed())
                (before if answer.duplicate else replayed).append(letter.id)
            # Not before the events are there: a replay that ends in between is finished by the next one.
            await self._event_log().append(model, Stream.DEAD_LETTERS, there)
        return LettersReplayed(model, tuple(replayed), tuple(before), refused)

    async def watch_dead_letters(self, model: str) -> AsyncGenerator[DeadLetter, None]:
        """Each dead letter that comes from now on, without end. Goes on after a server that was away."""
        event_log = self._event_log()
        start = dict(await event_log.end(model, Stream.DEAD_LETTERS))
        async for attempt in stamina.retry_context(on=Unavailable, attempts=None, timeout=None):
            with attempt:
                reading = event_log.read(model, Stream.DEAD_LETTERS, start, follow=True)
                async with contextlib.aclosing(reading) as batches:
                    async for batch in batches:
                        for event in batch:
                            start[event.partition] = event.offset + 1
                            letter = _read(event)
                            if isinstance(letter, DeadLetter):
                                yield letter

    async def _letters(self, model: str, ids: Collection[str], reason: str) -> list[SetAside]:
        """Those asked for, oldest first."""
        letters: list[DeadLetter] = []
        replayed: set[str] = set()
        reading = self._event_log().read(model, Stream.DEAD_LETTERS, {}, follow=False, limit=PAGE)
        async with contextlib.aclosing(reading) as batches:
            async for batch in batches:
                for event in batch:
                    found = _read(event)
                    if isinstance(found, DeadLetter):
                        letters.append(found)
                    elif found:
                        replayed.add(found)
        missing = set(ids) - {letter.id for letter in letters}
        if missing:
            raise NotFound("dead letter", min(missing)[:100])
        return [
            SetAside(letter, letter.id in replayed)
            for letter in letters
            if (not ids or letter.id in ids) and reason.casefold() in letter.reason.casefold()
        ]

    def _event_log(self) -> RemoteEventLog:
        self._client()
        return RemoteEventLog(self._channel, deadline_s=self._timeout_s)


def _lots(letters: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """The letters in order, as many of one stream together as one append may hold."""
    lot: list[DeadLetter] = []
    size = 0
    for letter in letters:
        if lot and (
            letter.stream is not lot[0].stream or len(lot) == PAGE or size + len(letter.body) > LOT_BYTES
        ):
            yield lot
            lot, size = [], 0
        lot.append(letter)
        size += len(letter.body)
    if lot:
        yield lot


def _read(event: LoggedEvent) -> DeadLetter | str:
    """As `read_letter`; empty for what somebody else appended."""
    try:
        return read_letter(event)
    except InvalidInput:
        return ""
