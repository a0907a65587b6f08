"""Live's weights, as they were at where the retrain stands.

A version of live is used once the retrain has taken every event that it contains. So live never answers an
example that it has learned already, which would flatter it: both answer before they learn.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from riverrun.codec.wire import decode_side
from riverrun.core.errors import InvalidInput, NotFound, NotReady, RiverrunError
from riverrun.core.events import Positions, Stream
from riverrun.core.predictions import FeatureValue, Prediction
from riverrun.core.spec import parse_spec
from riverrun.core.versions import LIVE, Manifest, ModelInfo
from riverrun.learners.build import build_predictor
from riverrun.learners.factories import Factories
from riverrun.learners.protocol import Predictor
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import Announced, ModelChanged, Watch
from riverrun.rpc.weights import Pulled

RETRY_S = 1.0

NO_ANSWER = Prediction(None)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Used:
    store_id: str
    manifest: Manifest
    predictor: Predictor


class Champion:
    """Answers as live of one model. `follow` runs beside the learning loop, which calls `reached`."""

    def __init__(self, model: str, client: ParameterClient, factories: Factories, max_bytes: int) -> None:
        self._model = model
        self._client = client
        self._factories = factories
        self._max_bytes = max_bytes
        self._newest: Manifest | None = None
        self._next: Manifest | None = None
        self._is_due = asyncio.Event()
        self._used: _Used | None = None
        self.info: ModelInfo | None = None
        """The model as the parameter server last told of it; None before it did."""

    @property
    def is_ready(self) -> bool:
        """Whether there is a version that answers."""
        return self._used is not None

    def answer(self, features: Mapping[str, FeatureValue]) -> Prediction:
        """What live answers; one without a value where it has none. Only once it `is_ready`."""
        assert self._used is not None
        with contextlib.suppress(InvalidInput, NotReady):
            return self._used.predictor.predict(features)
        return NO_ANSWER

    def reached(self, taken: Positions) -> None:
        """The retrain has taken all events below `taken`: a version that contains no more may be used."""
        if self._next is None:
            self._next = self._newest
        if self._next is not None and _covers(taken, self._next.positions):
            self._is_due.set()

    async def follow(self) -> None:
        """Watch live and take its versions, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            while True:
                await self._is_due.wait()
                self._is_due.clear()
                await self._take_next()

    async def _listen(self) -> None:
        async for change in Watch(self._client, models=[self._model]).changes():
            match change:
                case Announced(channel, _, manifest) if channel == LIVE:
                    self._newest = manifest
                case ModelChanged(info):
                    self.info = info
                case _:
                    pass

    async def _take_next(self) -> None:
        version = None if self._next is None else self._next.version
        self._next = None
        if version is None or (self._used is not None and self._used.manifest.version == version):
            return
        try:
            await self._take(version)
        except NotFound:
            # It was dropped meanwhile: the newest one comes next.
            return
        except RiverrunError as error:
            log.info("live could not be taken", model=self._model, version=version, reason=str(error))
            await asyncio.sleep(RETRY_S)

    async def _take(self, version: int) -> None:
        used = self._used
        pulled = await self._client.pull(
            self._model,
            version=version,
            have_version=0 if used is None else used.manifest.version,
            have_store_id="" if used is None else used.store_id,
            max_bytes=self._max_bytes,
        )
        side = decode_side(pulled.serving, max_bytes=self._max_bytes)
        if used is not None and pulled.base_version == used.manifest.version:
            predictor = used.predictor.updated(side, pulled.manifest.serving_root)
        else:
            predictor = await asyncio.to_thread(self._built, pulled, side.changed)
        self._used = _Used(pulled.store_id, pulled.manifest, predictor)

    def _built(self, pulled: Pulled, units: Mapping[int, bytes]) -> Predictor:
        spec = parse_spec(pulled.spec_yaml)
        return build_predictor(spec, units, pulled.manifest.serving_root, factories=self._factories)


def _covers(taken: Positions, contained: Positions) -> bool:
    """Whether what is `contained` lies below `taken`, in the streams whose events decide examples.

    Of the predictions a version tells only the oldest that waits for its label.
    """
    return all(
        taken.get(stream, {}).get(partition, 0) >= offset
        for stream in (Stream.EXAMPLES, Stream.LABELS)
        for partition, offset in contained.get(stream, {}).items()
    )
