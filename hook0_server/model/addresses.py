"""E-mail addresses: what counts as one. Whether anybody reads there, only a message can tell."""

import re

LONGEST = 254
# ASCII only: two spellings that look the same would be two accounts. No character that could end a header's value.
_FORM = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*", re.ASCII
)


def is_address(text: str) -> bool:
    """`name@domain`, at most 254 characters."""
    return len(text) <= LONGEST and _FORM.fullmatch(text) is not None
