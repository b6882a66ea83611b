"""The keys of a server: what secrets are sealed with, and what tokens are signed with."""

from dataclasses import dataclass

from hook0_server.access import biscuits, encryption


@dataclass(frozen=True, slots=True)
class Keys:
    keyring: encryption.Keyring
    root: biscuits.Root
