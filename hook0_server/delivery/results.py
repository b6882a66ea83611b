"""What came of an attempt and what follows from it: the end, a retry, or a dead letter. The recorder gets it."""

import dataclasses
import random
import time
from collections.abc import Callable

from hook0_server.delivery import answer, record, subscriptions
from hook0_server.model import delivery, ids, outcome, retry
from hook0_server.store.record import Finished

Outcome = outcome.Outcome
_FAILED = "The server failed to send this; its log says why."
_LONGEST_ELAPSED = 2**31 - 1  # microseconds in an int: a process that was frozen for longer saw more


class Results:
    """`now`: Unix seconds of the clock that wrote when deliveries were created."""

    def __init__(self, recorder: record.Recorder, known: subscriptions.Subscriptions, now: Callable[[], float]) -> None:
        self._recorder, self._known, self._now = recorder, known, now

    def age(self, each: delivery.Delivery) -> float:
        """Seconds."""
        return self._now() - each.created_at

    def finish(
        self,
        each: delivery.Delivery,
        known: subscriptions.Subscription,
        answered: answer.Answer,
        picked_at: float,
        elapsed: float,
    ) -> None:
        """A request was made, or could not be: `answered` says. `picked_at` in Unix seconds, `elapsed` in seconds."""
        now = time.time()
        finished = Finished(
            each.application_id,
            each.delivery_id,
            each.attempt_id,
            int(answered.outcome),
            "succeeded",
            now,
            picked_at,
            http_status=answered.http_status,
            elapsed=min(int(elapsed * 1e6), _LONGEST_ELAPSED),
            revision=known.revision,
            error_message=answered.error_message,
            headers=answered.headers,
            body=answered.body or None,
            headers_truncated=answered.headers_truncated,
            body_truncated=answered.body_truncated,
        )
        if answered.outcome != Outcome.SUCCEEDED:
            self._plan_retry(each, known, answered, finished, now)
        self._recorder.put(finished)

    def refuse(self, each: delivery.Delivery, known: subscriptions.Subscription, problem: str, picked_at: float) -> None:
        """It can never be sent there; `problem` says why."""
        self.finish(each, known, answer.failed(Outcome.INVALID_TARGET, problem), picked_at, 0.0)

    def fail(self, each: delivery.Delivery, known: subscriptions.Subscription | None) -> None:
        """A failed attempt, to be repeated on the default schedule: what failed may be its subscription's own."""
        if known is None:
            self.end(each, Outcome.PROTOCOL_ERROR, "retries_exhausted", dead=True)
            return
        schedule = dataclasses.replace(known, policy=retry.HOOK0_SCHEDULE)
        each.begun = True
        self.finish(each, schedule, answer.failed(Outcome.PROTOCOL_ERROR, _FAILED), time.time(), 0.0)

    def end(self, each: delivery.Delivery, ended: Outcome, reason: str, *, dead: bool = False) -> None:
        """A final attempt without a request."""
        each.begun = True
        finished = Finished(each.application_id, each.delivery_id, each.attempt_id, int(ended), reason, time.time(), dead=dead)
        self._recorder.put(finished)

    def _plan_retry(
        self,
        each: delivery.Delivery,
        known: subscriptions.Subscription,
        answered: answer.Answer,
        finished: Finished,
        now: float,
    ) -> None:
        planned = retry.plan(
            known.policy,
            each.attempt_number,
            age=self.age(each),
            random=random.random(),  # noqa: S311  # jitter, not a secret
            retry_after=answered.retry_after,
        )
        if isinstance(planned, retry.GaveUp):
            finished.dead = True
            finished.reason = "retries_exhausted" if planned is retry.GaveUp.RETRIES else "max_age"
            return
        finished.reason = "retrying"
        finished.delay = planned
        finished.next_attempt_id = ids.uuid7(now, random.getrandbits(80))
        current = self._known.peek(each.subscription_id)
        finished.parked = current is not None and not current.is_enabled and not current.is_deleted
