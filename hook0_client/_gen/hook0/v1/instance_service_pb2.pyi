from hook0_client._gen.hook0.v1 import error_reason_pb2 as _error_reason_pb2
from hook0_client._gen.hook0.v1 import node_pb2 as _node_pb2
from hook0_client._gen.hook0.v1 import quota_pb2 as _quota_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetInstanceRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInstanceResponse(_message.Message):
    __slots__ = ("version", "biscuit_public_key", "registration_enabled", "email_verification_required", "password_minimum_length")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BISCUIT_PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_ENABLED_FIELD_NUMBER: _ClassVar[int]
    EMAIL_VERIFICATION_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_MINIMUM_LENGTH_FIELD_NUMBER: _ClassVar[int]
    version: str
    biscuit_public_key: str
    registration_enabled: bool
    email_verification_required: bool
    password_minimum_length: int
    def __init__(self, version: _Optional[str] = ..., biscuit_public_key: _Optional[str] = ..., registration_enabled: bool = ..., email_verification_required: bool = ..., password_minimum_length: _Optional[int] = ...) -> None: ...

class GetQuotasRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetQuotasResponse(_message.Message):
    __slots__ = ("quotas",)
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    quotas: _quota_pb2.Quotas
    def __init__(self, quotas: _Optional[_Union[_quota_pb2.Quotas, _Mapping]] = ...) -> None: ...

class ListErrorReasonsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListErrorReasonsResponse(_message.Message):
    __slots__ = ("error_reasons",)
    ERROR_REASONS_FIELD_NUMBER: _ClassVar[int]
    error_reasons: _containers.RepeatedCompositeFieldContainer[ErrorReasonMeaning]
    def __init__(self, error_reasons: _Optional[_Iterable[_Union[ErrorReasonMeaning, _Mapping]]] = ...) -> None: ...

class ErrorReasonMeaning(_message.Message):
    __slots__ = ("reason", "codes", "meaning")
    REASON_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    reason: _error_reason_pb2.ErrorReason
    codes: _containers.RepeatedScalarFieldContainer[str]
    meaning: str
    def __init__(self, reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., codes: _Optional[_Iterable[str]] = ..., meaning: _Optional[str] = ...) -> None: ...

class ListPayloadContentTypesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPayloadContentTypesResponse(_message.Message):
    __slots__ = ("payload_content_types",)
    PAYLOAD_CONTENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    payload_content_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, payload_content_types: _Optional[_Iterable[str]] = ...) -> None: ...

class ListNodesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListNodesResponse(_message.Message):
    __slots__ = ("nodes", "next_page_token", "unheld")
    NODES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNHELD_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[_node_pb2.Node]
    next_page_token: str
    unheld: _node_pb2.UnheldDeliveries
    def __init__(self, nodes: _Optional[_Iterable[_Union[_node_pb2.Node, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., unheld: _Optional[_Union[_node_pb2.UnheldDeliveries, _Mapping]] = ...) -> None: ...
