"""A new encryption key for everything at rest, while servers run.

Every value is opened and sealed again with the first key, slice by slice; stopped anywhere, the next run goes on. Older keys
are given up only once nothing is sealed with them. What a server seals meanwhile must be sealed with the first key too, so
every living server has to encrypt with that; they tell it with their registration as nodes.
"""

import pathlib
from collections import Counter
from collections.abc import Callable

from hook0_server.access import encryption
from hook0_server.store import database, instance, nodes, sealed

_LIVING_SECONDS = 8.0  # then the other nodes declare a silent one dead


class RotationRefused(Exception):
    """It cannot go on now; the message says what to do. What was done stays done."""


class Rotation:
    """`await Rotation(…).run()`, once."""

    def __init__(
        self, db: database.Database, setting: str | None, data_dir: pathlib.Path, *, tell: Callable[[str], None]
    ) -> None:
        """`setting`: as HOOK0_ENCRYPTION_KEYS; without one the key file gets a new key. `tell` gets lines for people."""
        self._db, self._setting, self._data_dir, self._tell = db, setting, data_dir, tell
        self._keyring = encryption.Keyring.load(setting, data_dir)

    async def run(self) -> bool:
        """True: everything is sealed with the first key. Raises RotationRefused, KeysRefused, Unavailable or OSError."""
        async with sealed.alone(self._db) as is_alone:
            if not is_alone:
                raise RotationRefused("The key of this database is being changed by another process; wait for that one.")
            if not self._setting and len(self._keyring.ids) == 1:
                await self._make_key()
            await self._agree()  # first: once the database knows the first key, no server starts that does not hold it
            await instance.verify(self._db, self._keyring)
            for column in sealed.COLUMNS:
                self._tell(f"{column}: {await self._reseal(column):,} re-encrypted")
            return await self._retire(await self._used())

    async def _make_key(self) -> None:
        """Into the key file, before anything is sealed with it. A file that has two keys is one that was left in the middle."""
        await instance.verify(self._db, self._keyring)
        for each in await nodes.holders(self._db, _LIVING_SECONDS):
            raise RotationRefused(
                f"{_named(each)} would not know a new key in the key file: stop every server, run this, and start them. "
                f"(One that was killed counts as running for {_LIVING_SECONDS:.0f} s.)"
            )
        encryption.add_key(self._data_dir)
        self._keyring = encryption.Keyring.load(None, self._data_dir)

    async def _agree(self) -> None:
        """Raises RotationRefused where a living server encrypts with another key, or may not know this one."""
        first = self._keyring.ids[0]
        for each in await nodes.holders(self._db, _LIVING_SECONDS):
            if each.key_ids[:1] != (first,):
                uses = f"encrypts with {each.key_ids[0]}" if each.key_ids else "does not tell its keys"
                raise RotationRefused(
                    f"{_named(each)} {uses}: restart it with {', '.join(self._keyring.ids)} in this order, then run this again."
                )

    async def _reseal(self, column: sealed.Column) -> int:
        count = 0
        async for values in sealed.slices(self._db, column):
            changes = [(value, again) for value in values if (again := self._again(value)) is not None]
            if changes:
                await self._agree()
                count += await sealed.replace(self._db, column, changes)
        return count

    def _again(self, value: sealed.Value) -> bytes | None:
        """The value sealed with the first key; None: it is so already, or nothing here opens it."""
        if not value.sealed or encryption.key_id(value.sealed) == self._keyring.ids[0]:
            return None
        try:
            return self._keyring.encrypt(self._keyring.decrypt(value.sealed, value.row_id), value.row_id)
        except encryption.WrongKey:
            return None  # it shows in what is used

    async def _used(self) -> Counter[str]:
        """How many values are sealed with each key."""
        used: Counter[str] = Counter()
        for column in sealed.COLUMNS:
            async for values in sealed.slices(self._db, column):
                used.update(encryption.key_id(value.sealed) or "(unreadable)" for value in values if value.sealed)
        return used

    async def _retire(self, used: Counter[str]) -> bool:
        first, *older = self._keyring.ids
        self._tell(
            f"In use: {', '.join(f'{key_id} ({count:,} values)' for key_id, count in sorted(used.items())) or 'no key'}."
        )
        left = sorted(used.keys() - {first})
        if left:
            self._tell(f"Keep {', '.join(left)}: these values did not open or were sealed just now. Run this again.")
            return False
        await self._agree()
        # Before the file: a server that finds a key in the database and not in its file does not start.
        await instance.keep_first_key(self._db, self._keyring)
        if not self._setting:
            encryption.drop_older_keys(self._data_dir)
            self._tell(f"The key file holds only {first} now: back it up.")
        elif older:
            self._tell(f"Nothing is sealed with {', '.join(older)}: it may be removed from {encryption.SETTING}.")
        else:
            self._tell(f"To change the key put a new one before it in {encryption.SETTING}.")
        return True


def _named(each: nodes.Holder) -> str:
    return f"The server on {each.host} (process {each.pid})"
