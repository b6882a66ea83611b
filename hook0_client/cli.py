"""`hook0ctl`: publish events and watch their deliveries, from a terminal or a script."""

import sys

try:
    import click
    import rich  # noqa: F401 - the commands need it
except ModuleNotFoundError:
    sys.exit("hook0ctl needs more than the client: pip install 'hook0-grpc[cli]'")

from importlib import metadata
from typing import Any

from hook0_client import cli_account, cli_nodes, cli_place, cli_publish, cli_token, cli_watch, errors

_FILE = click.Path(exists=True, dir_okay=False)  # in PEM form


class _Commands(click.Group):
    """Failures are told on stderr with exit code 1; nobody is shown a stack because a server is away."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except errors.Hook0Error as error:
            raise click.ClickException(_explain(error, ctx.find_object(cli_place.Place))) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--address", envvar="HOOK0_ADDRESS", help="host:port of the server. [env HOOK0_ADDRESS; 127.0.0.1:50051]")
@click.option("--token", envvar="HOOK0_TOKEN", help="Application secret or service token. [env HOOK0_TOKEN]")
@click.option("--application-id", envvar="HOOK0_APPLICATION_ID", help="Application. [env HOOK0_APPLICATION_ID]")
@click.option("--tls", is_flag=True, envvar="HOOK0_TLS", help="Connect by TLS. [env HOOK0_TLS]")
@click.option("--tls-ca", type=_FILE, envvar="HOOK0_TLS_CA", help="Trust only these authorities. [env HOOK0_TLS_CA]")
@click.option("--tls-cert", type=_FILE, envvar="HOOK0_TLS_CERT", help="Client certificate. [env HOOK0_TLS_CERT]")
@click.option("--tls-key", type=_FILE, envvar="HOOK0_TLS_KEY", help="Key of it. [env HOOK0_TLS_KEY]")
@click.pass_context
def main(
    ctx: click.Context, /, address: str | None, token: str | None, application_id: str | None, tls: bool, **files: str | None
) -> None:
    """Publish events to a Hook0 server and watch their deliveries.

    What is not given is taken from .hook0/dev.json of this directory, where `hook0-server dev` leaves it; instead of a token,
    the session of `hook0ctl login`.
    """
    ctx.obj = cli_place.find(address, token, application_id, tls, **files)


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"hook0ctl {metadata.version('hook0-grpc')}")


def _explain(error: errors.Hook0Error, place: cli_place.Place | None) -> str:
    """One sentence and the reason; below it, the fields that break their rules, unless the sentence said it already."""
    sentence = error.message
    if isinstance(error, errors.Unavailable) and not error.reason and place is not None:
        sentence = f"no Hook0 server answers at {place.address}: {sentence}"
    violations = [f"  {each.field}: {each.description}" for each in error.violations if each.description not in sentence]
    return "\n".join([f"{sentence} ({error.reason or error.code.name})", *violations])


main.add_command(cli_account.login)
main.add_command(cli_account.logout)
main.add_command(cli_account.verify_email)
main.add_command(cli_account.whoami)
main.add_command(cli_nodes.command)
main.add_command(cli_publish.publish)
main.add_command(cli_token.command)
main.add_command(cli_watch.command)
