"""Follows the catalogue and asks for Jobs; what is there already stays as it is."""

from __future__ import annotations

import asyncio
import copy
from hashlib import sha256
from typing import Any

import structlog

from riverrun.core.errors import AlreadyExists, Unavailable
from riverrun.core.versions import ModelInfo
from riverrun.rpc.access.kubernetes_api import KubernetesApi
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import Heartbeat, ModelChanged, ModelDeleted, Watch

SETTING = "RIVERRUN_TRAINER_RETRAIN"
MAX_NAME = 52
"""Of a Job: its pods are named after it, with a hash."""

RETRY_S = 2.0

log = structlog.get_logger()

Retrain = tuple[str, int]


class RetrainJobs:
    """Makes a Job for each retrain that is under way. It ends by itself, and the cluster removes it."""

    def __init__(
        self, client: ParameterClient, api: KubernetesApi, job: dict[str, Any], namespace: str, again_s: float
    ) -> None:
        """`job` is a Job without name and namespace, whose first container gets the setting."""
        self._client = client
        self._api = api
        self._job = job
        self._path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._namespace = namespace
        self._again_s = again_s
        self._wanted: set[Retrain] = set()
        self._changed = asyncio.Event()
        self.knows_catalogue = False
        """Whether the parameter server was heard out."""

    async def run(self) -> None:
        """Follow, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._make())

    async def _follow(self) -> None:
        async for change in Watch(self._client, catalogue_only=True).changes():
            match change:
                case ModelChanged(model):
                    self._want(model.name, retrains_of(model))
                case ModelDeleted(name):
                    self._want(name, set())
                case Heartbeat():
                    self.knows_catalogue = True
                case _:
                    pass

    def _want(self, model: str, lines: set[int]) -> None:
        wanted = {(name, line) for name, line in self._wanted if name != model}
        wanted |= {(model, line) for line in lines}
        if wanted - self._wanted:
            self._changed.set()
        self._wanted = wanted

    async def _make(self) -> None:
        while True:
            wait_s = self._again_s
            for retrain in sorted(self._wanted):
                try:
                    await self._make_one(retrain)
                except Unavailable as error:
                    log.warning(
                        "a Job could not be made", model=retrain[0], line=retrain[1], reason=str(error)
                    )
                    wait_s = min(wait_s, RETRY_S)
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
            self._changed.clear()

    async def _make_one(self, retrain: Retrain) -> None:
        model, line = retrain
        job = job_of(self._job, self._namespace, model, line)
        try:
            await self._api.post(self._path, job)
        except AlreadyExists:
            return
        log.info("a Job was made", model=model, line=line, job=job["metadata"]["name"])


def retrains_of(model: ModelInfo) -> set[int]:
    """The lines of its retrains that are under way."""
    return {line.number for line in model.lines if line.retrain}


def job_of(template: dict[str, Any], namespace: str, model: str, line: int) -> dict[str, Any]:
    """The Job of one retrain. Its name is a function of model and line, so that there is one at most."""
    job = copy.deepcopy(template)
    prefix = job["metadata"].pop("generateName", "retrain-")
    job["metadata"]["name"] = _name(f"{prefix}{model}", line)
    job["metadata"]["namespace"] = namespace
    job["metadata"].setdefault("annotations", {})["riverrun/retrain"] = f"{model}:{line}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    container.setdefault("env", []).append({"name": SETTING, "value": f"{model}:{line}"})
    return job


def _name(stem: str, line: int) -> str:
    if len(stem) + 1 + len(str(line)) > MAX_NAME:
        # Cut, names of two models may be the same.
        stem = f"{stem[: MAX_NAME - 10 - len(str(line))]}-{sha256(stem.encode()).hexdigest()[:8]}"
    return f"{stem}-{line}"
