"""`hook0ctl nodes`: which servers live, and what each of them holds."""

import asyncio
from collections.abc import Iterator

import click
from google.protobuf import json_format

from hook0_client import cli_place, cli_table, events
from hook0_client._gen.hook0.v1 import instance_service_pb2 as pb2, node_pb2

_HEAD = ("node", "host", "pid", "version", "roles", "started", "last beat", "state", "holds", "in flight")
_FROM_THE_RIGHT = frozenset({"node", "pid", "last beat", "holds", "in flight"})
_MOST_COUNTED = 10_000


@click.command(name="nodes")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(place: cli_place.Place, /, as_json: bool) -> None:
    """Show the servers that share the database: who lives, and the deliveries that each holds.

    The token is the master key of the servers (their HOOK0_MASTER_API_KEY).
    """
    answer = asyncio.run(_everything(place))
    click.echo(_as_json(answer) if as_json else "\n".join(_as_text(answer)))


async def _everything(place: cli_place.Place) -> pb2.ListNodesResponse:
    """All pages as one."""
    async with place.connect(needs_application=False) as client:
        whole = await client.instance.ListNodes(pb2.ListNodesRequest())
        while whole.next_page_token:
            following = await client.instance.ListNodes(pb2.ListNodesRequest(page_token=whole.next_page_token))
            whole.nodes.extend(following.nodes)
            whole.next_page_token = following.next_page_token
        return whole


def _as_json(answer: pb2.ListNodesResponse) -> str:
    return json_format.MessageToJson(
        answer, indent=None, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _as_text(answer: pb2.ListNodesResponse) -> Iterator[str]:
    rows = [_HEAD, *map(_cells, answer.nodes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(_HEAD, row, widths, strict=True)
        placed = (cell.rjust(width) if name in _FROM_THE_RIGHT else cell.ljust(width) for name, cell, width in cells)
        yield "  ".join(placed).rstrip()
    unheld = answer.unheld
    counts = f"{_count(unheld.due_count)} due, {_count(unheld.later_count)} later, {_count(unheld.parked_count)} parked"
    yield f"held by none: {counts}"


def _cells(node: node_pb2.Node) -> tuple[str, ...]:
    roles = [name for name, has in (("api", node.is_answering), ("delivery", node.is_sending)) if has]
    return (
        str(node.node_id),
        cli_table.printable(node.host),
        str(node.pid),
        cli_table.printable(node.version),
        ",".join(roles),
        events.moment(node.started_at).astimezone().isoformat(" ", "seconds"),
        f"{node.since_last_beat.ToMilliseconds() / 1000:.1f} s ago",
        "living" if node.is_living else "silent",
        f"{node.held_count:,}",
        f"{node.in_flight_count:,}",
    )


def _count(capped: int) -> str:
    return f"{capped:,}" + (" or more" if capped >= _MOST_COUNTED else "")
