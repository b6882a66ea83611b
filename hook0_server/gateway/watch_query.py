"""A WatchAttemptsRequest in a path and a query: names are the fields', lists are separated by commas or repeated."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from google.protobuf import descriptor, json_format

from hook0_client._gen.hook0.v1 import attempt_pb2, attempt_service_pb2 as pb2
from hook0_server.api import pipeline
from hook0_server.model import errors

# Descriptors, of which the type stubs know two kinds.
_FILTER: Mapping[str, Any] = attempt_pb2.AttemptFilter.DESCRIPTOR.fields_by_name
_REQUEST: Mapping[str, Any] = pb2.WatchAttemptsRequest.DESCRIPTOR.fields_by_name
_OWN = ("cursor", "heartbeat_interval", "start_at", "view")
_SWITCHES = {"true": True, "false": False, "1": True, "0": False, "": True}
_MOST_PARAMETERS = 100
_ENUM, _BOOL = descriptor.FieldDescriptor.TYPE_ENUM, descriptor.FieldDescriptor.TYPE_BOOL


def read(request: web.Request) -> pipeline.Decoded:
    """`Last-Event-ID`, which browsers and curl lines send to go on, comes before `cursor`, which stands in their address."""
    try:
        return _read(request)
    except errors.InvalidRequest as refusal:
        return pipeline.Unreadable(refusal)


def _read(request: web.Request) -> pb2.WatchAttemptsRequest:
    found, given = pb2.WatchAttemptsRequest(), request.query
    _put(found, _REQUEST["application_id"], [request.match_info["application_id"]])
    if len(given) > _MOST_PARAMETERS:
        raise errors.InvalidRequest.of("query", f"has more than {_MOST_PARAMETERS} parameters")
    if "cursor" in given and "start_at" in given:
        raise errors.InvalidRequest.of("start_at", "is there beside cursor; send one of the two")
    for name in dict.fromkeys(given):
        values = given.getall(name)
        if name in _FILTER:
            _put(found.filter, _FILTER[name], values)
        elif name in _OWN:
            _put(found, _REQUEST[name], values)
        else:
            allowed = ", ".join(sorted([*_FILTER, *_OWN]))
            raise errors.InvalidRequest.of("query", f"has {errors.excerpt(name)}, which is none of {allowed}")
    if last := request.headers.get("Last-Event-ID"):
        _put(found, _REQUEST["cursor"], [last])
    return found


def _put(into: Any, field: Any, values: list[str]) -> None:
    """As JSON has it, so that times and durations are read as they are there."""
    said = [_value(field, each) for text in values for each in (text.split(",") if field.is_repeated else [text])]
    if len(said) > 1 and not field.is_repeated:
        raise errors.InvalidRequest.of(field.name, f"is there {len(said)} times; send it once")
    try:
        json_format.ParseDict({field.name: said if field.is_repeated else said[0]}, into)
    except (json_format.ParseError, ValueError) as failure:
        raise errors.InvalidRequest.of(field.name, f"cannot be read: {errors.excerpt(str(failure))}") from failure


def _value(field: Any, text: str) -> str | bool:
    if field.type == _BOOL:
        if text.lower() not in _SWITCHES:
            raise errors.InvalidRequest.of(field.name, f"{errors.excerpt(text)} is neither true nor false")
        return _SWITCHES[text.lower()]
    if field.type == _ENUM:
        return _enum(field.enum_type, field.name, text)
    return text


def _enum(kind: Any, name: str, text: str) -> str:
    """With or without the prefix that all values have."""
    prefix: str = kind.values[0].name.removesuffix("UNSPECIFIED")
    word = prefix + text.upper().removeprefix(prefix)
    if word not in kind.values_by_name:
        allowed = ", ".join(each.name.removeprefix(prefix) for each in kind.values[1:])
        raise errors.InvalidRequest.of(name, f"{errors.excerpt(text)} is none of {allowed}")
    return word
