"""The composition root: it makes every part, owns every lifetime, and decides the order of start and stop.

Start: settings → database → migrations → keys → node → stages → edges → ready.
Stop: not ready → refuse new calls → end streams → finish what is in flight within the grace → give the rest back → close.
A second signal stops at once; what was not given back then is taken over.
"""

import asyncio
import contextlib
import dataclasses
import gc
import ipaddress
import resource
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog

from hook0_server import bootstrap, certificate_files, settings, start
from hook0_server.access import passwords, rotation
from hook0_server.gateway import siblings
from hook0_server.server import Server, Timings
from hook0_server.start import StartRefused
from hook0_server.store import database

log = structlog.get_logger(__name__)

__all__ = [
    "Server",
    "StartRefused",
    "Timings",
    "create_owner",
    "migrate",
    "rotate_encryption_key",
    "run",
    "run_member",
    "serving",
]

Announce = Callable[[dict[str, Any]], None]

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


async def run(given: settings.Settings, *, dev: bool, announce: Announce) -> None:
    """Serve as the only process until a signal. Raises StartRefused."""
    _raise_file_limit(given.max_in_flight + given.http_connections)
    stopping = start.signals()
    if not dev:
        start.warn(given)
    async with start.opened(given) as dsn, serving(given, dsn, dev=dev) as running:
        await _until(stopping, running, announce)


async def run_member(given: settings.Settings, dsn: str, member: siblings.Member, *, announce: Announce) -> None:
    """Serve as one of several processes, whose supervisor has opened the database, until a signal. Raises StartRefused.

    More signals change nothing: a service manager may send its own beside the supervisor's, which stops at once by killing.
    """
    _raise_file_limit(given.max_in_flight + given.http_connections)
    stopping = start.signals(second_stops_at_once=False)
    async with serving(given, dsn, member=member) as running:
        await _until(stopping, running, announce)


async def _until(stopping: asyncio.Event, running: Server, announce: Announce) -> None:
    _spare_the_collector()
    announce(running.facts())
    await stopping.wait()
    log.info("server.stopping")


async def migrate(given: settings.Settings) -> list[str]:
    """Bring the database to this version's schema; answers what was applied. Raises StartRefused."""
    return await start.migrated(given)


async def create_owner(given: settings.Settings, email: str) -> bootstrap.Owner:
    """The first person. Raises StartRefused."""
    async with start.opened(given) as dsn, database.Database(dsn, pool_size=given.pool_size) as db:
        hashed = passwords.Passwords(shortest=given.password_minimum_length)
        with start.refusals(bootstrap.BootstrapRefused), hashed.running():
            return await bootstrap.create_owner(db, hashed, email)


async def rotate_encryption_key(given: settings.Settings, *, tell: Callable[[str], None]) -> bool:
    """Seal everything at rest with the first key; True when no other is needed any more. Raises StartRefused."""
    async with start.opened(given) as dsn, database.Database(dsn, pool_size=given.pool_size) as db:
        with start.refusals(rotation.RotationRefused):
            return await rotation.Rotation(db, given.encryption_keys, given.data_dir, tell=tell).run()


@contextlib.asynccontextmanager
async def serving(
    given: settings.Settings,
    dsn: str,
    *,
    dev: bool = False,
    member: siblings.Member | None = None,
    timings: Timings | None = None,
) -> AsyncIterator[Server]:
    """A server on a migrated database, for as long as the block lasts. Raises StartRefused."""
    timings = timings or Timings()
    if dev:
        given = dataclasses.replace(given, allow_targets=(*given.allow_targets, *_LOOPBACK))
    async with database.Database(dsn, pool_size=given.pool_size, timing=timings.statements) as db:
        made = Server(given, db, await start.load_keys(given, db), timings, member)
        started = False
        with contextlib.ExitStack() as refusals:
            refusals.enter_context(start.refusals(certificate_files.CertificateRefused, unless=lambda: started))
            async with made.running(dev=dev):
                started = True
                yield made


def _spare_the_collector() -> None:
    """What lives as long as the process is not looked at again, and the young less often: nothing on the path makes cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _raise_file_limit(connections: int) -> None:
    """Each is a file: take what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < connections + 512:
        log.warning("server.few_files", allowed=hard, wanted=connections + 512, before=soft)
