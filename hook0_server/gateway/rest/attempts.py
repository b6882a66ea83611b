"""Request attempts in all their states, and what receivers answered."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from hook0_server.api import rest_attempts
from hook0_server.gateway.rest import asked, route, times
from hook0_server.gateway.rest.shapes import attempts as shapes
from hook0_server.model.outcome import Outcome
from hook0_server.store import attempts, open_attempts

_SERVICE = "hook0.rest.AttemptService"
# Hook0's names of what went wrong; those that never called have no response.
_ERRORS = {
    Outcome.HTTP_ERROR: "E_HTTP",
    Outcome.TIMEOUT: "E_TIMEOUT",
    Outcome.CONNECTION_ERROR: "E_CONNECTION",
    Outcome.TLS_ERROR: "E_CONNECTION",
    Outcome.DNS_ERROR: "E_DNS",
    Outcome.TARGET_REFUSED: "E_INVALID_TARGET",
    Outcome.INVALID_TARGET: "E_INVALID_TARGET",
    Outcome.PROTOCOL_ERROR: "E_UNKNOWN",
}
_NO_ADDRESS = "has no address"  # a name that there is not: to Hook0 the target is at fault, not name resolution


def _read_list(came: asked.Asked) -> rest_attempts.List:
    given = came.query
    return rest_attempts.List(
        given.uuid("application_id"),
        given.uuid_or_none("event_id"),
        given.uuid_or_none("subscription_id"),
        [each for each in given.text_or("event.event_type_names").split(",") if each],
        given.moment("min_created_at") if given.has("min_created_at") else None,
        given.moment("max_created_at") if given.has("max_created_at") else None,
        given.text_or("pagination_cursor"),
    )


def _read_get(came: asked.Asked) -> rest_attempts.Named:
    return rest_attempts.Named(came.query.uuid("application_id"), came.id_in_path("request_attempt_id"))


def _read_response(came: asked.Asked) -> rest_attempts.Named:
    return rest_attempts.Named(came.query.uuid("application_id"), came.id_in_path("response_id"))


def _link(answer: rest_attempts.Shown, came: asked.Asked) -> Mapping[str, str]:
    """To the next page, on the host that was asked; only where there is one."""
    if not answer.cursor:
        return {}
    return {"Link": f'<{came.url.update_query(pagination_cursor=answer.cursor)}>; rel="next"'}


def _show_list(answer: rest_attempts.Shown, _: asked.Asked) -> list[dict[str, Any]]:
    return [_shown(each, answer) for each in answer.records]


def _show_get(answer: rest_attempts.Shown, _: asked.Asked) -> dict[str, Any]:
    return _shown(answer.records[0], answer)


def _shown(record: rest_attempts.Record, among: rest_attempts.Shown) -> dict[str, Any]:
    description = among.descriptions.get(record.subscription_id)
    common = {
        "request_attempt_id": str(record.attempt_id),
        "event_id": str(record.event_id),
        "event": {"event_id": str(record.event_id), "event_type_name": record.event_type},
        "subscription": {"subscription_id": str(record.subscription_id), "description": description or None},
        "created_at": times.of(record.created_at),
        "retry_count": record.attempt_number - 1,
    }
    return common | (_open(record) if isinstance(record, open_attempts.OpenAttempt) else _ended(record))


def _open(record: open_attempts.OpenAttempt) -> dict[str, Any]:
    """A first attempt is pending until it has ended, a retry waits before that."""
    is_retry = record.attempt_number > 1
    status: dict[str, Any] = {"type": "pending", "since": times.of(record.created_at)}
    if is_retry and record.is_held:
        status = {"type": "in_progress", "since": times.of(record.owned_at)}
    elif is_retry and record.is_later:
        status = status | {"type": "waiting", "until": times.of(record.next_attempt_at)}
    return {
        "picked_at": times.of(record.owned_at) if is_retry and record.is_held else None,
        "failed_at": None,
        "succeeded_at": None,
        "delay_until": times.of(record.next_attempt_at) if is_retry else None,
        "response_id": None,
        "http_response_status": None,
        "status": status,
    }


def _ended(record: attempts.Attempt) -> dict[str, Any]:
    succeeded = record.outcome == Outcome.SUCCEEDED
    at = times.of(record.finished_at)
    return {
        "picked_at": None if record.picked_at is None else times.of(record.picked_at),
        "failed_at": None if succeeded else at,
        "succeeded_at": at if succeeded else None,
        "delay_until": None,
        "response_id": str(record.attempt_id) if rest_attempts.has_response(record) else None,
        "http_response_status": record.http_status,
        "status": {
            "type": "successful" if succeeded else "failed",
            "at": at,
            "full_processing_ms": _milliseconds(record.created_at, record.finished_at),
        },
    }


def _milliseconds(first: datetime, last: datetime) -> int:
    return max(0, round((last - first).total_seconds() * 1000))


def _show_response(answer: attempts.Attempt, _: asked.Asked) -> dict[str, Any]:
    return {
        "response_id": str(answer.attempt_id),
        "response_error_name": _error_name(answer),
        "http_code": answer.http_status,
        "headers": orjson.loads(answer.response_headers) if answer.response_headers else None,
        "body": _body(answer),
        "elapsed_time_ms": None if answer.elapsed is None else answer.elapsed // 1000,
    }


def _error_name(answer: attempts.Attempt) -> str | None:
    if answer.outcome == Outcome.DNS_ERROR and _NO_ADDRESS in (answer.error_message or ""):
        return "E_INVALID_TARGET"
    return _ERRORS.get(Outcome(answer.outcome))


def _body(answer: attempts.Attempt) -> str | None:
    """As text where it is UTF-8, else in base64; where nothing was answered, what went wrong."""
    if answer.http_status is None:
        return answer.error_message
    body = answer.response_body or b""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii")


ROUTES = (
    route.Route(
        "GET", "/request_attempts", f"{_SERVICE}/ListRequestAttempts", _read_list, _show_list, headers=_link,
        described=shapes.LIST,
    ),
    route.Route(
        "GET", "/request_attempts/{request_attempt_id}", f"{_SERVICE}/GetRequestAttempt", _read_get, _show_get,
        described=shapes.GET,
    ),
    route.Route(
        "GET", "/responses/{response_id}", f"{_SERVICE}/GetResponse", _read_response, _show_response,
        described=shapes.RESPONSE,
    ),
)  # fmt: skip
