"""What schemas are made of, and what a row says of itself for the document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hook0_server.model import addresses


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object with a name of its own in the document. What is not `optional` is always there."""

    name: str
    members: Mapping[str, "Schema"]
    optional: frozenset[str] = frozenset()

    def schema(self) -> dict[str, Any]:
        """With references to the objects in it."""
        required = [name for name in self.members if name not in self.optional]
        properties = {name: referred(each) for name, each in self.members.items()}
        return {"type": "object", "required": required, "properties": properties}


Schema = Object | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Described:
    """`name`: Hook0's operationId; `refusals`: ids of problems besides those that follow from the row itself."""

    name: str
    about: str
    takes: Schema | None = None
    gives: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()  # of the query
    refusals: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # of the answer: name and what for
    others: Mapping[int, Schema] = field(default_factory=dict)  # what is answered with another status and is no problem
    once: bool = False  # it takes an Idempotency-Key
    in_sdk: bool = True  # Hook0's SDKs call it


def text(shortest: int = 0, longest: int | None = None, *, example: str = "text") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "examples": [example]}
    if shortest:
        schema["minLength"] = shortest
    if longest is not None:
        schema["maxLength"] = longest
    return schema


def one_of(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words), "examples": [words[0]]}


def whole(example: int = 0) -> dict[str, Any]:
    return {"type": "integer", "examples": [example]}


def listed(items: Schema, fewest: int = 0, most: int | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": items}
    if fewest:
        schema["minItems"] = fewest
    if most is not None:
        schema["maxItems"] = most
    return schema


def pairs(values: Schema, example: Mapping[str, str], fewest: int = 0, most: int | None = None) -> dict[str, Any]:
    """An object whose names are the caller's."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": values, "examples": [example]}
    if fewest:
        schema["minProperties"] = fewest
    if most is not None:
        schema["maxProperties"] = most
    return schema


def or_null(schema: Schema) -> dict[str, Any]:
    if isinstance(schema, Object):
        return {"anyOf": [schema, {"type": "null"}]}
    nullable = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def identity(example: str = "018f3c5e-7a2b-7c11-8d4e-0123456789ab") -> dict[str, Any]:
    return {"type": "string", "format": "uuid", "examples": [example]}


ID = identity()
MOMENT = {"type": "string", "format": "date-time", "examples": ["2026-01-02T03:04:05.678901Z"]}
DAY = {"type": "string", "format": "date", "examples": ["2026-01-02"]}
FLAG = {"type": "boolean", "examples": [True]}
EMAIL = text(3, addresses.LONGEST, example="ada@example.com") | {"format": "email"}


def referred(schema: Schema) -> dict[str, Any]:
    """The schema with its objects by reference."""
    if isinstance(schema, Object):
        return {"$ref": f"#/components/schemas/{schema.name}"}
    shown = dict(schema)
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            shown[inner] = referred(schema[inner])
    if "anyOf" in schema:
        shown["anyOf"] = [referred(each) for each in schema["anyOf"]]
    return shown


def objects(schema: Schema | None) -> Iterator[Object]:
    """The objects in it, however deep."""
    if schema is None:
        return
    if isinstance(schema, Object):
        yield schema
        inner: list[Schema] = list(schema.members.values())
    else:
        inner = [schema[name] for name in ("items", "additionalProperties") if name in schema] + schema.get("anyOf", [])
    for each in inner:
        yield from objects(each)


def example(schema: Schema) -> Any:
    """A value as the schema has it, made of the examples in it."""
    if isinstance(schema, Object):
        return {name: example(each) for name, each in schema.members.items()}
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    return [example(schema["items"])]
