"""The limits of the settings, seen by a client of a whole server."""

import dataclasses
import uuid

import pytest
import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings


@pytest.fixture
def settings(settings: server_settings.Settings) -> server_settings.Settings:
    return dataclasses.replace(settings, rate_per_credential=1, rate_per_address=40, failed_logins_per_minute=3)


async def refusal(server: app.Server, token: str, limit: str) -> hook0_client.Hook0Error:
    """The first refusal of calls with this token for this limit; none of them is tried again."""
    async with hook0_client.connect(server.grpc, token=token) as client:
        for _ in range(2000):
            with pytest.raises(hook0_client.Hook0Error) as caught:
                await client.applications.GetApplication(v1.GetApplicationRequest(application_id=str(uuid.uuid4())))
            if caught.value.metadata.get("limit") == limit:
                return caught.value
    raise AssertionError(f"never refused for {limit}: {caught.value!r}")


async def test_each_limit_is_told_with_a_time_to_come_back(server: app.Server, master: hook0_client.Client) -> None:
    made = await workbench.application(master)
    limited = await refusal(server, made.secret, "credential")
    assert isinstance(limited, hook0_client.QuotaExceeded)
    assert limited.reason == "RATE_LIMITED"
    assert 0.1 <= (limited.retry_after or 0) <= 1
    assert "come back in" in str(limited)
    guessed = await refusal(server, str(uuid.uuid4()), "failure")
    assert (guessed.reason, guessed.metadata["address"]) == ("RATE_LIMITED", "127.0.0.1")
    assert 10 < (guessed.retry_after or 0) <= 20
    flooded = await refusal(server, str(uuid.uuid4()), "address")
    assert (flooded.reason, flooded.metadata["address"]) == ("RATE_LIMITED", "127.0.0.1")
