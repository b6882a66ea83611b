"""A process that owns an embedded PostgreSQL, to be killed by tests: prints its address and process id, then waits."""

import asyncio
import json
import os
import pathlib
import subprocess
import sys
import time

import psycopg

from hook0_server.store import embedded
from hook0_server.store.embedded import become, leftovers


async def own(data_dir: str) -> None:
    async with embedded.run(pathlib.Path(data_dir)) as server:
        print(json.dumps({"dsn": server.dsn, "pid": server.pid, "uid": os.geteuid()}), flush=True)
        await asyncio.Event().wait()


def spawn(data_dir: pathlib.Path, *, user: str = "self") -> subprocess.Popen[str]:
    """Start one, as `user` (see `become`)."""
    launcher = [sys.executable, "-I", "-S", become.__file__, str(os.getpid()), "9", user, str(data_dir.parent)]
    command = [*launcher, sys.executable, __file__, str(data_dir)]
    root = pathlib.Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


async def ready(owner: subprocess.Popen[str]) -> tuple[str, int, int]:
    """Its (dsn, pid of PostgreSQL, own user id), once it serves."""
    assert owner.stdout is not None
    give_up = asyncio.get_running_loop().call_later(30, owner.kill)  # which ends the wait below
    told = json.loads(await asyncio.to_thread(owner.stdout.readline))
    give_up.cancel()
    return told["dsn"], told["pid"], told["uid"]


def kill(owner: subprocess.Popen[str]) -> None:
    """kill -9, reaped. Harmless when it is gone."""
    owner.kill()
    owner.wait(10)
    if owner.stdout is not None:
        owner.stdout.close()


def clean(owner: subprocess.Popen[str], data_dir: pathlib.Path) -> None:
    """Kill it and see its PostgreSQL out, so that the directory can be removed."""
    kill(owner)
    deadline = time.monotonic() + 20
    while left := leftovers.find(data_dir / "postgres"):
        assert time.monotonic() < deadline, f"{left} outlived its owner"
        time.sleep(0.01)


def sockets(dsn: str) -> pathlib.Path:
    """The directory of the server's socket."""
    return pathlib.Path(str(psycopg.conninfo.conninfo_to_dict(dsn)["host"]))


async def value(dsn: str, query: str) -> object:
    """The first column of the first row."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        row = await (await connection.execute(query.encode())).fetchone()
        return row[0] if row else None


async def run(dsn: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(statement.encode())


if __name__ == "__main__":
    asyncio.run(own(sys.argv[1]))
