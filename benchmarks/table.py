"""Results as people read them: aligned rows on a terminal, and Markdown made from the JSON lines."""

import json
import pathlib
from typing import Any

import click

from benchmarks import scale

_NAMES = ("workload", "variant")


class Printer:
    """Prints each row as it comes, and the names of its columns where they change."""

    def __init__(self) -> None:
        self.shown: list[scale.Result] = []
        self._columns: list[str] = []

    def show(self, result: scale.Result) -> None:
        columns = [name for name in result if name not in _NAMES]
        if columns != self._columns:
            self._columns = columns
            click.echo("\n" + self._line(["workload  variant", *columns]))
        click.echo(self._line([f"{result['workload']:<9} {result['variant']}", *[_cell(result[name]) for name in columns]]))
        self.shown.append(result)

    def _line(self, cells: list[str]) -> str:
        widths = [max(len(name), 8) for name in self._columns]
        return f"{cells[0]:<36}" + "".join(f"  {cell:>{width}}" for cell, width in zip(cells[1:], widths, strict=True))


def markdown(path: pathlib.Path) -> str:
    """The last run of each workload in a file of JSON lines: the machine, then a table for each kind of row."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    last = {line["workload"]: line for line in lines}
    machines = {json.dumps(line["machine"]): line["machine"] for line in last.values()}.values()
    parts = [", ".join(f"{name} {value}" for name, value in facts.items()) + "." for facts in machines]
    for name, line in last.items():
        parts.append(f"### {name}\n")
        if line["error"]:
            parts.append(f"It did not end: {line['error']}\n")
        parts.extend(_tables(line["results"]))
    return "\n".join(parts)


def _tables(results: list[scale.Result]) -> list[str]:
    """One table for each set of columns, in the order they came."""
    kinds: dict[tuple[str, ...], list[scale.Result]] = {}
    for result in results:
        kinds.setdefault(tuple(name for name in result if name != "workload"), []).append(result)
    return [
        "\n".join(
            [
                _row(columns),
                _row(["---"] + ["--:"] * (len(columns) - 1)),
                *[_row([_cell(row[name]) for name in columns]) for row in rows],
                "",
            ]
        )
        for columns, rows in kinds.items()
    ]


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "-"
        case float():
            return "-" if value != value else f"{value:,g}"
        case int():
            return f"{value:,}"
    return str(value)
