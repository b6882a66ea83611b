"""Statements from the .sql files: `-- name: claim_due` begins one, the comment lines after it say what it is for.

A parameter is written %(name)s (text) or %(name)b (binary), as psycopg takes them.
"""

import functools
import pathlib
import re
from types import SimpleNamespace

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_COMMENT = re.compile(r"(^|\s)--[^\n]*")
_SPACE = re.compile(r"\s+")  # the driver keeps a parsed statement of up to 4,096 bytes; a longer one it parses each time


@functools.cache
def load(path: pathlib.Path) -> SimpleNamespace:
    """The statements of one file, by name, as bytes without comments and indentation: what goes over the wire is only SQL."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    bodies = [_SPACE.sub(" ", _COMMENT.sub("", body)).strip().rstrip(";").encode() for body in parts[2::2]]
    statements = dict(zip(parts[1::2], bodies, strict=True))
    if len(statements) != len(parts) // 2:
        raise ValueError(f"{path}: two statements have one name")
    return SimpleNamespace(**statements)


def beside(module_file: str) -> SimpleNamespace:
    """The statements of the .sql file with the module's own name: `SQL = sql.beside(__file__)`."""
    return load(pathlib.Path(module_file).with_suffix(".sql"))
