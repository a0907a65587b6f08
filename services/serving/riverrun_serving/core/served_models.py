"""Every model that this process answers for, and the slots of its channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from riverrun.core.errors import NotFound, NotReady
from riverrun.core.spec import ModelSpec
from riverrun.core.versions import LIVE, ModelInfo
from riverrun_serving.core.arms import Arms, Exposure
from riverrun_serving.core.model_slot import ModelSlot


@dataclass(slots=True)
class ServedModel:
    """One model: its newest registered spec and one slot for each channel.

    `info` is None while all that is known of the model is its last-good copy on disk. `arms` are those of
    the experiment that runs, None for none.
    """

    name: str
    spec: ModelSpec
    info: ModelInfo | None = None
    slots: dict[str, ModelSlot] = field(default_factory=dict)
    arms: Arms | None = None

    def choose(self, channel_or_version: str, key: str | None) -> tuple[ModelSlot, Exposure | None]:
        """The slot that answers a request with this `key`, and as which arm.

        A request that names what is to answer, or has no key, takes no part in an experiment: it is answered
        as by `slot`. So is one whose arm has no weights here. Raises `NotFound`, naming what is loaded.
        """
        if self.arms is None or channel_or_version or not key:
            return self.slot(channel_or_version), None
        assigned = self.arms.of_key(key)
        if assigned is None:
            return self.slot(), None
        channel, exposure = assigned
        slot = self.slots.get(channel)
        if slot is None or slot.current is None:
            self.arms.miss()
            return self.slot(), None
        self.arms.count(exposure)
        return slot, exposure

    def slot(self, channel_or_version: str = "") -> ModelSlot:
        """The slot of a channel, or the one that holds a version's number; `live` for the empty text.

        Raises `NotFound`, naming what is loaded.
        """
        slot = self.slots.get(channel_or_version or LIVE)
        if slot is not None:
            return slot
        if channel_or_version.isdecimal() and channel_or_version.isascii():
            number = int(channel_or_version[:20])
            for slot in self.slots.values():
                if slot.current is not None and slot.current.version == number:
                    return slot
        loaded = ", ".join(
            name if slot.current is None else f"{name} ({slot.current.version})"
            for name, slot in sorted(self.slots.items())
        )
        raise NotFound(f"version of model {self.name}", channel_or_version[:64], loaded or None)

    @property
    def live(self) -> ModelSlot | None:
        """The slot of `live`, or None while the model has no such channel."""
        return self.slots.get(LIVE)

    @property
    def ready(self) -> bool:
        """Whether `live` has weights."""
        return self.live is not None and self.live.current is not None


class ServedModels:
    """The models by name. Changed by the synchronizer alone, read by the edges.

    `complete` turns true once the parameter server has named all of its models. A model that is not there
    before that may exist all the same.
    """

    def __init__(self) -> None:
        self.complete = False
        self._models: dict[str, ServedModel] = {}

    def __iter__(self) -> Iterator[ServedModel]:
        return iter([self._models[name] for name in sorted(self._models)])

    def has(self, name: str) -> bool:
        """Whether there is a model called `name`."""
        return name in self._models

    def get(self, name: str) -> ServedModel | None:
        """The model called `name`, or None."""
        return self._models.get(name)

    def model(self, name: str) -> ServedModel:
        """The model called `name`; raises `NotFound`, naming those there are, or `NotReady`."""
        found = self._models.get(name)
        if found is None:
            if not self.complete:
                raise NotReady(f"model {name[:64]}", "the parameter server was not reached yet")
            known = sorted(self._models)
            listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
            raise NotFound("model", name[:64], listed or "no model yet")
        return found

    def add(self, model: ServedModel) -> None:
        """Serve `model`, in place of one of the same name."""
        self._models[model.name] = model

    def remove(self, name: str) -> None:
        """Stop serving the model called `name`; one that is not there is no error."""
        self._models.pop(name, None)
