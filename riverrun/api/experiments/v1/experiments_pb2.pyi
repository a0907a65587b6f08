import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Arm(_message.Message):
    __slots__ = ("name", "share", "channel", "every", "frozen", "stop_time", "stop_reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    STOP_TIME_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    share: float
    channel: str
    every: _duration_pb2.Duration
    frozen: bool
    stop_time: _timestamp_pb2.Timestamp
    stop_reason: str
    def __init__(self, name: _Optional[str] = ..., share: _Optional[float] = ..., channel: _Optional[str] = ..., every: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., frozen: bool = ..., stop_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stop_reason: _Optional[str] = ...) -> None: ...

class Guardrail(_message.Message):
    __slots__ = ("judged", "above", "arm")
    class Judged(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        JUDGED_UNSPECIFIED: _ClassVar[Guardrail.Judged]
        JUDGED_LOSS: _ClassVar[Guardrail.Judged]
        JUDGED_HARM: _ClassVar[Guardrail.Judged]
    JUDGED_UNSPECIFIED: Guardrail.Judged
    JUDGED_LOSS: Guardrail.Judged
    JUDGED_HARM: Guardrail.Judged
    JUDGED_FIELD_NUMBER: _ClassVar[int]
    ABOVE_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    judged: Guardrail.Judged
    above: float
    arm: str
    def __init__(self, judged: _Optional[_Union[Guardrail.Judged, str]] = ..., above: _Optional[float] = ..., arm: _Optional[str] = ...) -> None: ...

class Experiment(_message.Message):
    __slots__ = ("name", "arms", "guardrails", "alpha", "scale", "start_time", "end_time", "end_reason", "winner")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    GUARDRAILS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    name: str
    arms: _containers.RepeatedCompositeFieldContainer[Arm]
    guardrails: _containers.RepeatedCompositeFieldContainer[Guardrail]
    alpha: float
    scale: float
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    end_reason: str
    winner: str
    def __init__(self, name: _Optional[str] = ..., arms: _Optional[_Iterable[_Union[Arm, _Mapping]]] = ..., guardrails: _Optional[_Iterable[_Union[Guardrail, _Mapping]]] = ..., alpha: _Optional[float] = ..., scale: _Optional[float] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_reason: _Optional[str] = ..., winner: _Optional[str] = ...) -> None: ...

class StartRequest(_message.Message):
    __slots__ = ("model", "experiment", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    experiment: Experiment
    reason: str
    def __init__(self, model: _Optional[str] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class StartResponse(_message.Message):
    __slots__ = ("store_id", "experiment")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    experiment: Experiment
    def __init__(self, store_id: _Optional[str] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("model", "name")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    model: str
    name: str
    def __init__(self, model: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("store_id", "experiment")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    experiment: Experiment
    def __init__(self, store_id: _Optional[str] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("store_id", "experiments")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    experiments: _containers.RepeatedCompositeFieldContainer[Experiment]
    def __init__(self, store_id: _Optional[str] = ..., experiments: _Optional[_Iterable[_Union[Experiment, _Mapping]]] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("model", "name", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    name: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("store_id", "experiment")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    experiment: Experiment
    def __init__(self, store_id: _Optional[str] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class StopArmRequest(_message.Message):
    __slots__ = ("model", "name", "arm", "reason", "by_guardrail")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_GUARDRAIL_FIELD_NUMBER: _ClassVar[int]
    model: str
    name: str
    arm: str
    reason: str
    by_guardrail: bool
    def __init__(self, model: _Optional[str] = ..., name: _Optional[str] = ..., arm: _Optional[str] = ..., reason: _Optional[str] = ..., by_guardrail: bool = ...) -> None: ...

class StopArmResponse(_message.Message):
    __slots__ = ("store_id", "experiment")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    experiment: Experiment
    def __init__(self, store_id: _Optional[str] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class PromoteRequest(_message.Message):
    __slots__ = ("model", "name", "arm", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    name: str
    arm: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., name: _Optional[str] = ..., arm: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PromoteResponse(_message.Message):
    __slots__ = ("store_id", "experiment")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    experiment: Experiment
    def __init__(self, store_id: _Optional[str] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...
