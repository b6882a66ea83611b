from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Quotas(_message.Message):
    __slots__ = ("members", "applications", "events_per_day", "subscriptions", "event_types", "retention_days")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    APPLICATIONS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    members: int
    applications: int
    events_per_day: int
    subscriptions: int
    event_types: int
    retention_days: int
    def __init__(self, members: _Optional[int] = ..., applications: _Optional[int] = ..., events_per_day: _Optional[int] = ..., subscriptions: _Optional[int] = ..., event_types: _Optional[int] = ..., retention_days: _Optional[int] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("limits", "events_today", "members", "applications", "subscriptions", "event_types")
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_TODAY_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    APPLICATIONS_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    limits: Quotas
    events_today: int
    members: int
    applications: int
    subscriptions: int
    event_types: int
    def __init__(self, limits: _Optional[_Union[Quotas, _Mapping]] = ..., events_today: _Optional[int] = ..., members: _Optional[int] = ..., applications: _Optional[int] = ..., subscriptions: _Optional[int] = ..., event_types: _Optional[int] = ...) -> None: ...
