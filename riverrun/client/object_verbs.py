"""Versions as the user's own objects, and the user's own objects as versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from riverrun.client.answers import Imported
from riverrun.client.catalogue_verbs import CatalogueVerbs
from riverrun.core.errors import InvalidInput
from riverrun.core.versions import LIVE, Line, Manifest, ModelInfo


class ObjectVerbs(CatalogueVerbs):
    """Take a model out of a stack, and bring one in. Both need the model's library on this machine.

    `factories` are those of the user's own code, as ``package.module:callable``, that may be imported here;
    those that RIVERRUN_FACTORIES names may be too.
    """

    async def load(
        self,
        model: str,
        *,
        version: int | None = None,
        channel: str | None = None,
        factories: Sequence[str] = (),
    ) -> Any:
        """The model at `version`, or where `channel` (default live) is, as an object of the caller's own.

        A River estimator, or for torch a `riverrun.learners.torch_model.TorchModel`. It predicts bit for bit
        as serving does with that version, and learns on: nothing that it learned is missing. Raises
        `NotFound` for a version that is not kept, and `NotReady` for a channel that has none.
        """
        from riverrun.client.live_objects import loaded

        if version is not None and channel is not None:
            raise InvalidInput("channel", "give a version or a channel, not both")
        pulled = await self._client().pull(
            model,
            version=version or 0,
            channel="" if version is not None else channel or LIVE,
            trainer_state=True,
        )
        return await asyncio.to_thread(loaded, pulled, factories)

    async def import_model(
        self, model: str, given: object, *, replay: bool = False, factories: Sequence[str] = ()
    ) -> Imported:
        """Bring in `given` as a version of `model`: a River estimator, a torch module, or a `TorchModel`.

        It gets a line of its own, which `candidate` follows and the trainer goes on with; `promote` puts it
        live. Another line that waited on `candidate` is closed. The events that the live line has learned
        are left out, on record; with `replay` all that the log keeps are learned. Raises `InvalidInput`
        naming the first place where `given` is not built as the model's spec declares, and `StaleBase` when
        the spec was changed meanwhile. `given` itself is not changed.
        """
        from riverrun.client.live_objects import push_of

        info = await self.model(model)
        head = None if replay else await self._learned_so_far(info)
        push = await asyncio.to_thread(push_of, info, given, head, factories)
        pushed = await self._client().push(push, deadline_s=6 * self._timeout_s)
        return Imported(info.name, pushed.version, pushed.moved[0])

    async def _learned_so_far(self, info: ModelInfo) -> Manifest | None:
        """The head of the line that live answers from; None before there is one."""
        live = info.channel(LIVE)
        lines = [line for line in info.lines if not line.closed]
        followed: list[Line] = [line for line in lines if live is not None and line.number == live.follows]
        # Where live is held: lines that wait on candidate are newer.
        line = next(iter(followed or lines), None)
        return None if line is None or not line.head else await self.version(info.name, line.head)
