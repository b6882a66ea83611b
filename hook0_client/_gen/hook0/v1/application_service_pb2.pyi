from google.protobuf import field_mask_pb2 as _field_mask_pb2
from hook0_client._gen.hook0.v1 import application_pb2 as _application_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateApplicationRequest(_message.Message):
    __slots__ = ("application", "request_id")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    application: _application_pb2.Application
    request_id: str
    def __init__(self, application: _Optional[_Union[_application_pb2.Application, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateApplicationResponse(_message.Message):
    __slots__ = ("application", "application_secret")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_SECRET_FIELD_NUMBER: _ClassVar[int]
    application: _application_pb2.Application
    application_secret: _application_pb2.ApplicationSecret
    def __init__(self, application: _Optional[_Union[_application_pb2.Application, _Mapping]] = ..., application_secret: _Optional[_Union[_application_pb2.ApplicationSecret, _Mapping]] = ...) -> None: ...

class GetApplicationRequest(_message.Message):
    __slots__ = ("application_id",)
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    def __init__(self, application_id: _Optional[str] = ...) -> None: ...

class GetApplicationResponse(_message.Message):
    __slots__ = ("application",)
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    application: _application_pb2.Application
    def __init__(self, application: _Optional[_Union[_application_pb2.Application, _Mapping]] = ...) -> None: ...

class ListApplicationsRequest(_message.Message):
    __slots__ = ("organization_id", "page_size", "page_token")
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    organization_id: str
    page_size: int
    page_token: str
    def __init__(self, organization_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListApplicationsResponse(_message.Message):
    __slots__ = ("applications", "next_page_token")
    APPLICATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    applications: _containers.RepeatedCompositeFieldContainer[_application_pb2.Application]
    next_page_token: str
    def __init__(self, applications: _Optional[_Iterable[_Union[_application_pb2.Application, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateApplicationRequest(_message.Message):
    __slots__ = ("application", "update_mask")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    application: _application_pb2.Application
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, application: _Optional[_Union[_application_pb2.Application, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateApplicationResponse(_message.Message):
    __slots__ = ("application",)
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    application: _application_pb2.Application
    def __init__(self, application: _Optional[_Union[_application_pb2.Application, _Mapping]] = ...) -> None: ...

class DeleteApplicationRequest(_message.Message):
    __slots__ = ("application_id",)
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    def __init__(self, application_id: _Optional[str] = ...) -> None: ...

class DeleteApplicationResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateApplicationSecretRequest(_message.Message):
    __slots__ = ("application_secret", "request_id")
    APPLICATION_SECRET_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    application_secret: _application_pb2.ApplicationSecret
    request_id: str
    def __init__(self, application_secret: _Optional[_Union[_application_pb2.ApplicationSecret, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateApplicationSecretResponse(_message.Message):
    __slots__ = ("application_secret",)
    APPLICATION_SECRET_FIELD_NUMBER: _ClassVar[int]
    application_secret: _application_pb2.ApplicationSecret
    def __init__(self, application_secret: _Optional[_Union[_application_pb2.ApplicationSecret, _Mapping]] = ...) -> None: ...

class ListApplicationSecretsRequest(_message.Message):
    __slots__ = ("application_id", "page_size", "page_token")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    page_size: int
    page_token: str
    def __init__(self, application_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListApplicationSecretsResponse(_message.Message):
    __slots__ = ("application_secrets", "next_page_token")
    APPLICATION_SECRETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    application_secrets: _containers.RepeatedCompositeFieldContainer[_application_pb2.ApplicationSecret]
    next_page_token: str
    def __init__(self, application_secrets: _Optional[_Iterable[_Union[_application_pb2.ApplicationSecret, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateApplicationSecretRequest(_message.Message):
    __slots__ = ("application_secret", "update_mask")
    APPLICATION_SECRET_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    application_secret: _application_pb2.ApplicationSecret
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, application_secret: _Optional[_Union[_application_pb2.ApplicationSecret, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateApplicationSecretResponse(_message.Message):
    __slots__ = ("application_secret",)
    APPLICATION_SECRET_FIELD_NUMBER: _ClassVar[int]
    application_secret: _application_pb2.ApplicationSecret
    def __init__(self, application_secret: _Optional[_Union[_application_pb2.ApplicationSecret, _Mapping]] = ...) -> None: ...

class DeleteApplicationSecretRequest(_message.Message):
    __slots__ = ("application_id", "application_secret_id")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_SECRET_ID_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    application_secret_id: str
    def __init__(self, application_id: _Optional[str] = ..., application_secret_id: _Optional[str] = ...) -> None: ...

class DeleteApplicationSecretResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
