"""`scripts/bench [NAME ...] [--quick] [--out FILE] [--markdown FILE]`: runs workloads and prints their rows as they come.

Each workload appends one JSON line to FILE: {"workload", "at", "quick", "seconds", "machine", "results", "error"}.
"""

import asyncio
import json
import pathlib
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Any

import click

from benchmarks import figures, machine, scale as scales, table, workloads

_WHOLE_SECONDS = 720.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[WORKLOAD]...")
@click.option("--quick", is_flag=True, help="Seconds instead of minutes: shows that it works; the figures mean little.")
@click.option("--out", type=click.Path(path_type=pathlib.Path), default="benchmarks/results.jsonl", show_default=True)
@click.option("--markdown", type=click.Path(path_type=pathlib.Path, exists=True), help="Run nothing: print these results.")
def main(names: tuple[str, ...], quick: bool, out: pathlib.Path, markdown: pathlib.Path | None) -> None:
    """What the server does under load, beside a yardstick on the same machine. Without names: all workloads."""
    if markdown:
        click.echo(table.markdown(markdown))
        return
    if unknown := set(names) - set(workloads.TABLE):
        raise click.UsageError(f"no workload {', '.join(sorted(unknown))}; there are: {', '.join(workloads.TABLE)}")
    sys.exit(asyncio.run(_all(names or tuple(workloads.TABLE), quick, out)))


async def _all(names: tuple[str, ...], quick: bool, out: pathlib.Path) -> int:
    """The exit code: 1 where a workload failed or the time for all of them was over."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    facts = await asyncio.to_thread(machine.facts)
    click.echo("  ".join(f"{name} {value}" for name, value in facts.items()))
    end = time.monotonic() + _WHOLE_SECONDS
    failed = False
    for name in names:
        line = await _one(name, quick, end - time.monotonic())
        failed |= line["error"] is not None
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(figures.as_json(line | {"machine": facts})) + "\n")
    return int(failed)


async def _one(name: str, quick: bool, seconds_left: float) -> dict[str, Any]:
    """Run one workload; it fails for itself alone."""
    run, limit = workloads.TABLE[name]
    at, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    printer = table.Printer()
    results: list[scales.Result] = []
    error = None
    try:
        async with asyncio.timeout(min(limit, seconds_left)):
            results = await run(scales.Scale(quick, printer.show))
    except Exception as failure:
        results, error = printer.shown, f"{type(failure).__name__}: {failure}"
        click.echo(f"{name}: {error}", err=True)
    spent = round(time.monotonic() - began, 1)
    click.echo(f"{name}: {spent} s")
    return {"workload": name, "at": at, "quick": quick, "seconds": spent, "results": results, "error": error}


if __name__ == "__main__":
    main()
