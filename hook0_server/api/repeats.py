"""Requests with a request_id: a repeat within 24 hours answers what the first one answered, secrets included."""

import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from hook0_server.access import encryption
from hook0_server.api import changes, pipeline
from hook0_server.model import errors
from hook0_server.store import database, request_answers

Response = TypeVar("Response", bound=Message)


class Repeats:
    """Runs what creates something once for each request_id, in one transaction with the answer that is kept."""

    def __init__(self, db: database.Database, keyring: encryption.Keyring) -> None:
        self._db, self._keyring = db, keyring

    async def once(
        self,
        call: pipeline.Call,
        parent_id: uuid.UUID,
        request: Any,
        response: type[Response],
        create: Callable[[database.Connection], Awaitable[Response]],
    ) -> Response:
        """What `create` answers in its transaction, or answered before for this request_id of this parent.

        The audit log tells what `create` made, once.
        Raises AlreadyExists / REQUEST_ID_REUSED where that was another request.
        """
        async with self._db.connection() as connection, connection.transaction():
            if not request.request_id:
                answer = await create(connection)
                await changes.record(connection, call)
                return answer
            request_id, scope = uuid.UUID(request.request_id), f"{type(request).__name__} {parent_id}"
            digest = _digest(request)
            answered = await request_answers.begin(connection, scope, request_id, digest)
            if answered is None:
                answer = await create(connection)
                sealed = self._keyring.encrypt(answer.SerializeToString(), request_id)
                await request_answers.finish(connection, scope, request_id, sealed)
                await changes.record(connection, call)
                return answer
            if answered.digest != digest:
                raise errors.AlreadyExists(
                    "REQUEST_ID_REUSED",
                    "This request_id was used for another request within the last 24 h; give each request its own.",
                    metadata={"request_id": request.request_id},
                )
            return response.FromString(self._keyring.decrypt(answered.sealed, request_id))


def _digest(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
