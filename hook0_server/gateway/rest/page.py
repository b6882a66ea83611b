"""The OpenAPI document as a page to read: no script, nothing from elsewhere."""

import html
import json
from collections.abc import Iterator
from typing import Any

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
details { border: 1px solid #ccc; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem } summary { cursor: pointer }
code, pre { font: 13px/1.4 ui-monospace, monospace } pre { background: #f4f4f4; padding: .6rem; overflow: auto; color: #222 }
b.method { display: inline-block; width: 4.5rem } table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0;
text-align: left; vertical-align: top } @media (prefers-color-scheme: dark) { body { background: #161616; color: #ddd } }
"""


def shown(document: dict[str, Any]) -> str:
    """HTML of the whole document, an operation a block."""
    by_subject: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_subject.setdefault(operation["tags"][0], []).append("".join(_operation(path, method.upper(), operation)))
    blocks = "".join(f"<h2>{_text(subject)}</h2>{''.join(found)}" for subject, found in sorted(by_subject.items()))
    about = document["info"]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(about["title"])} REST API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{_text(about['title'])} REST API</h1><p>{_text(about['description'])} "
        f'The same for programs: <a href="swagger.json">swagger.json</a>.</p>{blocks}</body></html>\n'
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<details id="{_text(operation["operationId"])}"><summary><b class="method">{method}</b> <code>{_text(path)}</code> '
    yield f"{_text(operation['summary'])}</summary>"
    if operation["parameters"]:
        yield "<table><tr><th>parameter</th><th>in</th><th></th></tr>"
        for each in operation["parameters"]:
            needed = "needed" if each["required"] else ""
            yield f"<tr><td><code>{_text(each['name'])}</code></td><td>{each['in']}</td><td>{needed}</td></tr>"
        yield "</table>"
    if "requestBody" in operation:
        yield f"<p>Body</p>{_example(operation['requestBody'])}"
    for status, answer in operation["responses"].items():
        yield f"<p><b>{status}</b> {_text(answer['description'])}</p>"
        if status.startswith("2"):
            yield _example(answer)
    yield "</details>"


def _example(told: dict[str, Any]) -> str:
    examples = [each["example"] for each in told.get("content", {}).values()]
    return "".join(f"<pre>{_text(json.dumps(each, indent=2, ensure_ascii=False))}</pre>" for each in examples)


def _text(text: str) -> str:
    return html.escape(text)
