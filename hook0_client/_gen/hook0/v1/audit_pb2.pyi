import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditActorKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_ACTOR_KIND_UNSPECIFIED: _ClassVar[AuditActorKind]
    AUDIT_ACTOR_KIND_USER: _ClassVar[AuditActorKind]
    AUDIT_ACTOR_KIND_SERVICE_TOKEN: _ClassVar[AuditActorKind]
    AUDIT_ACTOR_KIND_APPLICATION_SECRET: _ClassVar[AuditActorKind]
    AUDIT_ACTOR_KIND_MASTER: _ClassVar[AuditActorKind]
    AUDIT_ACTOR_KIND_SYSTEM: _ClassVar[AuditActorKind]
    AUDIT_ACTOR_KIND_ANONYMOUS: _ClassVar[AuditActorKind]
AUDIT_ACTOR_KIND_UNSPECIFIED: AuditActorKind
AUDIT_ACTOR_KIND_USER: AuditActorKind
AUDIT_ACTOR_KIND_SERVICE_TOKEN: AuditActorKind
AUDIT_ACTOR_KIND_APPLICATION_SECRET: AuditActorKind
AUDIT_ACTOR_KIND_MASTER: AuditActorKind
AUDIT_ACTOR_KIND_SYSTEM: AuditActorKind
AUDIT_ACTOR_KIND_ANONYMOUS: AuditActorKind

class AuditEntry(_message.Message):
    __slots__ = ("audit_entry_id", "organization_id", "application_id", "recorded_at", "action", "operation", "actor_kind", "actor_id", "credential_id", "source_ip", "request_id", "resource_type", "resource_id", "result")
    AUDIT_ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_KIND_FIELD_NUMBER: _ClassVar[int]
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_IP_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    audit_entry_id: str
    organization_id: str
    application_id: str
    recorded_at: _timestamp_pb2.Timestamp
    action: str
    operation: str
    actor_kind: AuditActorKind
    actor_id: str
    credential_id: str
    source_ip: str
    request_id: str
    resource_type: str
    resource_id: str
    result: str
    def __init__(self, audit_entry_id: _Optional[str] = ..., organization_id: _Optional[str] = ..., application_id: _Optional[str] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., action: _Optional[str] = ..., operation: _Optional[str] = ..., actor_kind: _Optional[_Union[AuditActorKind, str]] = ..., actor_id: _Optional[str] = ..., credential_id: _Optional[str] = ..., source_ip: _Optional[str] = ..., request_id: _Optional[str] = ..., resource_type: _Optional[str] = ..., resource_id: _Optional[str] = ..., result: _Optional[str] = ...) -> None: ...

class AuditFilter(_message.Message):
    __slots__ = ("actors", "actions", "resource_ids", "after", "before")
    ACTORS_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_IDS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    actors: _containers.RepeatedScalarFieldContainer[str]
    actions: _containers.RepeatedScalarFieldContainer[str]
    resource_ids: _containers.RepeatedScalarFieldContainer[str]
    after: _timestamp_pb2.Timestamp
    before: _timestamp_pb2.Timestamp
    def __init__(self, actors: _Optional[_Iterable[str]] = ..., actions: _Optional[_Iterable[str]] = ..., resource_ids: _Optional[_Iterable[str]] = ..., after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
