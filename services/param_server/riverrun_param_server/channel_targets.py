"""Where a channel is asked to go, and the target that this comes to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from riverrun.core.errors import InvalidInput, NotFound, NotReady
from riverrun.core.versions import LIVE
from riverrun_param_server import gating, lineage, version_lookups
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.channel_moves import FollowLine, Hold, Remove, Resume, Target


@dataclass(frozen=True, slots=True)
class ChannelWish:
    """Where a channel is to go: exactly one of the fields says it; see `SetChannelRequest`."""

    hold_version: int | None = None
    hold_last_good: bool = False
    hold_before_ns: int = 0
    hold_here: bool = False
    follow: bool = False
    follow_line: int | None = None
    remove: bool = False


async def target_of(catalogue: Catalogue, model: Model, name: str, wish: ChannelWish) -> Target:
    """Where the channel `name` goes by `wish`. Raises `NotFound`, `NotReady`, `InvalidInput`."""
    if wish.remove:
        return Remove()
    if wish.hold_version is not None:
        return Hold((await catalogue.manifest(model, wish.hold_version)).version)
    if wish.follow_line is not None:
        return await _follow_line(catalogue, model, name, wish.follow_line)
    channel = model.channel(name)
    if channel.version == 0:
        raise NotReady(f"channel {name} of {model.name}", "it has no version yet")
    manifest = await catalogue.manifest(model, channel.version)
    if wish.follow:
        number = channel.follows or manifest.line
        line = model.record.open_successor(number)
        gated = name == LIVE and line is not None and gating.enforces(model.record, line)
        return Resume(number, stays=gated)
    if wish.hold_here:
        return Hold(channel.version)
    if wish.hold_last_good:
        return Hold(await _last_good(catalogue, model, channel.version))
    if wish.hold_before_ns:
        return Hold(
            await _newest_before(catalogue, model, channel.follows or manifest.line, wish.hold_before_ns)
        )
    raise InvalidInput("target", "expected one of the targets")


async def _follow_line(catalogue: Catalogue, model: Model, name: str, number: int) -> FollowLine:
    channel = model.record.channel(name)
    if channel is None:
        return FollowLine(number, 0)
    lines: dict[str, int] = {}
    for other in model.record.channels:
        if other.follows is not None or other.version:
            lines[other.name] = other.follows or (await catalogue.manifest(model, other.version)).line
    old = lines.get(name, 0)
    others = any(line == old for other, line in lines.items() if other != name)
    return FollowLine(number, old, others)


async def _last_good(catalogue: Catalogue, model: Model, below: int) -> int:
    find = partial(version_lookups.newest_good_below, model=model.record.id, version=below)
    version = await catalogue.store.run(find)
    if not version:
        raise NotFound("good version", f"older than {below}")
    return version


async def _newest_before(catalogue: Catalogue, model: Model, line_number: int, before_ns: int) -> int:
    line = model.record.line(line_number)
    version = 0 if line is None else await lineage.newest_before(catalogue, model, line, before_ns)
    if not version:
        raise NotFound("version", "committed before that time")
    return version
