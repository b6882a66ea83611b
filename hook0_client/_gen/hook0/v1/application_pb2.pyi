import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from hook0_client._gen.hook0.v1 import quota_pb2 as _quota_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Application(_message.Message):
    __slots__ = ("application_id", "organization_id", "name", "created_at", "etag", "quotas", "usage")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    organization_id: str
    name: str
    created_at: _timestamp_pb2.Timestamp
    etag: str
    quotas: _quota_pb2.Quotas
    usage: _quota_pb2.Usage
    def __init__(self, application_id: _Optional[str] = ..., organization_id: _Optional[str] = ..., name: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., quotas: _Optional[_Union[_quota_pb2.Quotas, _Mapping]] = ..., usage: _Optional[_Union[_quota_pb2.Usage, _Mapping]] = ...) -> None: ...

class ApplicationSecret(_message.Message):
    __slots__ = ("application_id", "application_secret_id", "name", "created_at", "deleted_at", "secret")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_SECRET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    DELETED_AT_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    application_secret_id: str
    name: str
    created_at: _timestamp_pb2.Timestamp
    deleted_at: _timestamp_pb2.Timestamp
    secret: str
    def __init__(self, application_id: _Optional[str] = ..., application_secret_id: _Optional[str] = ..., name: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., secret: _Optional[str] = ...) -> None: ...
