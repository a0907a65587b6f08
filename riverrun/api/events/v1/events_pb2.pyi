from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NewEvent(_message.Message):
    __slots__ = ("event_id", "body", "time_ns", "fingerprint")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    body: bytes
    time_ns: int
    fingerprint: bytes
    def __init__(self, event_id: _Optional[str] = ..., body: _Optional[bytes] = ..., time_ns: _Optional[int] = ..., fingerprint: _Optional[bytes] = ...) -> None: ...

class AppendRequest(_message.Message):
    __slots__ = ("model", "stream", "events", "trace")
    class TraceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    model: str
    stream: str
    events: _containers.RepeatedCompositeFieldContainer[NewEvent]
    trace: _containers.ScalarMap[str, str]
    def __init__(self, model: _Optional[str] = ..., stream: _Optional[str] = ..., events: _Optional[_Iterable[_Union[NewEvent, _Mapping]]] = ..., trace: _Optional[_Mapping[str, str]] = ...) -> None: ...

class AppendResponse(_message.Message):
    __slots__ = ("store_id", "appended")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    APPENDED_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    appended: _containers.RepeatedCompositeFieldContainer[Appended]
    def __init__(self, store_id: _Optional[str] = ..., appended: _Optional[_Iterable[_Union[Appended, _Mapping]]] = ...) -> None: ...

class AppendStreamResponse(_message.Message):
    __slots__ = ("answer",)
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    answer: AppendResponse
    def __init__(self, answer: _Optional[_Union[AppendResponse, _Mapping]] = ...) -> None: ...

class Appended(_message.Message):
    __slots__ = ("offset", "duplicate", "refused")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    offset: int
    duplicate: bool
    refused: str
    def __init__(self, offset: _Optional[int] = ..., duplicate: bool = ..., refused: _Optional[str] = ...) -> None: ...

class ReadRequest(_message.Message):
    __slots__ = ("model", "stream", "start", "follow", "limit")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    model: str
    stream: str
    start: int
    follow: bool
    limit: int
    def __init__(self, model: _Optional[str] = ..., stream: _Optional[str] = ..., start: _Optional[int] = ..., follow: bool = ..., limit: _Optional[int] = ...) -> None: ...

class ReadResponse(_message.Message):
    __slots__ = ("store_id", "events", "end")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    events: _containers.RepeatedCompositeFieldContainer[LoggedEvent]
    end: int
    def __init__(self, store_id: _Optional[str] = ..., events: _Optional[_Iterable[_Union[LoggedEvent, _Mapping]]] = ..., end: _Optional[int] = ...) -> None: ...

class LoggedEvent(_message.Message):
    __slots__ = ("offset", "event_id", "time_ns", "received_ns", "body")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    offset: int
    event_id: str
    time_ns: int
    received_ns: int
    body: bytes
    def __init__(self, offset: _Optional[int] = ..., event_id: _Optional[str] = ..., time_ns: _Optional[int] = ..., received_ns: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class TrimRequest(_message.Message):
    __slots__ = ("model", "stream", "before")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    model: str
    stream: str
    before: int
    def __init__(self, model: _Optional[str] = ..., stream: _Optional[str] = ..., before: _Optional[int] = ...) -> None: ...

class TrimResponse(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    def __init__(self, store_id: _Optional[str] = ...) -> None: ...

class EndRequest(_message.Message):
    __slots__ = ("model", "stream")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    model: str
    stream: str
    def __init__(self, model: _Optional[str] = ..., stream: _Optional[str] = ...) -> None: ...

class EndResponse(_message.Message):
    __slots__ = ("store_id", "end")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    end: int
    def __init__(self, store_id: _Optional[str] = ..., end: _Optional[int] = ...) -> None: ...

class MomentRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class MomentResponse(_message.Message):
    __slots__ = ("store_id", "clock_ns", "ends")
    class EndsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CLOCK_NS_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    clock_ns: int
    ends: _containers.ScalarMap[str, int]
    def __init__(self, store_id: _Optional[str] = ..., clock_ns: _Optional[int] = ..., ends: _Optional[_Mapping[str, int]] = ...) -> None: ...
