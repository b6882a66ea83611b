"""Refusals as the Connect protocol says them: JSON with a code, a sentence, and the details that gRPC sends, too."""

import base64
from typing import Any

import orjson
from aiohttp import web
from google.protobuf import json_format

from hook0_server.api import details
from hook0_server.gateway import refusals
from hook0_server.model import errors

_SPELLINGS = {"CANCELLED": "canceled"}


def error(refusal: errors.Refused) -> dict[str, Any]:
    status = details.to_status(refusal)
    code = refusals.code(refusal)
    return {
        "code": _SPELLINGS.get(code, code.lower()),
        "message": status.message,
        "details": [_detail(each) for each in status.details],
    }


def response(refusal: errors.Refused) -> web.Response:
    """The answer to a call that takes one request and gives one answer."""
    return web.Response(
        status=refusals.status(refusal),
        body=orjson.dumps(error(refusal)),
        content_type="application/json",
        headers=refusals.headers(refusal),
    )


def end_of_stream(refusal: errors.Refused | None) -> bytes:
    """The last message of a stream; None: it ended well."""
    return orjson.dumps({} if refusal is None else {"error": error(refusal)})


def _detail(packed: Any) -> dict[str, Any]:
    """`debug` is for people: the same as JSON, without the type."""
    shown = json_format.MessageToDict(packed)
    shown.pop("@type", None)
    value = base64.b64encode(packed.value).rstrip(b"=").decode()
    return {"type": packed.type_url.rpartition("/")[2], "value": value, "debug": shown}
