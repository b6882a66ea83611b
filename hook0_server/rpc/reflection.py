"""Server reflection, so that grpcurl and `buf curl` need no proto files: v1 and v1alpha, which are the same on the wire."""

from collections.abc import Iterable

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message
from grpc_reflection.v1alpha import reflection, reflection_pb2

_ALPHA, _STABLE = "grpc.reflection.v1alpha", "grpc.reflection.v1"
_SERVICE, _METHOD = "ServerReflection", "ServerReflectionInfo"


def handlers(services: Iterable[str]) -> list[grpc.GenericRpcHandler]:
    """Both versions' handlers, which name `services` and themselves."""
    _describe_stable()
    names = [*services, f"{_ALPHA}.{_SERVICE}", f"{_STABLE}.{_SERVICE}"]
    servicer = reflection.aio.ReflectionServicer(names)
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [grpc.method_handlers_generic_handler(f"{package}.{_SERVICE}", {_METHOD: method}) for package in (_ALPHA, _STABLE)]


def _describe_stable() -> None:
    """v1's own description, derived from v1alpha's: the installed package carries only that one."""
    pool = descriptor_pool.Default()
    name = "grpc/reflection/v1/reflection.proto"
    try:
        pool.FindFileByName(name)
    except KeyError:
        file = descriptor_pb2.FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(file)
        file.name, file.package = name, _STABLE
        for kind in file.message_type:
            _rename(kind.field, "type_name")
        for service in file.service:
            _rename(service.method, "input_type", "output_type")
        pool.Add(file)


def _rename(parts: Iterable[message.Message], *members: str) -> None:
    for part in parts:
        for member in members:
            if getattr(part, member).startswith(f".{_ALPHA}."):
                setattr(part, member, getattr(part, member).replace(f".{_ALPHA}.", f".{_STABLE}."))
