"""`hook0-server`: the commands, what they print, and their exit codes.

Exit codes: 0 a graceful end, 1 the server could not start, 2 a setting or an argument is refused.
"""

import asyncio
import contextlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, NoReturn, TypeVar

import click
import orjson

from hook0_server import logs, loop, settings
from hook0_server.model import addresses

Answer = TypeVar("Answer")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A webhook server: gRPC first, loses nothing, needs only PostgreSQL."""


@main.command()
def dev() -> None:
    """Serve, with everything prepared to try it: an application, its secret, a subscription, a receiver."""
    _run(lambda app, given: app.run(given, dev=True, announce=_announce))


@main.command()
@click.option("--processes", "HOOK0_PROCESSES", metavar="N", help="Run N processes on the same ports (HOOK0_PROCESSES).")
@click.option("--roles", "HOOK0_ROLES", metavar="ROLES", help="api, delivery or api,delivery (HOOK0_ROLES).")
def serve(**options: str | None) -> None:
    """Serve. Prints one JSON line when it can take work. An option goes before its variable."""
    environ = os.environ | {name: value for name, value in options.items() if value is not None}
    if _settings(environ).processes == 1:
        _run(lambda app, given: app.run(given, dev=False, announce=_announce), environ)
    else:
        _supervise(environ)


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema, and end."""
    applied = _run(lambda app, given: app.migrate(given))
    click.echo("\n".join(applied or ["The database is up to date."]))


@main.command()
@click.argument("email")
def bootstrap(email: str) -> None:
    """Make EMAIL the owner of the organization that a new database has, and print the password, once, as a JSON line."""
    if not addresses.is_address(email):
        _fail("EMAIL must be an address such as name@example.com.", 2)
    owner = _run(lambda app, given: app.create_owner(given, email))
    facts = {"email": owner.email, "password": owner.password, "organization_id": str(owner.organization_id)}
    click.echo(orjson.dumps(facts))


@main.command()
def rotate_encryption_key() -> None:
    """Encrypt everything at rest with the first key, so that older ones can go; servers may run meanwhile."""
    if not _run(lambda app, given: app.rotate_encryption_key(given, tell=click.echo)):
        raise SystemExit(1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
def config(as_json: bool) -> None:
    """Print every setting: its value (secrets masked), its default, what it means and what is allowed."""
    listed = settings.shown(os.environ)
    click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2) if as_json else "\n".join(map(_described, listed)))
    _settings()  # the list is printed also where something in it is refused


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(importlib.metadata.version("hook0-grpc"))


def _described(setting: settings.Shown) -> str:
    mark = "" if setting.is_set else "  (default)" if setting.default else "  (not set)"
    return f"{setting.variable}={setting.value}{mark}\n    {setting.meaning} Allowed: {setting.allowed}."


def _supervise(environ: Mapping[str, str]) -> None:
    given = _settings(environ)
    logs.configure(given.log_level, given.log_format, process="supervisor")
    from hook0_server import start, supervisor

    # asyncio's own loop: it closes in a child every file that is not the child's, and nothing is fast or slow here.
    with _told(start.StartRefused), asyncio.Runner() as runner:
        runner.run(supervisor.run(given, environ, announce=_announce))


def _announce(facts: dict[str, Any]) -> None:
    """What people can paste (`welcome`, where there is one), then the JSON line for programs, last."""
    said = dict(facts)
    if welcome := said.pop("welcome", ""):
        click.echo(welcome)
    click.echo(orjson.dumps(said))
    sys.stdout.flush()


def _run(
    command: Callable[[Any, settings.Settings], Coroutine[Any, Any, Answer]], environ: Mapping[str, str] = os.environ
) -> Answer:
    """Run a command of the composition root with the settings of the environment."""
    given = _settings(environ)
    logs.configure(given.log_level, given.log_format)
    # Imported here: `config`, `version` and a refused setting answer at once, without the whole server.
    from hook0_server import app

    with _told(app.StartRefused), loop.runner() as runner:
        return runner.run(command(app, given))


@contextlib.contextmanager
def _told(refused: type[Exception]) -> Iterator[None]:
    """How it ended becomes a sentence and an exit code."""
    try:
        yield
    except refused as refusal:
        _fail(str(refusal), 1)
    except (asyncio.CancelledError, KeyboardInterrupt):
        _fail("Stopped at once by a second signal; what was being delivered is taken over at the next start.", 1)


def _settings(environ: Mapping[str, str] = os.environ) -> settings.Settings:
    try:
        return settings.Settings.from_environ(environ)
    except settings.SettingsRefused as refusal:
        _fail(str(refusal), 2)


def _fail(text: str, code: int) -> NoReturn:
    click.echo(text, err=True)
    raise SystemExit(code)
