"""What should become of deliveries, in a page that is too simple to be wrong: no time, no memory, no servers."""

from collections import Counter
from dataclasses import dataclass, field

WAITING, SUCCEEDED, DEAD, CANCELLED = "waiting", "succeeded", "dead", "cancelled"
OK, FAILED, ENDED = "ok", "failed", "ended"  # attempts; the last one is without a request
MAX_RETRIES = 1

Key = tuple[str, str, str, tuple[str, ...]]  # event, subscription, state, attempts


@dataclass
class Subscription:
    label: str  # of the events that it gets
    enabled: bool = True
    deleted: bool = False
    failing: bool = False  # its receiver


@dataclass(eq=False)
class Delivery:
    event: str
    subscription: str
    state: str = WAITING
    attempts: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.event, self.subscription, self.state, self.attempts


@dataclass
class Model:
    """One application. Events and subscriptions are named by their ids."""

    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)  # their labels
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def keys(self) -> Counter[Key]:
        return Counter(each.key for each in self.deliveries)

    @property
    def sent(self) -> Counter[tuple[str, str]]:
        """How many requests each subscription got for each event."""
        sent: Counter[tuple[str, str]] = Counter()
        for each in self.deliveries:
            sent[each.event, each.subscription] += len(each.attempts) - each.attempts.count(ENDED)
        return +sent

    def alive(self) -> list[str]:
        return [name for name, each in self.subscriptions.items() if not each.deleted]

    def wanting(self, label: str) -> list[str]:
        return [name for name, each in self.subscriptions.items() if each.enabled and each.label == label]

    def publish(self, event: str, label: str) -> None:
        self.events[event] = label
        self.replay(event)

    def replay(self, event: str) -> int:
        """How many deliveries it makes."""
        names = self.wanting(self.events[event])
        for name in names:
            made = Delivery(event, name)
            self.deliveries.append(made)
            self._attempt(made)
        return len(names)

    def retry(self, delivery: Delivery) -> bool:
        """False: refused."""
        allowed = delivery.state in (WAITING, DEAD) and self.subscriptions[delivery.subscription].enabled
        if allowed:
            self._attempt(delivery)
        return allowed

    def cancel(self, delivery: Delivery) -> bool:
        """False: refused."""
        allowed = delivery.state == WAITING
        if allowed:
            self._end(delivery)
        return allowed

    def enable(self, name: str, enabled: bool) -> None:
        self.subscriptions[name].enabled = enabled

    def delete(self, name: str) -> None:
        self.subscriptions[name].enabled, self.subscriptions[name].deleted = False, True
        for each in self.deliveries:
            if each.subscription == name and each.state == WAITING:
                self._end(each)

    def _attempt(self, delivery: Delivery) -> None:
        """The next try is an hour later: until somebody asks for it, it does not come."""
        failing = self.subscriptions[delivery.subscription].failing
        delivery.attempts += (FAILED if failing else OK,)
        if not failing:
            delivery.state = SUCCEEDED
        else:
            delivery.state = DEAD if len(delivery.attempts) > MAX_RETRIES else WAITING

    def _end(self, delivery: Delivery) -> None:
        delivery.attempts += (ENDED,)
        delivery.state = CANCELLED
