"""Request attempts as REST has them: those that have ended, and what open deliveries are about to try."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hook0_server.api import filters, listing, parents, pipeline, registry, rules
from hook0_server.model import errors, event_types as names, page_tokens
from hook0_server.store import attempts, database, open_attempts

PAGE_SIZE = 50  # Hook0's
MOST_TYPES = filters.MOST_ENTRIES
_KIND = "request_attempts"
_MOST_LOOKS = 10  # at slices of what a filter leaves little of; then the page is short, and the next one goes on

Record = attempts.Attempt | open_attempts.OpenAttempt


@dataclass(frozen=True, slots=True)
class List:
    """'' and None: of all. Both ends of the range of times count as within."""

    application_id: str
    event_id: str = ""
    subscription_id: str = ""
    event_types: Sequence[str] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """One attempt. Its response has the same id."""

    application_id: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """`descriptions`: of their subscriptions. `cursor`: of the next page, '' at the end."""

    records: Sequence[Record]
    descriptions: Mapping[uuid.UUID, str]
    cursor: str = ""


class RestAttempts:
    def __init__(self, db: database.Database) -> None:
        self._db = db

    async def list(self, call: pipeline.Call, asked: List) -> Shown:
        """Newest first, each once: an attempt keeps its id when it ends."""
        application_id, wanted = parents.application(call), _filter(asked)
        if asked.event_types and not wanted.event_types:
            return Shown([], {})
        about = page_tokens.digest(application_id.bytes, repr(wanted).encode())
        texts = listing.position(asked.cursor, _KIND, about, 1)
        below = listing.identity(texts[0]) if texts else None
        records, below = await self._page(application_id, wanted, below)
        looks = 1
        while below is not None and len(records) < PAGE_SIZE and looks < _MOST_LOOKS:
            more, below = await self._page(application_id, wanted, below, PAGE_SIZE - len(records))
            records, looks = [*records, *more], looks + 1
        cursor = page_tokens.encode(_KIND, about, (str(below),)) if below else ""
        return await self._shown(application_id, records, cursor)

    async def get(self, call: pipeline.Call, asked: Named) -> Shown:
        key = self._db, parents.application(call), uuid.UUID(asked.attempt_id)
        found: Record | None = await attempts.get(*key)
        if found is None:
            found = await open_attempts.get(*key) or await attempts.get(*key)  # it may have ended between
        if found is None:
            raise _missing("attempt", asked.attempt_id)
        return await self._shown(key[1], [found])

    async def get_response(self, call: pipeline.Call, asked: Named) -> attempts.Attempt:
        found = await attempts.get(self._db, parents.application(call), uuid.UUID(asked.attempt_id))
        if found is None or not has_response(found):
            raise _missing("response", asked.attempt_id)
        return found

    async def _page(
        self, application_id: uuid.UUID, wanted: attempts.Filter, below: uuid.UUID | None, size: int = PAGE_SIZE
    ) -> tuple[Sequence[Record], uuid.UUID | None]:
        """Records, and where the following page goes on (None: nowhere).

        Open ones are read first: what ends in between is seen twice, and not missed.
        """
        waiting = await open_attempts.find(self._db, application_id, wanted, size=size, below=below)
        ended = await attempts.find(self._db, application_id, wanted, size=size, below=below)
        known: dict[uuid.UUID, Record] = {each.attempt_id: each for each in waiting.rows}
        known |= {each.attempt_id: each for each in await attempts.read(self._db, application_id, ended.rows, full=False)}
        seen_down_to = max((page.next for page in (waiting, ended) if page.next), default=None)
        ids = sorted((each for each in known if seen_down_to is None or each >= seen_down_to), reverse=True)
        following = ids[size - 1] if len(ids) > size else seen_down_to
        return [known[each] for each in ids[:size]], following

    async def _shown(self, application_id: uuid.UUID, records: Sequence[Record], cursor: str = "") -> Shown:
        subscription_ids = {each.subscription_id for each in records}
        return Shown(records, await open_attempts.descriptions(self._db, application_id, subscription_ids), cursor)


def has_response(attempt: attempts.Attempt) -> bool:
    """Whether it tried to call: what was cancelled or had waited for too long was not."""
    return attempt.elapsed is not None


def _filter(asked: List) -> attempts.Filter:
    return attempts.Filter(
        subscription_ids=[uuid.UUID(asked.subscription_id)] if asked.subscription_id else [],
        event_ids=[uuid.UUID(asked.event_id)] if asked.event_id else [],
        event_types=[each for each in asked.event_types if names.is_name(each)],  # nothing is of the others
        created_from=asked.created_from,
        created_to=asked.created_to,
    )


def _missing(what: str, identity: str) -> errors.NotFound:
    return errors.NotFound(
        "ATTEMPT_NOT_FOUND",
        f"The application has no {what} {identity}, or it is older than they are kept.",
        metadata={"attempt_id": identity},
    )


def _rules_of_list(asked: List, breaches: rules.Breaches) -> None:
    if len(asked.event_types) > MOST_TYPES:
        breaches.add("event.event_type_names", f"has {len(asked.event_types)} entries; at most {MOST_TYPES} are allowed")


def operations(db: database.Database) -> list[registry.Operation]:
    """What REST has in place of AttemptService."""
    handlers, service, unary = RestAttempts(db), "AttemptService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "ListRequestAttempts", List, Shown, unary, "request_attempt:list", handlers.list,
            rules=_rules_of_list, is_rpc=False,
        ),
        registry.Operation(
            service, "GetRequestAttempt", Named, Shown, unary, "request_attempt:get", handlers.get, is_rpc=False
        ),
        registry.Operation(
            service, "GetResponse", Named, attempts.Attempt, unary, "response:get", handlers.get_response, is_rpc=False
        ),
    ]  # fmt: skip
