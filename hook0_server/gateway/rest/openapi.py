"""The OpenAPI document, made of the rows: what none of them says is not in it, and what they serve is."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hook0_server.gateway.rest import asked, problems, route
from hook0_server.gateway.rest.shapes import instance, kinds

BASE = "/api/v1"
_JSON = "application/json"
_IN_PATH = re.compile(r"{(\w+)}")
_ABOUT = (
    "Hook0's REST API: its SDKs work unchanged. Every path may end with a slash; members of a body that nobody asks for are "
    "ignored. An error is a problem document (RFC 7807) with one of 46 ids. The gRPC API has more."
)
_BEARER = "An application secret, a service token, or a person's access token (refresh token to refresh)."
_RETRY_AFTER = {"description": "Seconds after which to come back, 1 or more.", "schema": {"type": "integer", "minimum": 1}}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "With the same key and the same body the answer is the first one again, for 24 hours.",
    "schema": {"type": "string", "maxLength": asked.MOST_KEY_CHARACTERS, "pattern": "^[ -~]*$", "examples": ["order-7"]},
}

Operation = dict[str, Any]


def document(rows: Iterable[route.Route], is_open: Callable[[route.Route], bool]) -> dict[str, Any]:
    """`is_open`: whether a row takes no credential."""
    listed = list(rows)
    paths: dict[str, dict[str, Operation]] = {}
    for row in listed:
        paths.setdefault(f"{BASE}{row.path}", {})[row.method.lower()] = _operation(row, is_open=is_open(row))
    for path, described in instance.LISTS.items():
        paths[f"{BASE}{path}"] = {"get": _list(described)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hook0", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _schemas([row.described for row in listed]),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": _BEARER}},
        },
    }


def _operation(row: route.Route, *, is_open: bool) -> Operation:
    described = row.described
    parameters = [_parameter(name, "path", _in_path(name)) for name in _IN_PATH.findall(row.path)]
    parameters += _query(described)
    shown = _head(described) | {"security": [] if is_open and not _wants_credential(described) else [{"bearer": []}]}
    shown["parameters"] = parameters + ([_KEY] if described.once else [])
    if described.takes is not None:
        shown["requestBody"] = {"required": True, "content": {_JSON: _content(described.takes)}}
    shown["responses"] = {str(row.status): _answer(described), **_refused(_ids(row, is_open=is_open))}
    return shown


def _list(described: kinds.Described) -> Operation:
    others = {str(status): _answered("Not well", schema) for status, schema in described.others.items()}
    responses = {"200": _answer(described), **_refused(set(described.refusals)), **others}
    return _head(described) | {"security": [], "parameters": _query(described), "responses": responses}


def _head(described: kinds.Described) -> Operation:
    subject = described.name.partition(".")[0]
    return {
        "operationId": described.name,
        "summary": described.about,
        "tags": [subject, "sdk"] if described.in_sdk else [subject],
    }


def _wants_credential(described: kinds.Described) -> bool:
    return "AuthNoAuthorizationHeader" in described.refusals


def _ids(row: route.Route, *, is_open: bool) -> set[str]:
    """The problems that a row may answer: what follows from itself, and what it says."""
    ids = {"AuthInvalidAuthorizationHeader", "RateLimited", "InternalServerError", "ServiceUnavailable"}
    if not is_open:
        ids |= {"AuthNoAuthorizationHeader", "AuthInvalidBiscuit", "Forbidden"}
    if row.has_body:
        ids |= {"JsonPayload", "Validation"}
    if row.described.query:
        ids.add("JsonPayload")
    if _IN_PATH.search(row.path):
        ids.add("NotFound")
    if row.described.once:
        ids.add("EventAlreadyIngested")
    return ids | set(row.described.refusals)


def _refused(ids: Iterable[str]) -> dict[str, Any]:
    """By status, each with the ids that it may have, in the catalogue's order."""
    found: dict[int, list[str]] = {}
    for problem in problems.BY_ID.values():
        if problem.id in ids:
            found.setdefault(problem.status, []).append(problem.id)
    return {str(status): _problem(status, found[status]) for status in sorted(found)}


def _problem(status: int, ids: list[str]) -> dict[str, Any]:
    first = problems.BY_ID[ids[0]]
    narrowed = {"allOf": [kinds.referred(instance.PROBLEM), {"properties": {"id": {"enum": ids}}}]}
    validation = {"name": [{"code": "field_invalid", "message": "has 1 characters; 2 to 50 are allowed", "params": {}}]}
    example = first.shown(f"{first.title}.", validation if status == 422 else None)
    shown: dict[str, Any] = {
        "description": "; ".join(f"{each}: {problems.BY_ID[each].title}" for each in ids),
        "content": {problems.CONTENT_TYPE: {"schema": narrowed, "example": example}},
    }
    if status in (429, 503):
        shown["headers"] = {"Retry-After": _RETRY_AFTER}
    return shown


def _answer(described: kinds.Described) -> dict[str, Any]:
    shown: dict[str, Any] = (
        {"description": "Done"} if described.gives is None else _answered("What was asked for", described.gives)
    )
    if described.headers:
        shown["headers"] = {
            name: {"description": about, "schema": {"type": "string"}} for name, about in described.headers.items()
        }
    return shown


def _answered(about: str, schema: kinds.Schema) -> dict[str, Any]:
    return {"description": about, "content": {_JSON: _content(schema)}}


def _content(schema: kinds.Schema) -> dict[str, Any]:
    return {"schema": kinds.referred(schema), "example": kinds.example(schema)}


def _query(described: kinds.Described) -> list[dict[str, Any]]:
    return [
        _parameter(name, "query", schema, required=name not in described.optional) for name, schema in described.query.items()
    ]


def _parameter(name: str, where: str, schema: kinds.Schema, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": kinds.referred(schema)}


def _in_path(name: str) -> kinds.Schema:
    """All are UUIDs but what is called by name."""
    return kinds.text(1, example="shop.order.paid") if name.endswith("_name") else kinds.ID


def _schemas(described: Iterable[kinds.Described]) -> Mapping[str, Any]:
    """Every object that is referred to, by name. Raises ValueError where two have one name."""
    found: dict[str, kinds.Object] = {instance.PROBLEM.name: instance.PROBLEM}
    for each in (*described, *instance.LISTS.values()):
        for schema in (each.takes, each.gives):
            for shape in kinds.objects(schema):
                if found.setdefault(shape.name, shape) != shape:
                    raise ValueError(f"two shapes are called {shape.name}")
    return {name: found[name].schema() | {"examples": [kinds.example(found[name])]} for name in sorted(found)}
