import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from riverrun.api.experiments.v1 import experiments_pb2 as _experiments_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelInfo(_message.Message):
    __slots__ = ("name", "spec_yaml", "spec_revision", "lines", "channels", "create_time", "problem", "experiments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_YAML_FIELD_NUMBER: _ClassVar[int]
    SPEC_REVISION_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec_yaml: str
    spec_revision: int
    lines: _containers.RepeatedCompositeFieldContainer[Line]
    channels: _containers.RepeatedCompositeFieldContainer[Channel]
    create_time: _timestamp_pb2.Timestamp
    problem: str
    experiments: _containers.RepeatedCompositeFieldContainer[_experiments_pb2.Experiment]
    def __init__(self, name: _Optional[str] = ..., spec_yaml: _Optional[str] = ..., spec_revision: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[Line, _Mapping]]] = ..., channels: _Optional[_Iterable[_Union[Channel, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., problem: _Optional[str] = ..., experiments: _Optional[_Iterable[_Union[_experiments_pb2.Experiment, _Mapping]]] = ...) -> None: ...

class Line(_message.Message):
    __slots__ = ("number", "head", "epoch", "spec_digest", "closed", "retrain", "since")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SPEC_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    RETRAIN_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    number: int
    head: int
    epoch: int
    spec_digest: bytes
    closed: bool
    retrain: bool
    since: _timestamp_pb2.Timestamp
    def __init__(self, number: _Optional[int] = ..., head: _Optional[int] = ..., epoch: _Optional[int] = ..., spec_digest: _Optional[bytes] = ..., closed: bool = ..., retrain: bool = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Channel(_message.Message):
    __slots__ = ("name", "generation", "version", "follows_line")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FOLLOWS_LINE_FIELD_NUMBER: _ClassVar[int]
    name: str
    generation: int
    version: int
    follows_line: int
    def __init__(self, name: _Optional[str] = ..., generation: _Optional[int] = ..., version: _Optional[int] = ..., follows_line: _Optional[int] = ...) -> None: ...

class StreamPosition(_message.Message):
    __slots__ = ("stream", "offsets")
    class OffsetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    STREAM_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    stream: str
    offsets: _containers.ScalarMap[int, int]
    def __init__(self, stream: _Optional[str] = ..., offsets: _Optional[_Mapping[int, int]] = ...) -> None: ...

class OffsetRange(_message.Message):
    __slots__ = ("stream", "partition", "start", "end")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    stream: str
    partition: int
    start: int
    end: int
    def __init__(self, stream: _Optional[str] = ..., partition: _Optional[int] = ..., start: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("model", "version", "line", "parent", "epoch", "digest", "serving_root", "trainer_root", "spec_digest", "create_time", "next_unit", "positions", "watermark", "examples", "metrics", "oldest_arrival", "newest_arrival", "skipped", "push_id", "delta_bytes", "good")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SERVING_ROOT_FIELD_NUMBER: _ClassVar[int]
    TRAINER_ROOT_FIELD_NUMBER: _ClassVar[int]
    SPEC_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_UNIT_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    NEWEST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    PUSH_ID_FIELD_NUMBER: _ClassVar[int]
    DELTA_BYTES_FIELD_NUMBER: _ClassVar[int]
    GOOD_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: int
    line: int
    parent: int
    epoch: int
    digest: bytes
    serving_root: bytes
    trainer_root: bytes
    spec_digest: bytes
    create_time: _timestamp_pb2.Timestamp
    next_unit: int
    positions: _containers.RepeatedCompositeFieldContainer[StreamPosition]
    watermark: _timestamp_pb2.Timestamp
    examples: int
    metrics: _containers.ScalarMap[str, float]
    oldest_arrival: _timestamp_pb2.Timestamp
    newest_arrival: _timestamp_pb2.Timestamp
    skipped: _containers.RepeatedCompositeFieldContainer[OffsetRange]
    push_id: str
    delta_bytes: int
    good: bool
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., line: _Optional[int] = ..., parent: _Optional[int] = ..., epoch: _Optional[int] = ..., digest: _Optional[bytes] = ..., serving_root: _Optional[bytes] = ..., trainer_root: _Optional[bytes] = ..., spec_digest: _Optional[bytes] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_unit: _Optional[int] = ..., positions: _Optional[_Iterable[_Union[StreamPosition, _Mapping]]] = ..., watermark: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., examples: _Optional[int] = ..., metrics: _Optional[_Mapping[str, float]] = ..., oldest_arrival: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., newest_arrival: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., skipped: _Optional[_Iterable[_Union[OffsetRange, _Mapping]]] = ..., push_id: _Optional[str] = ..., delta_bytes: _Optional[int] = ..., good: bool = ...) -> None: ...

class RegisterModelRequest(_message.Message):
    __slots__ = ("spec_yaml", "base_spec_revision")
    SPEC_YAML_FIELD_NUMBER: _ClassVar[int]
    BASE_SPEC_REVISION_FIELD_NUMBER: _ClassVar[int]
    spec_yaml: str
    base_spec_revision: int
    def __init__(self, spec_yaml: _Optional[str] = ..., base_spec_revision: _Optional[int] = ...) -> None: ...

class RegisterModelResponse(_message.Message):
    __slots__ = ("store_id", "model", "opened_line")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OPENED_LINE_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    model: ModelInfo
    opened_line: bool
    def __init__(self, store_id: _Optional[str] = ..., model: _Optional[_Union[ModelInfo, _Mapping]] = ..., opened_line: bool = ...) -> None: ...

class DeleteModelRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class DeleteModelResponse(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    def __init__(self, store_id: _Optional[str] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("store_id", "models")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    models: _containers.RepeatedCompositeFieldContainer[ModelInfo]
    def __init__(self, store_id: _Optional[str] = ..., models: _Optional[_Iterable[_Union[ModelInfo, _Mapping]]] = ...) -> None: ...

class OpenSessionRequest(_message.Message):
    __slots__ = ("open", "progress", "push", "attempt", "goodbye", "judged")
    class Open(_message.Message):
        __slots__ = ("model", "line", "trainer_id", "ended_epoch")
        MODEL_FIELD_NUMBER: _ClassVar[int]
        LINE_FIELD_NUMBER: _ClassVar[int]
        TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
        ENDED_EPOCH_FIELD_NUMBER: _ClassVar[int]
        model: str
        line: int
        trainer_id: str
        ended_epoch: int
        def __init__(self, model: _Optional[str] = ..., line: _Optional[int] = ..., trainer_id: _Optional[str] = ..., ended_epoch: _Optional[int] = ...) -> None: ...
    class Goodbye(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Judged(_message.Message):
        __slots__ = ("version", "passed", "hold_version", "reset_version", "kind", "reason", "facts")
        VERSION_FIELD_NUMBER: _ClassVar[int]
        PASSED_FIELD_NUMBER: _ClassVar[int]
        HOLD_VERSION_FIELD_NUMBER: _ClassVar[int]
        RESET_VERSION_FIELD_NUMBER: _ClassVar[int]
        KIND_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        FACTS_FIELD_NUMBER: _ClassVar[int]
        version: int
        passed: bool
        hold_version: int
        reset_version: int
        kind: str
        reason: str
        facts: bytes
        def __init__(self, version: _Optional[int] = ..., passed: bool = ..., hold_version: _Optional[int] = ..., reset_version: _Optional[int] = ..., kind: _Optional[str] = ..., reason: _Optional[str] = ..., facts: _Optional[bytes] = ...) -> None: ...
    class Progress(_message.Message):
        __slots__ = ("examples", "problem", "report")
        EXAMPLES_FIELD_NUMBER: _ClassVar[int]
        PROBLEM_FIELD_NUMBER: _ClassVar[int]
        REPORT_FIELD_NUMBER: _ClassVar[int]
        examples: int
        problem: str
        report: bytes
        def __init__(self, examples: _Optional[int] = ..., problem: _Optional[str] = ..., report: _Optional[bytes] = ...) -> None: ...
    OPEN_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PUSH_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    JUDGED_FIELD_NUMBER: _ClassVar[int]
    open: OpenSessionRequest.Open
    progress: OpenSessionRequest.Progress
    push: PushHeader
    attempt: OffsetRange
    goodbye: OpenSessionRequest.Goodbye
    judged: OpenSessionRequest.Judged
    def __init__(self, open: _Optional[_Union[OpenSessionRequest.Open, _Mapping]] = ..., progress: _Optional[_Union[OpenSessionRequest.Progress, _Mapping]] = ..., push: _Optional[_Union[PushHeader, _Mapping]] = ..., attempt: _Optional[_Union[OffsetRange, _Mapping]] = ..., goodbye: _Optional[_Union[OpenSessionRequest.Goodbye, _Mapping]] = ..., judged: _Optional[_Union[OpenSessionRequest.Judged, _Mapping]] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("store_id", "opened", "spec_changed", "pushed", "noted")
    class Opened(_message.Message):
        __slots__ = ("epoch", "head", "spec_yaml", "positions", "skipped", "same_position_sessions", "unclean_end", "suspects", "since", "good_version")
        EPOCH_FIELD_NUMBER: _ClassVar[int]
        HEAD_FIELD_NUMBER: _ClassVar[int]
        SPEC_YAML_FIELD_NUMBER: _ClassVar[int]
        POSITIONS_FIELD_NUMBER: _ClassVar[int]
        SKIPPED_FIELD_NUMBER: _ClassVar[int]
        SAME_POSITION_SESSIONS_FIELD_NUMBER: _ClassVar[int]
        UNCLEAN_END_FIELD_NUMBER: _ClassVar[int]
        SUSPECTS_FIELD_NUMBER: _ClassVar[int]
        SINCE_FIELD_NUMBER: _ClassVar[int]
        GOOD_VERSION_FIELD_NUMBER: _ClassVar[int]
        epoch: int
        head: Manifest
        spec_yaml: str
        positions: _containers.RepeatedCompositeFieldContainer[StreamPosition]
        skipped: _containers.RepeatedCompositeFieldContainer[OffsetRange]
        same_position_sessions: int
        unclean_end: bool
        suspects: _containers.RepeatedCompositeFieldContainer[OpenSessionResponse.Suspect]
        since: _timestamp_pb2.Timestamp
        good_version: int
        def __init__(self, epoch: _Optional[int] = ..., head: _Optional[_Union[Manifest, _Mapping]] = ..., spec_yaml: _Optional[str] = ..., positions: _Optional[_Iterable[_Union[StreamPosition, _Mapping]]] = ..., skipped: _Optional[_Iterable[_Union[OffsetRange, _Mapping]]] = ..., same_position_sessions: _Optional[int] = ..., unclean_end: bool = ..., suspects: _Optional[_Iterable[_Union[OpenSessionResponse.Suspect, _Mapping]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., good_version: _Optional[int] = ...) -> None: ...
    class Suspect(_message.Message):
        __slots__ = ("range", "deaths")
        RANGE_FIELD_NUMBER: _ClassVar[int]
        DEATHS_FIELD_NUMBER: _ClassVar[int]
        range: OffsetRange
        deaths: int
        def __init__(self, range: _Optional[_Union[OffsetRange, _Mapping]] = ..., deaths: _Optional[int] = ...) -> None: ...
    class Noted(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class SpecChanged(_message.Message):
        __slots__ = ("spec_yaml",)
        SPEC_YAML_FIELD_NUMBER: _ClassVar[int]
        spec_yaml: str
        def __init__(self, spec_yaml: _Optional[str] = ...) -> None: ...
    class Pushed(_message.Message):
        __slots__ = ("push_id", "answer")
        PUSH_ID_FIELD_NUMBER: _ClassVar[int]
        ANSWER_FIELD_NUMBER: _ClassVar[int]
        push_id: str
        answer: PushResponse
        def __init__(self, push_id: _Optional[str] = ..., answer: _Optional[_Union[PushResponse, _Mapping]] = ...) -> None: ...
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    SPEC_CHANGED_FIELD_NUMBER: _ClassVar[int]
    PUSHED_FIELD_NUMBER: _ClassVar[int]
    NOTED_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    opened: OpenSessionResponse.Opened
    spec_changed: OpenSessionResponse.SpecChanged
    pushed: OpenSessionResponse.Pushed
    noted: OpenSessionResponse.Noted
    def __init__(self, store_id: _Optional[str] = ..., opened: _Optional[_Union[OpenSessionResponse.Opened, _Mapping]] = ..., spec_changed: _Optional[_Union[OpenSessionResponse.SpecChanged, _Mapping]] = ..., pushed: _Optional[_Union[OpenSessionResponse.Pushed, _Mapping]] = ..., noted: _Optional[_Union[OpenSessionResponse.Noted, _Mapping]] = ...) -> None: ...

class PushRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: PushHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[PushHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class PushHeader(_message.Message):
    __slots__ = ("model", "line", "epoch", "base_version", "push_id", "serving_bytes", "trainer_bytes", "inline_serving", "inline_trainer", "snapshot", "serving_root", "trainer_root", "next_unit", "positions", "watermark", "examples", "metrics", "oldest_arrival", "newest_arrival", "skipped", "spec_revision", "trace")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class TraceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PUSH_ID_FIELD_NUMBER: _ClassVar[int]
    SERVING_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRAINER_BYTES_FIELD_NUMBER: _ClassVar[int]
    INLINE_SERVING_FIELD_NUMBER: _ClassVar[int]
    INLINE_TRAINER_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SERVING_ROOT_FIELD_NUMBER: _ClassVar[int]
    TRAINER_ROOT_FIELD_NUMBER: _ClassVar[int]
    NEXT_UNIT_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    NEWEST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    SPEC_REVISION_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    model: str
    line: int
    epoch: int
    base_version: int
    push_id: str
    serving_bytes: int
    trainer_bytes: int
    inline_serving: bytes
    inline_trainer: bytes
    snapshot: bool
    serving_root: bytes
    trainer_root: bytes
    next_unit: int
    positions: _containers.RepeatedCompositeFieldContainer[StreamPosition]
    watermark: _timestamp_pb2.Timestamp
    examples: int
    metrics: _containers.ScalarMap[str, float]
    oldest_arrival: _timestamp_pb2.Timestamp
    newest_arrival: _timestamp_pb2.Timestamp
    skipped: _containers.RepeatedCompositeFieldContainer[OffsetRange]
    spec_revision: int
    trace: _containers.ScalarMap[str, str]
    def __init__(self, model: _Optional[str] = ..., line: _Optional[int] = ..., epoch: _Optional[int] = ..., base_version: _Optional[int] = ..., push_id: _Optional[str] = ..., serving_bytes: _Optional[int] = ..., trainer_bytes: _Optional[int] = ..., inline_serving: _Optional[bytes] = ..., inline_trainer: _Optional[bytes] = ..., snapshot: bool = ..., serving_root: _Optional[bytes] = ..., trainer_root: _Optional[bytes] = ..., next_unit: _Optional[int] = ..., positions: _Optional[_Iterable[_Union[StreamPosition, _Mapping]]] = ..., watermark: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., examples: _Optional[int] = ..., metrics: _Optional[_Mapping[str, float]] = ..., oldest_arrival: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., newest_arrival: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., skipped: _Optional[_Iterable[_Union[OffsetRange, _Mapping]]] = ..., spec_revision: _Optional[int] = ..., trace: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PushResponse(_message.Message):
    __slots__ = ("store_id", "version", "digest", "moved", "held")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    version: int
    digest: bytes
    moved: _containers.RepeatedCompositeFieldContainer[Channel]
    held: bool
    def __init__(self, store_id: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[bytes] = ..., moved: _Optional[_Iterable[_Union[Channel, _Mapping]]] = ..., held: bool = ...) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("model", "channel", "version", "have_version", "have_store_id", "trainer_state")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HAVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    HAVE_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TRAINER_STATE_FIELD_NUMBER: _ClassVar[int]
    model: str
    channel: str
    version: int
    have_version: int
    have_store_id: str
    trainer_state: bool
    def __init__(self, model: _Optional[str] = ..., channel: _Optional[str] = ..., version: _Optional[int] = ..., have_version: _Optional[int] = ..., have_store_id: _Optional[str] = ..., trainer_state: bool = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: PullHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[PullHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class PullHeader(_message.Message):
    __slots__ = ("store_id", "manifest", "generation", "base_version", "serving_bytes", "trainer_bytes", "spec_yaml", "unconfirmed_for")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVING_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRAINER_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPEC_YAML_FIELD_NUMBER: _ClassVar[int]
    UNCONFIRMED_FOR_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    manifest: Manifest
    generation: int
    base_version: int
    serving_bytes: int
    trainer_bytes: int
    spec_yaml: str
    unconfirmed_for: _duration_pb2.Duration
    def __init__(self, store_id: _Optional[str] = ..., manifest: _Optional[_Union[Manifest, _Mapping]] = ..., generation: _Optional[int] = ..., base_version: _Optional[int] = ..., serving_bytes: _Optional[int] = ..., trainer_bytes: _Optional[int] = ..., spec_yaml: _Optional[str] = ..., unconfirmed_for: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("subscribe", "applied")
    class Subscribe(_message.Message):
        __slots__ = ("reader_id", "address", "models", "have", "have_store_id", "catalogue_only")
        READER_ID_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        MODELS_FIELD_NUMBER: _ClassVar[int]
        HAVE_FIELD_NUMBER: _ClassVar[int]
        HAVE_STORE_ID_FIELD_NUMBER: _ClassVar[int]
        CATALOGUE_ONLY_FIELD_NUMBER: _ClassVar[int]
        reader_id: str
        address: str
        models: _containers.RepeatedScalarFieldContainer[str]
        have: _containers.RepeatedCompositeFieldContainer[WatchRequest.Have]
        have_store_id: str
        catalogue_only: bool
        def __init__(self, reader_id: _Optional[str] = ..., address: _Optional[str] = ..., models: _Optional[_Iterable[str]] = ..., have: _Optional[_Iterable[_Union[WatchRequest.Have, _Mapping]]] = ..., have_store_id: _Optional[str] = ..., catalogue_only: bool = ...) -> None: ...
    class Have(_message.Message):
        __slots__ = ("model", "channel", "version", "generation")
        MODEL_FIELD_NUMBER: _ClassVar[int]
        CHANNEL_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        GENERATION_FIELD_NUMBER: _ClassVar[int]
        model: str
        channel: str
        version: int
        generation: int
        def __init__(self, model: _Optional[str] = ..., channel: _Optional[str] = ..., version: _Optional[int] = ..., generation: _Optional[int] = ...) -> None: ...
    class Applied(_message.Message):
        __slots__ = ("model", "channel", "version", "generation", "sync", "problem", "reader_id", "address", "gone", "freshness")
        MODEL_FIELD_NUMBER: _ClassVar[int]
        CHANNEL_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        GENERATION_FIELD_NUMBER: _ClassVar[int]
        SYNC_FIELD_NUMBER: _ClassVar[int]
        PROBLEM_FIELD_NUMBER: _ClassVar[int]
        READER_ID_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        GONE_FIELD_NUMBER: _ClassVar[int]
        FRESHNESS_FIELD_NUMBER: _ClassVar[int]
        model: str
        channel: str
        version: int
        generation: int
        sync: str
        problem: str
        reader_id: str
        address: str
        gone: bool
        freshness: Freshness
        def __init__(self, model: _Optional[str] = ..., channel: _Optional[str] = ..., version: _Optional[int] = ..., generation: _Optional[int] = ..., sync: _Optional[str] = ..., problem: _Optional[str] = ..., reader_id: _Optional[str] = ..., address: _Optional[str] = ..., gone: bool = ..., freshness: _Optional[_Union[Freshness, _Mapping]] = ...) -> None: ...
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    subscribe: WatchRequest.Subscribe
    applied: WatchRequest.Applied
    def __init__(self, subscribe: _Optional[_Union[WatchRequest.Subscribe, _Mapping]] = ..., applied: _Optional[_Union[WatchRequest.Applied, _Mapping]] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("store_id", "model", "deleted_model", "announcement", "heartbeat")
    class Heartbeat(_message.Message):
        __slots__ = ("time", "unconfirmed_for")
        TIME_FIELD_NUMBER: _ClassVar[int]
        UNCONFIRMED_FOR_FIELD_NUMBER: _ClassVar[int]
        time: _timestamp_pb2.Timestamp
        unconfirmed_for: _duration_pb2.Duration
        def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., unconfirmed_for: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DELETED_MODEL_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCEMENT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    model: ModelInfo
    deleted_model: str
    announcement: Announcement
    heartbeat: WatchResponse.Heartbeat
    def __init__(self, store_id: _Optional[str] = ..., model: _Optional[_Union[ModelInfo, _Mapping]] = ..., deleted_model: _Optional[str] = ..., announcement: _Optional[_Union[Announcement, _Mapping]] = ..., heartbeat: _Optional[_Union[WatchResponse.Heartbeat, _Mapping]] = ...) -> None: ...

class Announcement(_message.Message):
    __slots__ = ("channel", "generation", "manifest", "base_version", "serving_delta", "oldest_arrival")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    BASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVING_DELTA_FIELD_NUMBER: _ClassVar[int]
    OLDEST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    channel: str
    generation: int
    manifest: Manifest
    base_version: int
    serving_delta: bytes
    oldest_arrival: _timestamp_pb2.Timestamp
    def __init__(self, channel: _Optional[str] = ..., generation: _Optional[int] = ..., manifest: _Optional[_Union[Manifest, _Mapping]] = ..., base_version: _Optional[int] = ..., serving_delta: _Optional[bytes] = ..., oldest_arrival: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SetChannelRequest(_message.Message):
    __slots__ = ("model", "channel", "hold_version", "hold_last_good", "hold_before", "hold_here", "follow", "follow_line", "remove", "base_generation", "mark_good", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    HOLD_VERSION_FIELD_NUMBER: _ClassVar[int]
    HOLD_LAST_GOOD_FIELD_NUMBER: _ClassVar[int]
    HOLD_BEFORE_FIELD_NUMBER: _ClassVar[int]
    HOLD_HERE_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_LINE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    BASE_GENERATION_FIELD_NUMBER: _ClassVar[int]
    MARK_GOOD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    channel: str
    hold_version: int
    hold_last_good: bool
    hold_before: _timestamp_pb2.Timestamp
    hold_here: bool
    follow: bool
    follow_line: int
    remove: bool
    base_generation: int
    mark_good: bool
    reason: str
    def __init__(self, model: _Optional[str] = ..., channel: _Optional[str] = ..., hold_version: _Optional[int] = ..., hold_last_good: bool = ..., hold_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold_here: bool = ..., follow: bool = ..., follow_line: _Optional[int] = ..., remove: bool = ..., base_generation: _Optional[int] = ..., mark_good: bool = ..., reason: _Optional[str] = ...) -> None: ...

class SetChannelResponse(_message.Message):
    __slots__ = ("store_id", "channel", "previous")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    channel: Channel
    previous: Channel
    def __init__(self, store_id: _Optional[str] = ..., channel: _Optional[_Union[Channel, _Mapping]] = ..., previous: _Optional[_Union[Channel, _Mapping]] = ...) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = ("model", "to_version", "examples", "reason")
    class Examples(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        EXAMPLES_UNSPECIFIED: _ClassVar[ResetRequest.Examples]
        EXAMPLES_SKIP: _ClassVar[ResetRequest.Examples]
        EXAMPLES_REPLAY: _ClassVar[ResetRequest.Examples]
    EXAMPLES_UNSPECIFIED: ResetRequest.Examples
    EXAMPLES_SKIP: ResetRequest.Examples
    EXAMPLES_REPLAY: ResetRequest.Examples
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    to_version: int
    examples: ResetRequest.Examples
    reason: str
    def __init__(self, model: _Optional[str] = ..., to_version: _Optional[int] = ..., examples: _Optional[_Union[ResetRequest.Examples, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class ResetResponse(_message.Message):
    __slots__ = ("store_id", "line", "closed_line")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    CLOSED_LINE_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    line: Line
    closed_line: int
    def __init__(self, store_id: _Optional[str] = ..., line: _Optional[_Union[Line, _Mapping]] = ..., closed_line: _Optional[int] = ...) -> None: ...

class ListVersionsRequest(_message.Message):
    __slots__ = ("model", "page_size", "before_version")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_VERSION_FIELD_NUMBER: _ClassVar[int]
    model: str
    page_size: int
    before_version: int
    def __init__(self, model: _Optional[str] = ..., page_size: _Optional[int] = ..., before_version: _Optional[int] = ...) -> None: ...

class ListVersionsResponse(_message.Message):
    __slots__ = ("store_id", "versions", "kept")
    class Kept(_message.Message):
        __slots__ = ("delta_bytes", "snapshot_bytes", "reasons")
        DELTA_BYTES_FIELD_NUMBER: _ClassVar[int]
        SNAPSHOT_BYTES_FIELD_NUMBER: _ClassVar[int]
        REASONS_FIELD_NUMBER: _ClassVar[int]
        delta_bytes: int
        snapshot_bytes: int
        reasons: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, delta_bytes: _Optional[int] = ..., snapshot_bytes: _Optional[int] = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    versions: _containers.RepeatedCompositeFieldContainer[Manifest]
    kept: _containers.RepeatedCompositeFieldContainer[ListVersionsResponse.Kept]
    def __init__(self, store_id: _Optional[str] = ..., versions: _Optional[_Iterable[_Union[Manifest, _Mapping]]] = ..., kept: _Optional[_Iterable[_Union[ListVersionsResponse.Kept, _Mapping]]] = ...) -> None: ...

class GetVersionRequest(_message.Message):
    __slots__ = ("model", "version")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: int
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetVersionResponse(_message.Message):
    __slots__ = ("store_id", "manifest")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    manifest: Manifest
    def __init__(self, store_id: _Optional[str] = ..., manifest: _Optional[_Union[Manifest, _Mapping]] = ...) -> None: ...

class GetEvaluationRequest(_message.Message):
    __slots__ = ("model", "line")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    model: str
    line: int
    def __init__(self, model: _Optional[str] = ..., line: _Optional[int] = ...) -> None: ...

class GetEvaluationResponse(_message.Message):
    __slots__ = ("store_id", "line", "report", "report_time")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    line: int
    report: bytes
    report_time: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[str] = ..., line: _Optional[int] = ..., report: _Optional[bytes] = ..., report_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListRecordsRequest(_message.Message):
    __slots__ = ("model", "page_size", "before")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    model: str
    page_size: int
    before: int
    def __init__(self, model: _Optional[str] = ..., page_size: _Optional[int] = ..., before: _Optional[int] = ...) -> None: ...

class ListRecordsResponse(_message.Message):
    __slots__ = ("store_id", "records")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    records: _containers.RepeatedCompositeFieldContainer[Record]
    def __init__(self, store_id: _Optional[str] = ..., records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("number", "time", "kind", "actor", "reason", "line", "channel", "version", "previous_version", "facts")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    number: int
    time: _timestamp_pb2.Timestamp
    kind: str
    actor: str
    reason: str
    line: int
    channel: str
    version: int
    previous_version: int
    facts: bytes
    def __init__(self, number: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., line: _Optional[int] = ..., channel: _Optional[str] = ..., version: _Optional[int] = ..., previous_version: _Optional[int] = ..., facts: _Optional[bytes] = ...) -> None: ...

class ListReadersRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class ListReadersResponse(_message.Message):
    __slots__ = ("store_id", "readers")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    READERS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    readers: _containers.RepeatedCompositeFieldContainer[Reader]
    def __init__(self, store_id: _Optional[str] = ..., readers: _Optional[_Iterable[_Union[Reader, _Mapping]]] = ...) -> None: ...

class Reader(_message.Message):
    __slots__ = ("reader_id", "address", "model", "channel", "version", "generation", "lag", "sync", "problem", "report_time", "freshness")
    READER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    reader_id: str
    address: str
    model: str
    channel: str
    version: int
    generation: int
    lag: int
    sync: str
    problem: str
    report_time: _timestamp_pb2.Timestamp
    freshness: Freshness
    def __init__(self, reader_id: _Optional[str] = ..., address: _Optional[str] = ..., model: _Optional[str] = ..., channel: _Optional[str] = ..., version: _Optional[int] = ..., generation: _Optional[int] = ..., lag: _Optional[int] = ..., sync: _Optional[str] = ..., problem: _Optional[str] = ..., report_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., freshness: _Optional[_Union[Freshness, _Mapping]] = ...) -> None: ...

class Freshness(_message.Message):
    __slots__ = ("p50_seconds", "p99_seconds", "swaps")
    P50_SECONDS_FIELD_NUMBER: _ClassVar[int]
    P99_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SWAPS_FIELD_NUMBER: _ClassVar[int]
    p50_seconds: float
    p99_seconds: float
    swaps: int
    def __init__(self, p50_seconds: _Optional[float] = ..., p99_seconds: _Optional[float] = ..., swaps: _Optional[int] = ...) -> None: ...

class BackupRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BackupResponse(_message.Message):
    __slots__ = ("store_id", "file", "chunk", "sha256", "done")
    class File(_message.Message):
        __slots__ = ("path", "size")
        PATH_FIELD_NUMBER: _ClassVar[int]
        SIZE_FIELD_NUMBER: _ClassVar[int]
        path: str
        size: int
        def __init__(self, path: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...
    class Done(_message.Message):
        __slots__ = ("files", "bytes")
        FILES_FIELD_NUMBER: _ClassVar[int]
        BYTES_FIELD_NUMBER: _ClassVar[int]
        files: int
        bytes: int
        def __init__(self, files: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    file: BackupResponse.File
    chunk: bytes
    sha256: bytes
    done: BackupResponse.Done
    def __init__(self, store_id: _Optional[str] = ..., file: _Optional[_Union[BackupResponse.File, _Mapping]] = ..., chunk: _Optional[bytes] = ..., sha256: _Optional[bytes] = ..., done: _Optional[_Union[BackupResponse.Done, _Mapping]] = ...) -> None: ...
