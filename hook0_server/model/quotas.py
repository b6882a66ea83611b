"""Limits: what they are called, which of several holds, and how what reaches one is refused."""

import dataclasses
from collections.abc import Mapping

from hook0_server.model import errors

NEAR_RATIO = 0.8
_LARGEST = 2**31 - 1
_LARGEST_EVENTS = 2**53 - 1  # what JSON's numbers hold


@dataclasses.dataclass(frozen=True, slots=True)
class Quotas:
    """None: not set. The names are those of the message, of the database and of the metadata of a refusal."""

    members: int | None = None
    applications: int | None = None
    events_per_day: int | None = None
    subscriptions: int | None = None
    event_types: int | None = None
    retention_days: int | None = None

    @classmethod
    def stored(cls, values: Mapping[str, int]) -> "Quotas":
        """From the JSON of the database; what a newer server wrote is left out."""
        return cls(**{name: value for name, value in values.items() if name in NAMES})

    def set_ones(self) -> dict[str, int]:
        """Those that are set, by name."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not None}

    def of_application(self) -> "Quotas":
        """Those that an application can have."""
        return dataclasses.replace(self, **dict.fromkeys(OF_ORGANIZATION))

    def within(self, wider: "Quotas") -> "Quotas":
        """These, and the wider ones where these are not set."""
        return dataclasses.replace(wider, **self.set_ones())


NAMES = tuple(field.name for field in dataclasses.fields(Quotas))
OF_ORGANIZATION = ("members", "applications")  # an application has none
BOUNDS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(NAMES, (0, _LARGEST)),
    "events_per_day": (0, _LARGEST_EVENTS),
    "retention_days": (1, 365),
}


def is_near(used: int, limit: int) -> bool:
    return used >= limit * NEAR_RATIO


def refusal(quota: str, limit: int, *, retry_after: float | None = None) -> errors.QuotaExceeded:
    """`retry_after` in seconds, where time helps."""
    what = quota.replace("_", " ")
    helps = "wait until the day ends (UTC), or ask" if retry_after is not None else "delete what is not needed, or ask"
    return errors.QuotaExceeded(
        "QUOTA_EXCEEDED",
        f"The quota of {limit} {what} is reached; {helps} who operates the server for more.",
        metadata={"quota": quota, "limit": str(limit)},
        retry_after=retry_after,
    )
