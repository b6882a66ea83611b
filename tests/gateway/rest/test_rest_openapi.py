"""The OpenAPI document: valid, true of what is served, and the same as Hook0's where its SDKs were made of that."""

import inspect
import json
import os
import pathlib
import re
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest
import rest_rig
from hook0 import generated  # type: ignore[import-untyped]

from hook0_server.gateway.rest import openapi

EXPECTED = pathlib.Path(__file__).with_name("openapi.json")
DOCUMENT: dict[str, Any] = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {"paths": {}}
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
WITH_BODY = [(path, method) for path, method in OPERATIONS if "requestBody" in DOCUMENT["paths"][path][method]]


def test_the_document_is_that_of_the_file(served: rest_rig.Served) -> None:
    """To write it anew after a change that is meant: HOOK0_WRITE_EXPECTED=1."""
    answer = served.call("GET", "/swagger.json", token="")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    if os.environ.get("HOOK0_WRITE_EXPECTED"):
        EXPECTED.write_text(json.dumps(answer.json, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert answer.json == json.loads(EXPECTED.read_text(encoding="utf-8"))


def test_the_document_is_valid() -> None:
    openapi_spec_validator.validate(DOCUMENT)


def test_every_route_is_in_the_document(served: rest_rig.Served) -> None:
    server = served.server
    routes = server._rest(server.operations(), server._pipeline())
    found = {(each.path, each.method.lower()) for each in routes if each.method != "*" and not each.path.endswith("/")}
    besides = {f"{openapi.BASE}/swagger.json", f"{openapi.BASE}/docs"}
    assert {each for each in found if each[0] not in besides} == set(OPERATIONS)


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


def contents(operation: dict[str, Any]) -> list[dict[str, Any]]:
    told = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [each for one in told for each in one.get("content", {}).values()]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_example_is_what_its_schema_says(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    for content in contents(operation):
        validator(content["schema"]).validate(content["example"])
    for parameter in operation["parameters"]:
        for example in parameter["schema"]["examples"]:
            validator(parameter["schema"]).validate(example)


def members(path: str, method: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The example of a body (the first entry of a list), and its schema."""
    [content] = DOCUMENT["paths"][path][method]["requestBody"]["content"].values()
    schema, example = content["schema"], content["example"]
    if "items" in schema:
        schema, example = schema["items"], example[0]
    return example, DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def filled(path: str) -> str:
    return re.sub(r"{\w+_name}", "a.b.c", re.sub(r"{\w+_(id|token)}", "018f3c5e-7a2b-7c11-8d4e-0123456789ab", path))


@pytest.mark.parametrize(("path", "method"), [each for each in WITH_BODY if each != ("/api/v1/events", "post")])
def test_members_are_read_as_the_document_says(served: rest_rig.Served, path: str, method: str) -> None:
    """What is needed is asked for, what is not need not be there, and of another type nothing is taken."""
    example, schema = members(path, method)
    where = filled(path).removeprefix(openapi.BASE)
    for name in schema["properties"]:
        without = {other: value for other, value in example.items() if other != name}
        answer = served.call(method.upper(), where, without)
        is_unread = answer.status == 400 and answer.json["id"] == "JsonPayload"
        assert is_unread == (name in schema["required"]), (name, answer.body)
        wrong = served.call(method.upper(), where, example | {name: [[7]]})
        assert wrong.problem == (400, "JsonPayload"), name


def sdk_calls() -> dict[str, tuple[str, str, set[str]]]:
    """By operationId: method, path and query of every operation of Hook0's SDK, read from its source."""
    found = {}
    for _, api in inspect.getmembers(generated, lambda each: inspect.isclass(each) and each.__name__.endswith("Api")):
        if api.__name__.endswith("AsyncApi"):
            continue
        [subject] = re.findall(r"under `(\w+)`", api.__doc__)
        for name, function in inspect.getmembers(api, inspect.isfunction):
            if name.startswith("_"):
                continue
            source = inspect.getsource(function)
            [path] = re.findall(r'path = "([^"]+)"', source)
            [method] = re.findall(r'\.request\(\s*"(\w+)"', source)
            found[f"{subject}.{name}"] = (
                method.lower(),
                path.rstrip("/"),
                set(re.findall(r'query.append\(\("([^"]+)"', source)),
            )
    return found


def test_the_operations_of_hook0s_sdk_are_in_the_document_as_it_calls_them() -> None:
    ours = {
        operation["operationId"]: (method, path, {each["name"] for each in operation["parameters"] if each["in"] == "query"})
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if "sdk" in operation["tags"]
    }
    assert len(ours) == 36
    assert ours == sdk_calls()


def test_the_page_shows_every_operation_without_anything_from_elsewhere(served: rest_rig.Served) -> None:
    answer = served.call("GET", "/docs", token="")
    page = answer.body.decode()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|\bsrc=|<link|@import", page)
    for path, method in OPERATIONS:
        assert f'id="{DOCUMENT["paths"][path][method]["operationId"]}"' in page
