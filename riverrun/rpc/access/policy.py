"""Who may call what: one table of every RPC and every route. What has no entry here nobody may call.

Operators may call everything. docs/reference/authorization.md shows the table as tests found it to hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from riverrun.core.access import Role

READER, CLIENT, SERVING, TRAINER = Role.READER, Role.CLIENT, Role.SERVING, Role.TRAINER


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call one thing. `is_open`: anyone who can connect, without a token.

    `is_logged`: who called is a line in the log. `is_prediction`: open where serving is told so.
    """

    roles: frozenset[Role] = frozenset()
    is_open: bool = False
    is_logged: bool = False
    is_prediction: bool = False

    def admits(self, role: Role | None) -> bool:
        """Whether a caller of `role` may call it; None is a known caller without a role."""
        return self.is_open or role is Role.OPERATOR or role in self.roles

    def describe(self) -> str:
        """The roles that may, in words."""
        others = ", ".join(sorted(self.roles))
        return f"role {others} or {Role.OPERATOR}" if others else f"role {Role.OPERATOR}"


@dataclass(frozen=True, slots=True)
class Route:
    """One route of an HTTP port; ``{name}`` in its path stands for one segment."""

    method: str
    path: str
    access: Access

    def pattern(self) -> re.Pattern[str]:
        """What matches its paths. A segment has no colon: behind one is a verb, which is another route."""
        return re.compile(re.sub(r"\\{\w+\\}", "[^/:]+", re.escape(self.path)) + "/?")


def _to(*roles: Role, is_logged: bool = False, is_prediction: bool = False) -> Access:
    return Access(frozenset(roles), is_logged=is_logged, is_prediction=is_prediction)


ANYONE = Access(is_open=True)
OPERATORS = _to(is_logged=True)
WHOEVER_LOOKS = _to(READER, SERVING, TRAINER)
WHOEVER_IS_KNOWN = _to(READER, CLIENT, SERVING, TRAINER)
PREDICTIONS = _to(CLIENT, is_prediction=True)
MODELS = _to(READER, CLIENT, is_prediction=True)

_PARAMS = "/riverrun.api.params.v1.ParameterService/"
_RETRAINS = "/riverrun.api.retraining.v1.RetrainService/"
_EXPERIMENTS = "/riverrun.api.experiments.v1.ExperimentService/"
_EVENTS = "/riverrun.api.events.v1.EventLog/"
_INFERENCE = "/inference.GRPCInferenceService/"

PARAM_SERVER_RPCS: Mapping[str, Access] = {
    _PARAMS + "RegisterModel": OPERATORS,
    _PARAMS + "DeleteModel": OPERATORS,
    _PARAMS + "SetChannel": OPERATORS,
    _PARAMS + "Reset": OPERATORS,
    _PARAMS + "Backup": OPERATORS,
    _PARAMS + "OpenSession": _to(TRAINER),
    _PARAMS + "Push": _to(TRAINER),
    _PARAMS + "Pull": WHOEVER_LOOKS,
    _PARAMS + "Watch": WHOEVER_LOOKS,
    _PARAMS + "ListModels": WHOEVER_LOOKS,
    _PARAMS + "ListVersions": WHOEVER_LOOKS,
    _PARAMS + "GetVersion": WHOEVER_LOOKS,
    _PARAMS + "ListReaders": WHOEVER_LOOKS,
    _RETRAINS + "Start": _to(TRAINER, is_logged=True),
    _RETRAINS + "List": WHOEVER_LOOKS,
    _RETRAINS + "Cancel": OPERATORS,
    _RETRAINS + "Report": _to(TRAINER),
    _RETRAINS + "Finish": _to(TRAINER, is_logged=True),
    _PARAMS + "GetEvaluation": WHOEVER_LOOKS,
    _PARAMS + "ListRecords": WHOEVER_LOOKS,
    _EXPERIMENTS + "Start": OPERATORS,
    _EXPERIMENTS + "Stop": OPERATORS,
    _EXPERIMENTS + "StopArm": _to(TRAINER, is_logged=True),
    _EXPERIMENTS + "Promote": OPERATORS,
    _EXPERIMENTS + "Get": WHOEVER_LOOKS,
    _EXPERIMENTS + "List": WHOEVER_LOOKS,
    _EVENTS + "Append": _to(SERVING, TRAINER),
    _EVENTS + "AppendStream": _to(SERVING),
    _EVENTS + "Read": _to(TRAINER),
    _EVENTS + "End": _to(TRAINER),
    _EVENTS + "Moment": _to(TRAINER),
    _EVENTS + "Trim": OPERATORS,
}

SERVING_RPCS: Mapping[str, Access] = {
    _INFERENCE + "ServerLive": ANYONE,
    _INFERENCE + "ServerReady": ANYONE,
    _INFERENCE + "ModelReady": ANYONE,
    _INFERENCE + "ServerMetadata": MODELS,
    _INFERENCE + "ModelMetadata": MODELS,
    _INFERENCE + "ModelInfer": PREDICTIONS,
    _INFERENCE + "ModelStreamInfer": PREDICTIONS,
    _INFERENCE + "ModelConfig": MODELS,
    _INFERENCE + "ModelStatistics": MODELS,
    _INFERENCE + "RepositoryIndex": MODELS,
    _INFERENCE + "RepositoryModelLoad": OPERATORS,
    _INFERENCE + "RepositoryModelUnload": OPERATORS,
}

COMMON_RPCS: Mapping[str, Access] = {
    "/grpc.health.v1.Health/Check": ANYONE,
    "/grpc.health.v1.Health/Watch": ANYONE,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": WHOEVER_IS_KNOWN,
}

STATUS_ROUTES: Sequence[Route] = (
    Route("GET", "/livez", ANYONE),
    Route("GET", "/readyz", ANYONE),
    Route("GET", "/metrics", ANYONE),
)
"""Of the parameter server and of the trainer."""

SERVING_ROUTES: Sequence[Route] = (
    Route("POST", "/v1/models/{model}:predict", PREDICTIONS),
    Route("POST", "/v1/models/{model}/versions/{version}:predict", PREDICTIONS),
    Route("POST", "/v1/models/{model}:feedback", _to(CLIENT)),
    Route("POST", "/v2/models/{model}/infer", PREDICTIONS),
    Route("POST", "/v2/models/{model}/versions/{version}/infer", PREDICTIONS),
    Route("GET", "/v1/models", MODELS),
    Route("GET", "/v1/models/{model}", MODELS),
    Route("GET", "/v1/models/{model}/versions", MODELS),
    Route("GET", "/v2", MODELS),
    Route("GET", "/v2/models", MODELS),
    Route("GET", "/v2/models/{model}", MODELS),
    Route("GET", "/v2/models/{model}/versions/{version}", MODELS),
    Route("GET", "/v2/models/stats", MODELS),
    Route("GET", "/v2/models/{model}/stats", MODELS),
    Route("GET", "/v2/models/{model}/config", MODELS),
    Route("GET", "/v2/models/{model}/versions/{version}/stats", MODELS),
    Route("GET", "/v2/models/{model}/versions/{version}/config", MODELS),
    Route("POST", "/v2/repository/index", MODELS),
    Route("POST", "/v2/repository/models/{model}/load", OPERATORS),
    Route("POST", "/v2/repository/models/{model}/unload", OPERATORS),
    Route("GET", "/v2/health/live", ANYONE),
    Route("GET", "/v2/health/ready", ANYONE),
    Route("GET", "/v2/models/{model}/ready", ANYONE),
    Route("GET", "/v2/models/{model}/versions/{version}/ready", ANYONE),
    *STATUS_ROUTES,
    Route("GET", "/", ANYONE),
    Route("GET", "/docs", ANYONE),
    Route("GET", "/docs/oauth2-redirect", ANYONE),
    Route("GET", "/redoc", ANYONE),
    Route("GET", "/openapi.json", ANYONE),
)


def serving_policy(*, open_predictions: bool) -> tuple[Mapping[str, Access], Sequence[Route]]:
    """RPCs and routes of serving. `open_predictions`: predictions and models are for anyone."""
    if not open_predictions:
        return SERVING_RPCS, SERVING_ROUTES
    rpcs = {name: _opened(access) for name, access in SERVING_RPCS.items()}
    return rpcs, [replace(route, access=_opened(route.access)) for route in SERVING_ROUTES]


def _opened(access: Access) -> Access:
    return replace(access, is_open=True) if access.is_prediction else access
