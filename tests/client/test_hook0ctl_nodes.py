import dataclasses
import json
import os

import pytest

from hook0_server import app, settings as server_settings
from tests import conftest
from tests.client import hook0ctl

pytestmark = pytest.mark.usefixtures("directory")


async def test_nodes_shows_two_servers_as_a_table_and_as_json(settings: server_settings.Settings, dsn: str) -> None:
    only_api = dataclasses.replace(settings, roles=frozenset({"api"}))
    async with app.serving(settings, dsn) as first, app.serving(only_api, dsn):
        place = ("--address", first.grpc, "--token", conftest.MASTER_KEY)
        code, table, err = await hook0ctl.run(*place, "nodes")
        assert (code, err) == (0, "")
        code, listed, err = await hook0ctl.run(*place, "nodes", "--json")
        assert (code, err) == (0, "")
    head, *lines, last = table.splitlines()
    assert " ".join(head.split()) == "node host pid version roles started last beat state holds in flight"
    shown = json.loads(listed)
    assert [line.split()[0] for line in lines] == [str(node["node_id"]) for node in shown["nodes"]]
    assert [line.split()[4] for line in lines] == ["api,delivery", "api"]
    assert [node["is_sending"] for node in shown["nodes"]] == [True, False]
    assert [(node["pid"], node["is_living"]) for node in shown["nodes"]] == [(os.getpid(), True)] * 2
    assert all("living" in line for line in lines)
    assert last == "held by none: 0 due, 0 later, 0 parked"
    assert shown["unheld"] == {"due_count": 0, "later_count": 0, "parked_count": 0}
