"""AttemptService, but for WatchAttempts."""

import uuid

from hook0_client._gen.hook0.v1 import attempt_service_pb2 as pb2, view_pb2
from hook0_server.access import encryption
from hook0_server.api import convert, filters, listing, parents, pipeline, registry, rules, shown_targets
from hook0_server.model import cursors, errors, page_tokens
from hook0_server.store import attempts, database, feed

_KIND = "attempts"


class Attempts:
    def __init__(self, db: database.Database, keyring: encryption.Keyring) -> None:
        self._db = db
        self._targets = shown_targets.ShownTargets(db, keyring)

    async def get(self, call: pipeline.Call, request: pb2.GetAttemptRequest) -> pb2.GetAttemptResponse:
        application_id = parents.application(call)
        found = await attempts.get(self._db, application_id, uuid.UUID(request.attempt_id))
        if found is None:
            raise errors.NotFound(
                "ATTEMPT_NOT_FOUND",
                f"The application has no attempt {request.attempt_id} that ended, or it is older than attempts are kept.",
                metadata={"attempt_id": request.attempt_id},
            )
        shown = await self._targets.of(application_id, [found])
        target = shown_targets.for_attempt(shown, found)
        return pb2.GetAttemptResponse(attempt=convert.attempt(found, view_pb2.VIEW_FULL, target))

    async def list(self, call: pipeline.Call, request: pb2.ListAttemptsRequest) -> pb2.ListAttemptsResponse:
        application_id = parents.application(call)
        about = listing.digest(application_id, request.filter)
        texts = listing.position(request.page_token, _KIND, about, 2)
        # Taken before the first page is read, so that a watch from here misses nothing that the pages do not show.
        watch_cursor = texts[1] if texts else cursors.encode(await feed.position(self._db, application_id))
        page = await attempts.find(
            self._db,
            application_id,
            filters.of_attempts(request.filter),
            size=rules.page_size(request.page_size),
            below=listing.identity(texts[0]) if texts else None,
        )
        is_full = request.view == view_pb2.VIEW_FULL
        found = await attempts.read(self._db, application_id, page.rows, full=is_full)
        targets = await self._targets.of(application_id, found) if is_full else {}
        shown = [convert.attempt(each, request.view, shown_targets.for_attempt(targets, each)) for each in found]
        fitting = listing.fitting(shown)
        # A page that was cut goes on after what it shows; a row that is gone since it was found is not missed.
        following = found[fitting - 1].attempt_id if 0 < fitting < len(page.rows) else page.next
        token = page_tokens.encode(_KIND, about, (str(following), watch_cursor)) if following else ""
        return pb2.ListAttemptsResponse(attempts=shown[:fitting], next_page_token=token, watch_cursor=watch_cursor)


def _rules_of_get(request: pb2.GetAttemptRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("attempt_id", request.attempt_id)


def _rules_of_list(request: pb2.ListAttemptsRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)
    filters.judge_view(request.view, breaches)
    filters.judge_attempts(request.filter, breaches)


def operations(db: database.Database, keyring: encryption.Keyring) -> list[registry.Operation]:
    """AttemptService, but for WatchAttempts, which is in `api.watch`."""
    handlers = Attempts(db, keyring)
    service, unary = "AttemptService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "GetAttempt", pb2.GetAttemptRequest, pb2.GetAttemptResponse, unary,
            "request_attempt:get", handlers.get, rules=_rules_of_get,
        ),
        registry.Operation(
            service, "ListAttempts", pb2.ListAttemptsRequest, pb2.ListAttemptsResponse, unary,
            "request_attempt:list", handlers.list, rules=_rules_of_list,
        ),
    ]  # fmt: skip
