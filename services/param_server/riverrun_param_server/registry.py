"""Registering and deleting models."""

from __future__ import annotations

from dataclasses import replace

import structlog

from riverrun.core.errors import InvalidSpec
from riverrun.core.journal import JournalRecord
from riverrun.core.spec.source import parse_spec
from riverrun.core.units import EMPTY
from riverrun.core.versions import ModelInfo
from riverrun.runtime.clock import Clock
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.completion import Completion
from riverrun_param_server.line_state import LineState
from riverrun_param_server.sessions import Sessions
from riverrun_param_server.spec_changes import NewSpec, SpecChange, first_spec, next_spec
from riverrun_param_server.store import Change, spec_sha
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()


class Registry:
    """Takes specs, one at a time; those that name a factory only where it is one of `factories`."""

    def __init__(
        self,
        catalogue: Catalogue,
        hub: WatchHub,
        sessions: Sessions,
        completion: Completion,
        clock: Clock,
        factories: frozenset[str] = frozenset(),
    ) -> None:
        self._factories = factories
        self._catalogue = catalogue
        self._hub = hub
        self._sessions = sessions
        self._completion = completion
        self._clock = clock

    async def register(
        self, spec_yaml: str, base_revision: int = 0, *, actor: str = ""
    ) -> tuple[ModelInfo, bool]:
        """The model as registered, and whether a line was opened. The same spec again changes nothing.

        Raises `InvalidSpec`, and `StaleBase` where `base_revision` is given and is not the present one.
        """
        spec = parse_spec(spec_yaml)
        if spec.factory is not None and spec.factory not in self._factories:
            raise InvalidSpec("factory", f"{spec.factory} is not allowed here; name it in RIVERRUN_FACTORIES")
        new = NewSpec(spec.name, spec_sha(spec_yaml), spec.digest(), enforced=spec.gate.mode == "enforce")
        return await self._completion.run(self._register(new, spec_yaml, base_revision, actor))

    async def delete(self, name: str, *, actor: str = "") -> None:
        """Answer the model no more; its versions stay for a while. Raises `NotFound`."""
        self._catalogue.check(name)
        await self._completion.run(self._delete(name, actor))

    async def _register(
        self, spec: NewSpec, text: str, base_revision: int, actor: str
    ) -> tuple[ModelInfo, bool]:
        # One registration at a time: two of the same new name must become one model.
        async with self._catalogue.registering:
            model = self._catalogue.find(spec.name)
            if model is None:
                change = first_spec(spec, self._catalogue.next_id(), self._clock.wall_ns())
                model = Model(change.record, {})
                async with model.lock:
                    await self._catalogue.commit(model, _change(change, text, actor))
                self._catalogue.add(model)
            else:
                async with model.lock:
                    found = next_spec(model.record, spec, base_revision)
                    if found is None:
                        return model.info(), False
                    change = found
                    await self._catalogue.commit(model, _change(change, text, actor))
            self._take_in(model, change)
            return model.info(), bool(change.opened_line)

    def _take_in(self, model: Model, change: SpecChange) -> None:
        if change.opened_line:
            model.states[change.opened_line] = LineState(EMPTY)
        for number in change.closed_lines:
            model.states.pop(number, None)
            self._sessions.line_closed(model, number)
        self._sessions.specs_changed(model, change.changed_lines)
        self._hub.model_changed(model.name)
        self._hub.channel_moved(model.name, *(channel.name for channel in model.record.channels))
        log.info(
            "a spec was registered",
            model=model.name,
            revision=model.record.spec_revision,
            opened_line=change.opened_line,
        )

    async def _delete(self, name: str, actor: str) -> None:
        model = self._catalogue.get(name)
        async with model.lock:
            record = replace(model.record, deleted_ns=self._clock.wall_ns())
            deleted = JournalRecord(kind="model.deleted", actor=actor)
            await self._catalogue.commit(model, Change(record, journal=(deleted,)))
        self._sessions.model_deleted(model)
        self._hub.model_changed(name)
        log.info("a model was deleted", model=name)


def _change(found: SpecChange, text: str, actor: str) -> Change:
    record = JournalRecord(
        kind="spec.registered",
        actor=actor,
        line=found.opened_line,
        facts={"spec_revision": found.record.spec_revision, "closed_lines": list(found.closed_lines)},
    )
    return Change(found.record, specs=(text,), journal=(record,))
