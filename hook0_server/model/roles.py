"""What a member of an organization may do; each role may do what the one before it may."""

import enum


class Role(enum.IntEnum):
    """As stored, and as the wire has them."""

    VIEWER = 1
    EDITOR = 2
    OWNER = 3


HOOK0 = {Role.VIEWER: "viewer", Role.EDITOR: "editor", Role.OWNER: "master"}
"""Hook0's words, as its tokens and its REST interface have them."""
