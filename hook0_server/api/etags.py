"""Etags: a resource's revision as clients see it. They are to be compared, not read."""

from hook0_server.model import errors

_PREFIX = "r"
_NEVER = -1  # no row has this revision
_MOST_DIGITS = 18  # of a bigint


def of(revision: int) -> str:
    return f"{_PREFIX}{revision}"


def revision(etag: str) -> int | None:
    """The revision that a caller read; None for '' (whatever it is now), and one that no row has for anything else."""
    if not etag:
        return None
    digits = etag.removeprefix(_PREFIX)
    is_ours = etag.startswith(_PREFIX) and digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS
    return int(digits) if is_ours and of(int(digits)) == etag else _NEVER


def mismatch() -> errors.Conflict:
    return errors.Conflict("ETAG_MISMATCH", "It was changed since this etag was read; read it again and repeat the change.")
