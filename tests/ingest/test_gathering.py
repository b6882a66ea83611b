"""A batch waits for more only where events come faster than one statement after the other takes them."""

import rows
from writing import HandOver, group

from hook0_server.ingest import gathering, queue


def waiting(count: int) -> queue.Queue:
    """A queue in which so many single events wait."""
    made, application = queue.Queue(), rows.id7()
    for _ in range(count):
        made.put(group(application))
    return made


async def after(count: int, statements: int) -> float:
    """Seconds to wait once so many statements have ended, each with so many events waiting."""
    made = gathering.Gathering(waiting(count), HandOver())
    for _ in range(statements):
        made.written()
    return made.seconds()


async def test_who_comes_alone_waits_for_nobody() -> None:
    assert await after(0, 100) == await after(1, 100) == 0


async def test_a_crowd_of_a_moment_makes_nobody_wait_and_a_lasting_one_for_a_few_milliseconds() -> None:
    assert await after(4, 1) == 0
    assert 0 < await after(2, 100) < await after(3, 100) <= await after(20, 100) == 0.008


async def test_it_is_over_when_the_crowd_is() -> None:
    made = gathering.Gathering(crowd := waiting(20), HandOver())
    for _ in range(100):
        made.written()
    assert made.seconds() > 0
    crowd.take()
    for _ in range(40):
        made.written()
    assert made.seconds() == 0


async def test_a_batch_that_is_large_already_waits_no_longer() -> None:
    assert await after(63, 100) > 0
    assert await after(64, 100) == 0


async def test_short_of_cpu_everybody_waits() -> None:
    class Short(HandOver):
        def is_short_of_cpu(self) -> bool:
            return True

    assert gathering.Gathering(waiting(1), Short()).seconds() > 0
