"""Every operation with every kind of credential, over real calls; the outcome of each is held by every_credential.txt.

To write the file anew after a change that is meant: HOOK0_WRITE_EXPECTED=1 pytest tests/api/test_every_credential.py
"""

import asyncio
import contextlib
import os
import pathlib

import every_credential
import grpc
import pytest

import hook0_client
from hook0_client import attenuation, errors, v1
from hook0_server import app, settings as server_settings
from hook0_server.api import registry
from tests.conftest import MASTER_KEY

EXPECTED = pathlib.Path(__file__).with_name("every_credential.txt")
REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")
Outcomes = dict[str, dict[str, list[str]]]  # operation → outcome → whose


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> server_settings.Settings:
    """Nobody calls too often here."""
    limits = ("RATE_PER_CREDENTIAL", "RATE_PER_ADDRESS", "FAILED_LOGINS_PER_MINUTE")
    return server_settings.Settings.from_environ(
        {
            "HOOK0_DATA_DIR": str(tmp_path / "data"),
            "HOOK0_GRPC_ADDRESS": "127.0.0.1:0",
            "HOOK0_HTTP_ADDRESS": "127.0.0.1:0",
            "HOOK0_ALLOW_TARGETS": "127.0.0.0/8",
            "HOOK0_MASTER_API_KEY": MASTER_KEY,
            **{f"HOOK0_{each}": "0" for each in limits},
        }
    )


def in_order(operations: list[registry.Operation], name: str) -> list[registry.Operation]:
    """What takes something away comes last."""
    last = every_credential.LAST_OF_SECRETS if name == "secret" else every_credential.LAST
    return sorted(operations, key=lambda each: last.index(each.method) if each.method in last else -1)


async def called(server: app.Server, master: hook0_client.Client, name: str, channel: grpc.aio.Channel) -> dict[str, str]:
    """What each operation answers to the credential of this name, in a house of its own."""
    own, other = await every_credential.house(server, master), await every_credential.house(server, master)
    texts = await every_credential.plain(own, other, MASTER_KEY)
    narrowed = await every_credential.limited(own, other)
    texts["revoked"] = await every_credential.revoked(own)
    found = {}
    for operation in in_order(server.operations(), name):
        token = narrowed[name](operation) if name in narrowed else texts[name]
        found[operation.name] = await every_credential.outcome(channel, operation, own.request(operation), token)
    return found


async def test_the_figures_of_an_organization_are_an_action_of_their_own(
    server: app.Server, master: hook0_client.Client
) -> None:
    own = await every_credential.house(server, master)
    service, days = (await own.service_token())[1], v1.GetEventsPerDayRequest(organization_id=own.organization_id)
    for of, allowed in (("organization", True), ("application", False)):
        token = attenuation.attenuate(service, actions=[f"events_per_day:{of}"])
        async with hook0_client.connect(server.grpc, token=token) as client:
            with contextlib.nullcontext() if allowed else pytest.raises(errors.Denied):
                await client.stats.GetEventsPerDay(days)


NAMES = (
    "nothing", "unknown_uuid", "malformed", "revoked", "time_over", "stranger", "other_secret", "other_service", "other_action",
    "other_application", "other_label", "own_label", "own_action", "own_application", "owner_narrowed", "secret", "service",
    "viewer", "editor", "owner", "master",
)  # fmt: skip


def written(operations: list[registry.Operation], by_name: dict[str, dict[str, str]]) -> str:
    """Each operation, and whose calls ended how: refusals first."""
    lines = []
    for operation in operations:
        lines.append(f"{operation.name}  {operation.action}")
        whose: dict[str, list[str]] = {}
        for name in NAMES:
            whose.setdefault(by_name[name][operation.name], []).append(name)
        outcomes = sorted(whose, key=lambda said: (not said.startswith(REFUSED), said))
        lines.extend(f"    {said}: {' '.join(whose[said])}" for said in outcomes)
    return "\n".join(lines) + "\n"


async def test_every_operation_answers_every_credential_as_the_file_says(
    server: app.Server, master: hook0_client.Client
) -> None:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        answers = await asyncio.gather(*(called(server, master, name, channel) for name in NAMES))
    found = written(server.operations(), dict(zip(NAMES, answers, strict=True)))
    if os.environ.get("HOOK0_WRITE_EXPECTED"):
        EXPECTED.write_text(found, encoding="utf-8")
    assert found.splitlines() == EXPECTED.read_text(encoding="utf-8").splitlines()
