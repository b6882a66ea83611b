"""Rows that nobody should have written, and defects: each ends or is given up by itself, and no neighbour notices."""

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import rows
import workbench
from delivering import SUCCEEDED, WAITING, Delivering, Outcome, delivering
from test_record import Recording, drained, recording

import hook0_client
from hook0_server import app, settings as server_settings
from hook0_server.delivery import request
from hook0_server.model import outcome
from hook0_server.store import database, nodes as stored_nodes

__all__ = ["recording"]

MOST = 32767  # what a smallint holds
UNREADABLE = (
    """retry_policy = '{"delays": ["soon"]}'""",
    """retry_policy = '[]'""",
    """delivery_options = '{"timeout": {}}'""",
    """secret_encrypted = 'x'""",
)


@pytest.fixture
def settings(settings: server_settings.Settings) -> server_settings.Settings:
    return dataclasses.replace(settings, stop_grace=0.3)


@pytest.fixture
async def at(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Delivering]:
    async with delivering(server, master) as opened:
        yield opened


async def test_a_subscription_that_cannot_be_read_fails_its_own_deliveries_only(at: Delivering) -> None:
    async with workbench.receiving() as receiver:
        unreadable = {await at.subscribe(receiver.url) for _ in UNREADABLE}
        for subscription_id, change in zip(unreadable, UNREADABLE, strict=True):
            await at.server.db.fetch(f"UPDATE subscriptions SET {change} WHERE subscription_id = '{subscription_id}'".encode())
        readable = await at.subscribe(receiver.url)
        [event_id] = await at.publish()
        async with asyncio.timeout(10):
            while len(attempts := await at.attempts(event_id)) < len(UNREADABLE) + 1:  # noqa: ASYNC110  the state is the server's
                await asyncio.sleep(0.01)
    assert {each.subscription_id for each in attempts if each.outcome == Outcome.OUTCOME_INVALID_TARGET} == unreadable
    assert [each.subscription_id for each in attempts if each.outcome == Outcome.OUTCOME_SUCCEEDED] == [readable]
    assert len(receiver.received) == 1


async def test_a_defect_met_while_sending_fails_that_attempt_only(at: Delivering, monkeypatch: pytest.MonkeyPatch) -> None:
    build = request.Template.build

    def defective(self: request.Template, *, event_type: str, **given: Any) -> request.Request:
        if given["payload"] == b"poison":
            raise RuntimeError("a defect")
        return build(self, event_type=event_type, **given)

    monkeypatch.setattr(request.Template, "build", defective)
    async with workbench.receiving() as receiver:
        await at.subscribe(receiver.url)
        [poison] = await at.publish(payload_text="poison", payload_content_type="text/plain")
        [sound] = await at.publish()
        failed = await at.in_state(poison, WAITING)
        await at.in_state(sound, SUCCEEDED)
    assert failed.state_reason == "retrying"
    [attempt] = await at.attempts(poison)
    assert attempt.outcome == Outcome.OUTCOME_PROTOCOL_ERROR
    assert "its log says why" in attempt.error_message


async def test_a_next_attempt_that_cannot_be_written_down_is_given_up(recording: Recording) -> None:
    poison, sound = await recording.held(attempt_number=MOST), await recording.held()
    failed = {"outcome": int(outcome.Outcome.HTTP_ERROR), "reason": "retrying", "delay": 60.0}
    recording.recorder.put(recording.finished(poison, **failed, next_attempt_id=rows.id7()))
    recording.recorder.put(recording.finished(sound, **failed, next_attempt_id=rows.id7()))
    await drained(recording)
    assert [each for (each,) in await recording.db.fetch(b"SELECT delivery_id FROM dead_letters")] == [poison]
    assert [each for (each,) in await recording.db.fetch(b"SELECT delivery_id FROM deliveries")] == [sound]


async def test_an_end_that_cannot_be_written_down_is_kept_and_holds_up_nobody(recording: Recording) -> None:
    poison = await rows.dead_letter(recording.db, recording.application_id)  # a second one of it is refused
    await recording.held(delivery_id=poison, attempt_id=poison)
    sound = await recording.held()
    for delivery_id in (poison, sound):
        recording.recorder.put(
            recording.finished(delivery_id, outcome=int(outcome.Outcome.HTTP_ERROR), reason="retries_exhausted", dead=True)
        )
    await drained(recording)
    assert [each.delivery_id for each in recording.recorded] == [sound]
    assert await recording.db.fetch(b"SELECT delivery_id, owner FROM deliveries") == [(poison, 7)]


async def test_a_row_that_was_taken_over_as_often_as_can_be_counted_is_taken_over_again(db: database.Database) -> None:
    await rows.delivery(db, uuid.uuid4(), owner=999, takeover_count=MOST)
    assert await stored_nodes.take_over(db.hot("test")) == 1
