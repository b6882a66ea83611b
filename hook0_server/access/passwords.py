"""Passwords: argon2id in threads of their own, a few at once, and the rules for new ones."""

import asyncio
import base64
import contextlib
import secrets
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import TypeVar

import argon2

from hook0_server.model import errors, password_rules

Answer = TypeVar("Answer")

AT_ONCE = 2  # each takes 32 MiB and a core for some 50 ms: logins must not starve deliveries
MOST_WAITING = 200  # about 5 s of work; who comes later is told to come back
_RETRY_SECONDS = 5.0
_TOLD = {
    "too_short": "is too short; use {shortest} characters or more",
    "too_long": "is too long; at most {longest} characters are allowed",
    "not_diverse": "is a repetition, or only a number; use more different characters",
    "similar_to_email": "is too much like the e-mail address; choose another one",
    "similar_to_name": "is too much like the name; choose another one",
    "too_common": "is one that many people use, or close to one; choose another one",
}


class Passwords:
    """Hashes and verifies. `shortest`: characters that a new password has at least."""

    def __init__(self, *, shortest: int, hasher: argon2.PasswordHasher | None = None) -> None:
        self._shortest = shortest
        # More than OWASP's minimum (19 MiB, 2 passes); one lane, as all cores belong to deliveries.
        self._hasher = hasher or argon2.PasswordHasher(time_cost=2, memory_cost=32 * 1024, parallelism=1)
        self._threads = futures.ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._waiting = 0
        self._nobodys = self._nobodys_hash()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Leaving the block ends the threads; what had not begun is dropped."""
        try:
            yield
        finally:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def judge(self, field: str, password: str, person: password_rules.Person) -> None:
        """Raise InvalidRequest / PASSWORD_REFUSED where a new password may not be used; metadata `problem` says why."""
        problem = self._problem(password, person)
        if problem is not None:
            told = _TOLD[problem].format(shortest=self._shortest, longest=password_rules.LONGEST)
            raise errors.InvalidRequest(
                "PASSWORD_REFUSED",
                f"{field}: {told}",
                metadata={"problem": problem},
                violations=[errors.Violation(field, told)],
            )

    def _problem(self, password: str, person: password_rules.Person) -> password_rules.Problem | None:
        if len(password) > password_rules.LONGEST:  # before anything walks through it
            return "too_long"
        return password_rules.problem(password_rules.normalized(password), person, shortest=self._shortest)

    async def hash(self, password: str) -> str:
        """The text form that is stored. Raises QuotaExceeded where too many wait."""
        return await self._in_thread(lambda: self._hasher.hash(password_rules.normalized(password)))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the one that was hashed; None (there is no account): False, after the same work."""
        return await self._in_thread(lambda: self._matches(stored or self._nobodys, password)) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether it was hashed with other parameters than new ones are."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password_rules.normalized(password))
        except argon2.exceptions.VerificationError:
            return False

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        if self._waiting >= MOST_WAITING:
            raise errors.QuotaExceeded(
                "RATE_LIMITED", "Too many passwords are being checked; try again later.", retry_after=_RETRY_SECONDS
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def _nobodys_hash(self) -> str:
        """A hash of no password, with the parameters of real ones: checking against it costs the same."""
        hasher = self._hasher
        salt, digest = (_encoded(secrets.token_bytes(size)) for size in (hasher.salt_len, hasher.hash_len))
        cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        return f"$argon2id$v=19${cost}${salt}${digest}"


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).rstrip(b"=").decode()
