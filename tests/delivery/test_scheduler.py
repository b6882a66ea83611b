"""What is in memory, and whose turn it is: fair turns, caps and bounds, against a model that is too simple to be wrong."""

import uuid
from collections import Counter

import pytest
from hypothesis import settings, stateful, strategies as st
from hypothesis.stateful import invariant, precondition, rule

from hook0_server.delivery import scheduler
from hook0_server.model import delivery

NODE = 3
LARGE, SMALL = uuid.UUID(int=1), uuid.UUID(int=2)


def held(application: uuid.UUID, subscription: int, *, size: int = 10, owner: int = NODE) -> delivery.Delivery:
    delivery_id = uuid.uuid4()
    subscription_id = uuid.UUID(int=application.int << 32 | subscription)
    return delivery.Delivery(
        application, delivery_id, delivery_id, subscription_id, uuid.uuid4(), "", "a.b", "", b"x" * size, owner, 0.0
    )


def memory(most: int = 1000, most_bytes: int = 10**9, limit: int = 16) -> scheduler.Scheduler:
    made = scheduler.Scheduler(most=most, most_bytes=most_bytes)
    made.limit_of = lambda subscription_id: limit
    return made


def drain(memory: scheduler.Scheduler) -> list[delivery.Delivery]:
    """Everything that may be sent now, in its order."""
    taken = []
    while (each := memory.next()) is not None:
        taken.append(each)
    return taken


def test_applications_take_turns_and_within_them_their_subscriptions() -> None:
    made = memory()
    made.take(held(LARGE, subscription) for subscription in (1, 1, 1, 2, 2, 3))
    made.take(held(SMALL, 9) for _ in range(2))
    order = [(each.application_id, each.subscription_id.int & 0xFF) for each in drain(made)]
    assert order == [
        (LARGE, 1), (SMALL, 9), (LARGE, 2), (SMALL, 9), (LARGE, 3), (LARGE, 1), (LARGE, 2), (LARGE, 1)
    ]  # fmt: skip


def test_one_subscription_is_served_in_its_order() -> None:
    made = memory()
    given = [held(LARGE, 1) for _ in range(10)]
    made.take(given)
    assert drain(made) == given


def test_a_subscription_sends_no_more_at_once_than_its_limit() -> None:
    made = memory(limit=3)
    made.take(held(LARGE, 1) for _ in range(10))
    sent = drain(made)
    assert len(sent) == made.in_flight == 3
    made.sent(sent[0])
    assert len(drain(made)) == 1


def test_whoever_is_slow_does_not_delay_the_others() -> None:
    made = memory(limit=2)
    made.take(held(LARGE, 1) for _ in range(100))
    assert len(drain(made)) == 2
    quick = held(LARGE, 2)
    made.take([quick, held(SMALL, 1)])
    assert len(drain(made)) == 2
    assert quick.subscription_id not in made.full()


def test_a_subscription_whose_limit_is_not_known_sends_one_and_the_others_when_it_is() -> None:
    limit: int | None = None
    woken: list[int] = []
    made = scheduler.Scheduler(most=100, most_bytes=10**9)
    made.limit_of = lambda subscription_id: limit
    made.wake = lambda: woken.append(made.held)
    made.take(held(LARGE, 1) for _ in range(9))
    [first] = drain(made)
    assert woken == [9]
    limit = 5
    made.limits_changed_for(first.subscription_id)
    assert woken == [9, 9]
    assert len(drain(made)) == 4
    limit = None  # changed, and not loaded yet: the last one counts
    made.limits_changed_for(first.subscription_id)
    made.sent(first)
    assert len(drain(made)) == 1


def test_a_limit_that_sank_counts_at_once_and_one_that_rose_wakes_the_sender() -> None:
    limit, woken = 4, list[int]()
    made = scheduler.Scheduler(most=100, most_bytes=10**9, wake=lambda: woken.append(made.in_flight))
    made.limit_of = lambda subscription_id: limit
    made.take(held(LARGE, 1) for _ in range(20))
    sent = [made.next() for _ in range(3)]
    limit = 2
    made.limits_changed()
    assert made.next() is None
    for each in sent[:2]:
        assert each is not None
        made.sent(each)
    assert len(drain(made)) == 1
    woken.clear()
    made.limits_changed()
    assert not woken
    limit = 10
    made.limits_changed()
    assert woken == [2]
    assert len(drain(made)) == 8


@pytest.mark.parametrize("many", [1, 3])
def test_a_slow_subscription_is_full_at_its_share_and_leaves_places_for_others(many: int) -> None:
    made = memory(most=1000)
    for subscription in range(many):
        while not any(each.int & 0xFF == subscription for each in made.full()):
            made.take([held(LARGE, subscription)])
    assert len(made.full()) == many
    assert 1000 - made.held >= 1000 // 2**many - many
    made.take(held(SMALL, 1) for _ in range(16))
    drain(made)
    made.take([held(SMALL, 2)])
    assert made.next() is not None
    assert SMALL.int << 32 | 2 not in {each.int for each in made.full()}


def test_free_counts_places_and_bytes_until_each_is_forgotten() -> None:
    made = memory(most=3, most_bytes=100)
    given = [held(LARGE, 1, size=40) for _ in range(4)]
    made.take(given)
    assert (made.held, made.held_bytes, made.free()) == (4, 160, (0, 0))
    for each in drain(made):
        made.sent(each)
        assert made.holds(each.delivery_id)  # until it is recorded
        made.forget(each.delivery_id)
        made.forget(each.delivery_id)
    assert (made.held, made.held_bytes, made.free()) == (0, 0, (3, 100))


def test_the_same_delivery_is_held_once() -> None:
    made, each = memory(), held(LARGE, 1)
    made.take([each, each])
    made.take([each])
    assert made.held == 1
    assert drain(made) == [each]


def test_a_new_incarnation_keeps_what_was_begun_and_drops_the_rest() -> None:
    made = memory()
    made.take(held(LARGE, 1) for _ in range(3))
    begun = made.next()
    queued_by_a_worker = made.next()
    assert begun is not None
    assert queued_by_a_worker is not None
    begun.begun = True
    assert made.begun() == [(begun.application_id, begun.delivery_id)]
    made.keep_only({begun.delivery_id}, 9)
    assert (made.held, begun.owner, queued_by_a_worker.owner) == (1, 9, NODE)
    assert made.next() is None
    for each in (begun, queued_by_a_worker):
        made.sent(each)
    assert made.in_flight == 0


class AgainstAModel(stateful.RuleBasedStateMachine):
    """The model: a list of what waits and a list of what is being sent."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: dict[uuid.UUID, int] = {}
        self.made = scheduler.Scheduler(most=20, most_bytes=300)
        self.made.limit_of = lambda subscription_id: self.limits.get(subscription_id, 2)
        self.waiting: list[delivery.Delivery] = []
        self.sending: list[delivery.Delivery] = []
        self.recording: list[delivery.Delivery] = []
        self.last: list[uuid.UUID] = []

    @rule(application=st.sampled_from([LARGE, SMALL]), subscription=st.integers(1, 3), count=st.integers(1, 5))
    def take(self, application: uuid.UUID, subscription: int, count: int) -> None:
        given = [held(application, subscription) for _ in range(count)]
        self.made.take(given)
        self.waiting += given

    def _sendable(self) -> list[delivery.Delivery]:
        open_now = Counter(each.subscription_id for each in self.sending)
        return [each for each in self.waiting if open_now[each.subscription_id] < self.limits.get(each.subscription_id, 2)]

    @rule()
    def next(self) -> None:
        sendable, each = self._sendable(), self.made.next()
        assert (each is None) == (not sendable)
        if each is None:
            return
        assert each is next(other for other in sendable if other.subscription_id == each.subscription_id)
        self.waiting.remove(each)
        self.sending.append(each)

    @precondition(lambda self: self.sending)
    @rule(data=st.data())
    def sent(self, data: st.DataObject) -> None:
        each = self.sending.pop(data.draw(st.integers(0, len(self.sending) - 1)))
        self.made.sent(each)
        self.recording.append(each)

    @precondition(lambda self: self.sending)
    @rule()
    def put_back(self) -> None:
        each = self.sending.pop()
        self.made.requeue(each)
        self.made.sent(each)
        self.waiting.insert(0, each)

    @precondition(lambda self: self.recording)
    @rule()
    def recorded(self) -> None:
        self.made.forget(self.recording.pop().delivery_id)

    @rule(subscription=st.integers(1, 3))
    def drop(self, subscription: int) -> None:
        subscription_id = uuid.UUID(int=LARGE.int << 32 | subscription)
        dropped = self.made.drop_waiting(subscription_id)
        assert dropped == [each for each in self.waiting if each.subscription_id == subscription_id]
        self.waiting = [each for each in self.waiting if each.subscription_id != subscription_id]

    @rule(subscription=st.integers(1, 3), limit=st.integers(1, 4))
    def limit(self, subscription: int, limit: int) -> None:
        subscription_id = uuid.UUID(int=SMALL.int << 32 | subscription)
        self.limits[subscription_id] = limit
        self.made.limits_changed_for(subscription_id)

    @invariant()
    def counts_agree(self) -> None:
        everything = [*self.waiting, *self.sending, *self.recording]
        assert self.made.held == len(everything)
        assert self.made.held_bytes == sum(len(each.payload) for each in everything)
        assert self.made.in_flight == len(self.sending)
        assert self.made.free() == (max(0, 20 - len(everything)), max(0, 300 - self.made.held_bytes))
        assert all(self.made.find(each.delivery_id) is each for each in everything)


AgainstAModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAgainstAModel = AgainstAModel.TestCase
