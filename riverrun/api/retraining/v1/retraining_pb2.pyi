import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Retrain(_message.Message):
    __slots__ = ("model", "line", "state", "reason", "automatic", "start_time", "end_time", "outcome", "since", "progress")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Retrain.State]
        RUNNING: _ClassVar[Retrain.State]
        TOOK_OVER: _ClassVar[Retrain.State]
        ABANDONED: _ClassVar[Retrain.State]
        CANCELLED: _ClassVar[Retrain.State]
    STATE_UNSPECIFIED: Retrain.State
    RUNNING: Retrain.State
    TOOK_OVER: Retrain.State
    ABANDONED: Retrain.State
    CANCELLED: Retrain.State
    class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PHASE_UNSPECIFIED: _ClassVar[Retrain.Phase]
        LEARNING_HISTORY: _ClassVar[Retrain.Phase]
        COMPARING: _ClassVar[Retrain.Phase]
        TAKING_OVER: _ClassVar[Retrain.Phase]
    PHASE_UNSPECIFIED: Retrain.Phase
    LEARNING_HISTORY: Retrain.Phase
    COMPARING: Retrain.Phase
    TAKING_OVER: Retrain.Phase
    class Progress(_message.Message):
        __slots__ = ("phase", "examples", "behind", "compared", "excess_loss", "excess_low", "excess_high", "problem")
        PHASE_FIELD_NUMBER: _ClassVar[int]
        EXAMPLES_FIELD_NUMBER: _ClassVar[int]
        BEHIND_FIELD_NUMBER: _ClassVar[int]
        COMPARED_FIELD_NUMBER: _ClassVar[int]
        EXCESS_LOSS_FIELD_NUMBER: _ClassVar[int]
        EXCESS_LOW_FIELD_NUMBER: _ClassVar[int]
        EXCESS_HIGH_FIELD_NUMBER: _ClassVar[int]
        PROBLEM_FIELD_NUMBER: _ClassVar[int]
        phase: Retrain.Phase
        examples: int
        behind: int
        compared: int
        excess_loss: float
        excess_low: float
        excess_high: float
        problem: str
        def __init__(self, phase: _Optional[_Union[Retrain.Phase, str]] = ..., examples: _Optional[int] = ..., behind: _Optional[int] = ..., compared: _Optional[int] = ..., excess_loss: _Optional[float] = ..., excess_low: _Optional[float] = ..., excess_high: _Optional[float] = ..., problem: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AUTOMATIC_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    model: str
    line: int
    state: Retrain.State
    reason: str
    automatic: bool
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    outcome: str
    since: _timestamp_pb2.Timestamp
    progress: Retrain.Progress
    def __init__(self, model: _Optional[str] = ..., line: _Optional[int] = ..., state: _Optional[_Union[Retrain.State, str]] = ..., reason: _Optional[str] = ..., automatic: bool = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcome: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., progress: _Optional[_Union[Retrain.Progress, _Mapping]] = ...) -> None: ...

class StartRequest(_message.Message):
    __slots__ = ("model", "reason", "automatic", "since")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AUTOMATIC_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    model: str
    reason: str
    automatic: bool
    since: _timestamp_pb2.Timestamp
    def __init__(self, model: _Optional[str] = ..., reason: _Optional[str] = ..., automatic: bool = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StartResponse(_message.Message):
    __slots__ = ("store_id", "retrain")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RETRAIN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    retrain: Retrain
    def __init__(self, store_id: _Optional[str] = ..., retrain: _Optional[_Union[Retrain, _Mapping]] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("store_id", "retrains")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RETRAINS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    retrains: _containers.RepeatedCompositeFieldContainer[Retrain]
    def __init__(self, store_id: _Optional[str] = ..., retrains: _Optional[_Iterable[_Union[Retrain, _Mapping]]] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("model", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("store_id", "retrain")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RETRAIN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    retrain: Retrain
    def __init__(self, store_id: _Optional[str] = ..., retrain: _Optional[_Union[Retrain, _Mapping]] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("model", "line", "epoch", "progress")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    model: str
    line: int
    epoch: int
    progress: Retrain.Progress
    def __init__(self, model: _Optional[str] = ..., line: _Optional[int] = ..., epoch: _Optional[int] = ..., progress: _Optional[_Union[Retrain.Progress, _Mapping]] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    def __init__(self, store_id: _Optional[str] = ...) -> None: ...

class FinishRequest(_message.Message):
    __slots__ = ("model", "line", "epoch", "take_over", "outcome")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TAKE_OVER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    model: str
    line: int
    epoch: int
    take_over: bool
    outcome: str
    def __init__(self, model: _Optional[str] = ..., line: _Optional[int] = ..., epoch: _Optional[int] = ..., take_over: bool = ..., outcome: _Optional[str] = ...) -> None: ...

class FinishResponse(_message.Message):
    __slots__ = ("store_id", "retrain")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RETRAIN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    retrain: Retrain
    def __init__(self, store_id: _Optional[str] = ..., retrain: _Optional[_Union[Retrain, _Mapping]] = ...) -> None: ...
