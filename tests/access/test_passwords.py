import asyncio
import threading
from typing import Any

import argon2
import pytest

from hook0_server.access import passwords
from hook0_server.model import errors, password_rules

PERSON = password_rules.Person("owner@example.com", ("Olive",))


class Slow(argon2.PasswordHasher):
    """Runs until it is let go, and knows how many run at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.running = self.most = 0
        self.threads: set[str] = set()
        self.go, self._lock = threading.Event(), threading.Lock()

    def verify(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(threading.current_thread().name)
        self.go.wait(10)
        with self._lock:
            self.running -= 1
        return super().verify(*args, **kwargs)


async def test_a_password_is_verified_by_the_hash_it_was_given() -> None:
    made = passwords.Passwords(shortest=10, hasher=argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with made.running():
        stored = await made.hash("bakery-tuesday-14")
        assert stored.startswith("$argon2id$")
        assert stored != await made.hash("bakery-tuesday-14")
        assert await made.verify("bakery-tuesday-14", stored)
        assert not await made.verify("bakery-tuesday-15", stored)
        assert not await made.verify("bakery-tuesday-14", None)


def test_real_hashes_cost_at_least_what_is_recommended() -> None:
    hasher = passwords.Passwords(shortest=10)._hasher
    assert hasher.type is argon2.Type.ID
    assert hasher.memory_cost >= 19 * 1024
    assert hasher.time_cost >= 2


async def test_two_at_once_in_threads_and_the_loop_goes_on() -> None:
    slow = Slow()
    made = passwords.Passwords(shortest=10, hasher=slow)
    with made.running():
        tasks = [asyncio.create_task(made.verify("x", None)) for _ in range(8)]
        async with asyncio.timeout(10):
            while slow.running < passwords.AT_ONCE:  # noqa: ASYNC110 - threads tell nobody
                await asyncio.sleep(0.001)
        slow.go.set()
        assert await asyncio.gather(*tasks) == [False] * 8
    assert slow.most == passwords.AT_ONCE
    assert threading.current_thread().name not in slow.threads


async def test_who_comes_when_too_many_wait_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 3)
    slow = Slow()
    made = passwords.Passwords(shortest=10, hasher=slow)
    with made.running():
        tasks = [asyncio.create_task(made.verify("x", None)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(errors.QuotaExceeded) as caught:
            await made.verify("x", None)
        assert (caught.value.reason, caught.value.retry_after) == ("RATE_LIMITED", 5.0)
        slow.go.set()
        await asyncio.gather(*tasks)
        assert await made.verify("x", None) is False


async def test_other_parameters_make_a_hash_outdated() -> None:
    older = argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)
    made = passwords.Passwords(shortest=10, hasher=argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with made.running():
        assert made.is_outdated(older.hash("x"))
        assert not made.is_outdated(await made.hash("x"))


def test_a_refused_password_is_told_without_repeating_it() -> None:
    made = passwords.Passwords(shortest=12)
    with pytest.raises(errors.InvalidRequest) as caught:
        made.judge("new_password", "kq9#xv!tpm7", PERSON)
    assert caught.value.message == "new_password: is too short; use 12 characters or more"
    made.judge("new_password", "kq9#xv!tpm7-", PERSON)
