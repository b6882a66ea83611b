import asyncio

import pytest

from hook0_server.access import recent


async def test_a_cancelled_asker_hands_the_question_to_a_waiting_one() -> None:
    asked: asyncio.Queue[asyncio.Future[str]] = asyncio.Queue()

    async def ask(_: str) -> str:
        question: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asked.put_nowait(question)
        return await question

    answers = recent.Recent(ask, 5, lambda: 0.0)
    first, second, third = (asyncio.ensure_future(answers.get("a")) for _ in range(3))
    await asked.get()
    first.cancel()
    again = await asyncio.wait_for(asked.get(), 5)
    again.set_result("yes")
    assert (await second, await third) == ("yes", "yes")
    assert first.cancelled()
    assert asked.empty()


async def test_a_cancelled_waiter_leaves_the_question_to_the_others() -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ask(_: str) -> str:
        return await answer

    answers = recent.Recent(ask, 5, lambda: 0.0)
    first, second = (asyncio.ensure_future(answers.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    answer.set_result("yes")
    assert await first == "yes"
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_wrong_answers_push_out_no_right_one_and_both_are_bounded() -> None:
    asked: list[int] = []

    async def ask(key: int) -> bool:
        asked.append(key)
        return key < 10

    answers = recent.Recent(ask, 5, lambda: 0.0, most=2)
    await answers.get(1)
    for key in range(10, 20):
        await answers.get(key)
    asked.clear()
    await answers.get(1)
    await answers.get(19)
    assert asked == [], "the right one and the newest wrong ones are kept"
    await answers.get(10)
    assert asked == [10], "the oldest wrong one was dropped"
    for key in (2, 3):
        await answers.get(key)
    asked.clear()
    await answers.get(1)
    assert asked == [1], "the oldest right one was dropped"
