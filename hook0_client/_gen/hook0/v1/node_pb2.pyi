import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Node(_message.Message):
    __slots__ = ("node_id", "host", "pid", "version", "is_answering", "is_sending", "started_at", "since_last_beat", "is_living", "held_count", "in_flight_count")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    IS_ANSWERING_FIELD_NUMBER: _ClassVar[int]
    IS_SENDING_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    SINCE_LAST_BEAT_FIELD_NUMBER: _ClassVar[int]
    IS_LIVING_FIELD_NUMBER: _ClassVar[int]
    HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_COUNT_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    host: str
    pid: int
    version: str
    is_answering: bool
    is_sending: bool
    started_at: _timestamp_pb2.Timestamp
    since_last_beat: _duration_pb2.Duration
    is_living: bool
    held_count: int
    in_flight_count: int
    def __init__(self, node_id: _Optional[int] = ..., host: _Optional[str] = ..., pid: _Optional[int] = ..., version: _Optional[str] = ..., is_answering: bool = ..., is_sending: bool = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., since_last_beat: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., is_living: bool = ..., held_count: _Optional[int] = ..., in_flight_count: _Optional[int] = ...) -> None: ...

class UnheldDeliveries(_message.Message):
    __slots__ = ("due_count", "later_count", "parked_count")
    DUE_COUNT_FIELD_NUMBER: _ClassVar[int]
    LATER_COUNT_FIELD_NUMBER: _ClassVar[int]
    PARKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    due_count: int
    later_count: int
    parked_count: int
    def __init__(self, due_count: _Optional[int] = ..., later_count: _Optional[int] = ..., parked_count: _Optional[int] = ...) -> None: ...
