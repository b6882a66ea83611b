import datetime

from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ServiceToken(_message.Message):
    __slots__ = ("service_token_id", "organization_id", "name", "created_at", "expire_at")
    SERVICE_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_AT_FIELD_NUMBER: _ClassVar[int]
    service_token_id: str
    organization_id: str
    name: str
    created_at: _timestamp_pb2.Timestamp
    expire_at: _timestamp_pb2.Timestamp
    def __init__(self, service_token_id: _Optional[str] = ..., organization_id: _Optional[str] = ..., name: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateServiceTokenRequest(_message.Message):
    __slots__ = ("service_token", "request_id")
    SERVICE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    service_token: ServiceToken
    request_id: str
    def __init__(self, service_token: _Optional[_Union[ServiceToken, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateServiceTokenResponse(_message.Message):
    __slots__ = ("service_token", "token")
    SERVICE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    service_token: ServiceToken
    token: str
    def __init__(self, service_token: _Optional[_Union[ServiceToken, _Mapping]] = ..., token: _Optional[str] = ...) -> None: ...

class GetServiceTokenRequest(_message.Message):
    __slots__ = ("organization_id", "service_token_id")
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    organization_id: str
    service_token_id: str
    def __init__(self, organization_id: _Optional[str] = ..., service_token_id: _Optional[str] = ...) -> None: ...

class GetServiceTokenResponse(_message.Message):
    __slots__ = ("service_token",)
    SERVICE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    service_token: ServiceToken
    def __init__(self, service_token: _Optional[_Union[ServiceToken, _Mapping]] = ...) -> None: ...

class ListServiceTokensRequest(_message.Message):
    __slots__ = ("organization_id", "page_size", "page_token")
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    organization_id: str
    page_size: int
    page_token: str
    def __init__(self, organization_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListServiceTokensResponse(_message.Message):
    __slots__ = ("service_tokens", "next_page_token")
    SERVICE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    service_tokens: _containers.RepeatedCompositeFieldContainer[ServiceToken]
    next_page_token: str
    def __init__(self, service_tokens: _Optional[_Iterable[_Union[ServiceToken, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateServiceTokenRequest(_message.Message):
    __slots__ = ("service_token", "update_mask")
    SERVICE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    service_token: ServiceToken
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, service_token: _Optional[_Union[ServiceToken, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateServiceTokenResponse(_message.Message):
    __slots__ = ("service_token",)
    SERVICE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    service_token: ServiceToken
    def __init__(self, service_token: _Optional[_Union[ServiceToken, _Mapping]] = ...) -> None: ...

class DeleteServiceTokenRequest(_message.Message):
    __slots__ = ("organization_id", "service_token_id")
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    organization_id: str
    service_token_id: str
    def __init__(self, organization_id: _Optional[str] = ..., service_token_id: _Optional[str] = ...) -> None: ...

class DeleteServiceTokenResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
