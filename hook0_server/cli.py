"""`hook0-server`: the commands, what they print, and their exit codes.

Exit codes: 0 a graceful end, 1 the server could not start, 2 a setting or an argument is refused.
"""

import asyncio
import importlib.metadata
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import click
import orjson

from hook0_server import logs, settings

Answer = TypeVar("Answer")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A webhook server: gRPC first, loses nothing, needs only PostgreSQL."""


@main.command()
def dev() -> None:
    """Serve, with everything prepared to try it: an application, its secret, a subscription, a receiver."""
    _serve(dev=True)


@main.command()
def serve() -> None:
    """Serve. Prints one JSON line when it can take work."""
    _serve(dev=False)


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema, and end."""
    applied = _run(lambda app, given: app.migrate(given))
    click.echo("\n".join(applied or ["The database is up to date."]))


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


def _serve(*, dev: bool) -> None:
    _run(lambda app, given: app.run(given, dev=dev, announce=_announce))


def _announce(facts: dict[str, Any]) -> None:
    """What people can paste (`welcome`, where there is one), then the JSON line for programs, last."""
    said = dict(facts)
    if welcome := said.pop("welcome", ""):
        click.echo(welcome)
    click.echo(orjson.dumps(said))
    sys.stdout.flush()


def _run(command: Callable[[Any, settings.Settings], Coroutine[Any, Any, Answer]]) -> Answer:
    """Run a command of the composition root with the settings of the environment."""
    given = _settings()
    logs.configure(given.log_level, given.log_format)
    # Imported here: `config`, `version` and a refused setting answer at once, without the whole server.
    from hook0_server import app

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(command(app, given))
    except app.StartRefused as refusal:
        _fail(str(refusal), 1)
    except (asyncio.CancelledError, KeyboardInterrupt):
        _fail("Stopped at once by a second signal; what was being delivered is taken over at the next start.", 1)


def _settings() -> settings.Settings:
    try:
        return settings.Settings.from_environ(os.environ)
    except settings.SettingsRefused as refusal:
        _fail(str(refusal), 2)


def _fail(text: str, code: int) -> NoReturn:
    click.echo(text, err=True)
    raise SystemExit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # it exists for Linux and macOS only
        return None
    return uvloop.new_event_loop
