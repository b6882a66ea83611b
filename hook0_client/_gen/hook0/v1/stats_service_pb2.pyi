from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetEventsPerDayRequest(_message.Message):
    __slots__ = ("application_id", "organization_id", "to")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    organization_id: str
    to: str
    def __init__(self, application_id: _Optional[str] = ..., organization_id: _Optional[str] = ..., to: _Optional[str] = ..., **kwargs) -> None: ...

class GetEventsPerDayResponse(_message.Message):
    __slots__ = ("days",)
    DAYS_FIELD_NUMBER: _ClassVar[int]
    days: _containers.RepeatedCompositeFieldContainer[EventsOfDay]
    def __init__(self, days: _Optional[_Iterable[_Union[EventsOfDay, _Mapping]]] = ...) -> None: ...

class EventsOfDay(_message.Message):
    __slots__ = ("application_id", "date", "events")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    date: str
    events: int
    def __init__(self, application_id: _Optional[str] = ..., date: _Optional[str] = ..., events: _Optional[int] = ...) -> None: ...
