"""Who watches, and what each of them has not been told yet.

A watcher's backlog is a set of names, not of messages: what it is told is how things stand when it is
ready to hear. So a slow watcher costs a few names, skips to the newest by itself, and delays nobody;
nothing is ever written while anything is held.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from riverrun.runtime import metrics
from riverrun_param_server.announcements import Announcements

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a watcher wants. `models` empty: all. `have` is the version held by (model, channel)."""

    models: frozenset[str] = frozenset()
    catalogue_only: bool = False
    have: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Watcher:
    """One watch stream: iterate `messages`; whoever changes something calls the `mark_` methods."""

    def __init__(self, number: int, subscription: Subscription, announcements: Announcements) -> None:
        self.number = number
        self._subscription = subscription
        self._announcements = announcements
        self._wake = asyncio.Event()
        self._models: dict[str, None] = {}
        self._channels: dict[tuple[str, str], None] = {}
        self._told: dict[tuple[str, str], int] = dict(subscription.have)
        self._heartbeat_due = False
        self._ended = False

    def mark_model(self, model: str) -> None:
        """The model's spec, lines or channels are not what this watcher was told."""
        if not self._subscription.models or model in self._subscription.models:
            self._models[model] = None
            self._wake.set()

    def mark_channel(self, model: str, channel: str) -> None:
        """The channel is not where this watcher was told."""
        if self._subscription.catalogue_only:
            return
        if not self._subscription.models or model in self._subscription.models:
            self._channels[(model, channel)] = None
            self._wake.set()

    def mark_heartbeat(self) -> None:
        """A sign of life is due, once all there is has been told."""
        self._heartbeat_due = True
        self._wake.set()

    def end(self) -> None:
        """Let `messages` end."""
        self._ended = True
        self._wake.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """Serialised responses, each made when the one before it has been taken; ends with `end`."""
        while not self._ended:
            message = self._next()
            if message is None:
                self._wake.clear()
                await self._wake.wait()
            else:
                yield message

    def _next(self) -> bytes | None:
        while self._models:
            message = self._announcements.of_model(_pop(self._models))
            if message is not None:
                return message
        while self._channels:
            key = _pop(self._channels)
            found = self._announcements.of_channel(*key, have=self._told.get(key, 0))
            if found is not None:
                message, self._told[key] = found
                return message
        if self._heartbeat_due:
            self._heartbeat_due = False
            return self._announcements.heartbeat()
        return None


class WatchHub:
    """All watchers. Every method returns at once; nothing here waits for a watcher."""

    def __init__(self, announcements: Announcements) -> None:
        self._announcements = announcements
        self._watchers: dict[int, Watcher] = {}
        self._numbers = itertools.count(1)
        self._ended = False

    def join(self, subscription: Subscription) -> Watcher:
        """A watcher that first hears everything there is, then a heartbeat, then each change."""
        watcher = Watcher(next(self._numbers), subscription, self._announcements)
        for model in self._announcements.standing():
            watcher.mark_model(model.name)
            for channel in model.channels:
                watcher.mark_channel(model.name, channel.name)
        watcher.mark_heartbeat()
        if self._ended:
            watcher.end()
        self._watchers[watcher.number] = watcher
        metrics.WATCHERS.set(len(self._watchers))
        return watcher

    @property
    def has_watchers(self) -> bool:
        """Whether anybody watches."""
        return bool(self._watchers)

    @property
    def rendered(self) -> int:
        """How many announcements of channels were serialised so far."""
        return self._announcements.rendered

    def leave(self, watcher: Watcher) -> None:
        """The watcher's stream ended."""
        self._watchers.pop(watcher.number, None)
        metrics.WATCHERS.set(len(self._watchers))

    def channel_moved(self, model: str, *channels: str) -> None:
        """Channels of a model moved, durably."""
        for watcher in self._watchers.values():
            for channel in channels:
                watcher.mark_channel(model, channel)

    def model_changed(self, model: str) -> None:
        """A model's spec, lines or channels changed, durably, other than by following its line."""
        for watcher in self._watchers.values():
            watcher.mark_model(model)

    async def beat(self, every_s: float = 1.0) -> None:
        """Give each watcher a heartbeat every second, for ever."""
        while True:
            await asyncio.sleep(every_s)
            for watcher in self._watchers.values():
                watcher.mark_heartbeat()

    def drop(self) -> None:
        """End every stream there is now; who comes again is welcome."""
        for watcher in self._watchers.values():
            watcher.end()

    def end(self) -> None:
        """End every stream, now and later: the server stops."""
        self._ended = True
        self.drop()


def _pop(names: dict[K, None]) -> K:
    name = next(iter(names))
    del names[name]
    return name
