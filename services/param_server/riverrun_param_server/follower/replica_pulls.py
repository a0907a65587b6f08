"""Answers to pulls from what a follower holds; never older than what the caller has."""

from __future__ import annotations

import asyncio

from riverrun.codec.wire import encode_side
from riverrun.core.errors import NotFound, NotReady
from riverrun.core.units import SideDelta
from riverrun_param_server.completion import Completion
from riverrun_param_server.encodings import Encoded, Encodings
from riverrun_param_server.follower.followed import Followed, FollowedModel, FollowedVersion
from riverrun_param_server.pulls import PullAnswer, PullWanted

CATCH_UP_S = 5.0
"""How long a caller that is ahead of this follower waits for it."""


class ReplicaPulls:
    """Encodes each version once, however many ask."""

    def __init__(self, followed: Followed, completion: Completion) -> None:
        self._followed = followed
        self._encodings = Encodings(completion)

    def holds(self, wanted: PullWanted) -> bool:
        """Whether what is asked for can be answered here: a channel, or a version that is here."""
        return bool(wanted.channel) or wanted.version in self._followed.get(wanted.model).versions

    async def pull(self, wanted: PullWanted) -> PullAnswer:
        """Raises `NotFound` (model, channel), and `NotReady` where the follower is behind or has none yet."""
        model = self._followed.get(wanted.model)
        await self._catch_up(model, wanted.have)
        number, generation = wanted.version, 0
        if wanted.channel:
            channel = model.find_channel(wanted.channel)
            if channel is None:
                if wanted.channel in model.missing():
                    raise NotReady(
                        f"channel {wanted.channel[:64]} of {model.name}", "its weights are not here yet"
                    )
                known = ", ".join(channel.name for channel in model.info().channels)
                raise NotFound("channel", wanted.channel[:64], known or None)
            number, generation = channel.version, channel.generation
        version = model.versions.get(number)
        if version is None:
            raise NotReady(f"version {number} of {model.name}", "its weights are not here yet")
        unconfirmed_s = self._followed.unconfirmed_s()
        base, serving, trainer = number, b"", b""
        if wanted.have != number:
            key = f"{self._followed.store_id}/{model.name}", number, wanted.have
            base, serving, trainer = await self._encodings.get(
                key, lambda: _encode(model, version, wanted.have)
            )
        return PullAnswer(
            version.manifest, generation, base, serving, trainer, version.spec_yaml, unconfirmed_s
        )

    async def _catch_up(self, model: FollowedModel, have: int) -> None:
        if model.newest >= have:
            return
        try:
            async with asyncio.timeout(CATCH_UP_S), model.moved:
                await model.moved.wait_for(lambda: model.newest >= have)
        except TimeoutError as error:
            raise NotReady(
                f"version {have} of {model.name}", f"this read replica is behind, at {model.newest}"
            ) from error


async def _encode(model: FollowedModel, version: FollowedVersion, have: int) -> Encoded:
    units = version.state.state().serving
    size = version.state.size
    delta = await asyncio.to_thread(model.recent.composed, have, version.manifest.version) if have else None
    if delta is not None and len(delta) <= size:
        return have, delta, b""
    return 0, await asyncio.to_thread(encode_side, SideDelta(units)), b""
