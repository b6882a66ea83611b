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

class AttemptTrigger(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTEMPT_TRIGGER_UNSPECIFIED: _ClassVar[AttemptTrigger]
    ATTEMPT_TRIGGER_SCHEDULE: _ClassVar[AttemptTrigger]
    ATTEMPT_TRIGGER_MANUAL: _ClassVar[AttemptTrigger]
    ATTEMPT_TRIGGER_REPLAY: _ClassVar[AttemptTrigger]

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_SUCCEEDED: _ClassVar[Outcome]
    OUTCOME_HTTP_ERROR: _ClassVar[Outcome]
    OUTCOME_TIMEOUT: _ClassVar[Outcome]
    OUTCOME_CONNECTION_ERROR: _ClassVar[Outcome]
    OUTCOME_DNS_ERROR: _ClassVar[Outcome]
    OUTCOME_TLS_ERROR: _ClassVar[Outcome]
    OUTCOME_TARGET_REFUSED: _ClassVar[Outcome]
    OUTCOME_INVALID_TARGET: _ClassVar[Outcome]
    OUTCOME_PROTOCOL_ERROR: _ClassVar[Outcome]
    OUTCOME_CANCELLED: _ClassVar[Outcome]
    OUTCOME_EXPIRED: _ClassVar[Outcome]
    OUTCOME_INTERRUPTED: _ClassVar[Outcome]
ATTEMPT_TRIGGER_UNSPECIFIED: AttemptTrigger
ATTEMPT_TRIGGER_SCHEDULE: AttemptTrigger
ATTEMPT_TRIGGER_MANUAL: AttemptTrigger
ATTEMPT_TRIGGER_REPLAY: AttemptTrigger
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_SUCCEEDED: Outcome
OUTCOME_HTTP_ERROR: Outcome
OUTCOME_TIMEOUT: Outcome
OUTCOME_CONNECTION_ERROR: Outcome
OUTCOME_DNS_ERROR: Outcome
OUTCOME_TLS_ERROR: Outcome
OUTCOME_TARGET_REFUSED: Outcome
OUTCOME_INVALID_TARGET: Outcome
OUTCOME_PROTOCOL_ERROR: Outcome
OUTCOME_CANCELLED: Outcome
OUTCOME_EXPIRED: Outcome
OUTCOME_INTERRUPTED: Outcome

class Attempt(_message.Message):
    __slots__ = ("application_id", "attempt_id", "delivery_id", "event_id", "event_type", "subscription_id", "attempt_number", "trigger", "outcome", "final", "created_at", "picked_at", "finished_at", "elapsed", "http_status", "error_message", "next_attempt_at", "request", "response", "takeover_count")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PICKED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_AT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    TAKEOVER_COUNT_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    attempt_id: str
    delivery_id: str
    event_id: str
    event_type: str
    subscription_id: str
    attempt_number: int
    trigger: AttemptTrigger
    outcome: Outcome
    final: bool
    created_at: _timestamp_pb2.Timestamp
    picked_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    elapsed: _duration_pb2.Duration
    http_status: int
    error_message: str
    next_attempt_at: _timestamp_pb2.Timestamp
    request: AttemptRequest
    response: AttemptResponse
    takeover_count: int
    def __init__(self, application_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., delivery_id: _Optional[str] = ..., event_id: _Optional[str] = ..., event_type: _Optional[str] = ..., subscription_id: _Optional[str] = ..., attempt_number: _Optional[int] = ..., trigger: _Optional[_Union[AttemptTrigger, str]] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., final: bool = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., picked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., elapsed: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., http_status: _Optional[int] = ..., error_message: _Optional[str] = ..., next_attempt_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., request: _Optional[_Union[AttemptRequest, _Mapping]] = ..., response: _Optional[_Union[AttemptResponse, _Mapping]] = ..., takeover_count: _Optional[int] = ...) -> None: ...

class AttemptRequest(_message.Message):
    __slots__ = ("method", "url", "headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    method: str
    url: str
    headers: _containers.ScalarMap[str, str]
    def __init__(self, method: _Optional[str] = ..., url: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...

class AttemptResponse(_message.Message):
    __slots__ = ("headers", "body", "body_truncated", "headers_truncated")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    BODY_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    HEADERS_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    headers: _containers.ScalarMap[str, str]
    body: bytes
    body_truncated: bool
    headers_truncated: bool
    def __init__(self, headers: _Optional[_Mapping[str, str]] = ..., body: _Optional[bytes] = ..., body_truncated: bool = ..., headers_truncated: bool = ...) -> None: ...

class AttemptFilter(_message.Message):
    __slots__ = ("subscription_ids", "event_ids", "delivery_ids", "event_types", "outcomes", "only_final", "finished_after", "finished_before")
    SUBSCRIPTION_IDS_FIELD_NUMBER: _ClassVar[int]
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ONLY_FINAL_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AFTER_FIELD_NUMBER: _ClassVar[int]
    FINISHED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    subscription_ids: _containers.RepeatedScalarFieldContainer[str]
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    delivery_ids: _containers.RepeatedScalarFieldContainer[str]
    event_types: _containers.RepeatedScalarFieldContainer[str]
    outcomes: _containers.RepeatedScalarFieldContainer[Outcome]
    only_final: bool
    finished_after: _timestamp_pb2.Timestamp
    finished_before: _timestamp_pb2.Timestamp
    def __init__(self, subscription_ids: _Optional[_Iterable[str]] = ..., event_ids: _Optional[_Iterable[str]] = ..., delivery_ids: _Optional[_Iterable[str]] = ..., event_types: _Optional[_Iterable[str]] = ..., outcomes: _Optional[_Iterable[_Union[Outcome, str]]] = ..., only_final: bool = ..., finished_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
