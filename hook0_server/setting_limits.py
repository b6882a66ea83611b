"""The settings of what bounds callers: how often they may call, and how much they may have."""

from hook0_server import setting_forms as forms
from hook0_server.model import quotas

_QUOTAS = {
    "members": "People in an organization at most",
    "applications": "Applications of an organization at most",
    "events_per_day": "Events that an application may publish in a day (UTC)",
    "subscriptions": "Subscriptions of an application at most",
    "event_types": "Event types of an application at most",
    "retention_days": "Days for which an application's events are to be kept (shown, not enforced yet)",
}


def _quota(name: str, meaning: str) -> forms.Setting:
    least, most = quotas.BOUNDS[name]
    return forms.Setting(
        f"HOOK0_QUOTA_{name.upper()}", f"quota_{name}", forms.number(least, most), None,
        f"{meaning}; not set: no limit.", f"{least} to {most}",
    )  # fmt: skip


TABLE: tuple[forms.Setting, ...] = (
    forms.Setting(
        "HOOK0_RATE_PER_CREDENTIAL", "rate_per_credential", forms.number(0, 1_000_000), "10000",
        "Calls a second that one credential may make, twice as many at once; 0: any number.", "0 to 1000000",
    ),
    forms.Setting(
        "HOOK0_RATE_PER_ADDRESS", "rate_per_address", forms.number(0, 1_000_000), "20000",
        "Calls a second that may come from one address, twice as many at once; 0: any number.", "0 to 1000000",
    ),
    forms.Setting(
        "HOOK0_FAILED_LOGINS_PER_MINUTE", "failed_logins_per_minute", forms.number(0, 100_000), "60",
        "Wrong credentials a minute that one address may try, a third of them at once; 0: any number.", "0 to 100000",
    ),
    *(_quota(name, meaning) for name, meaning in _QUOTAS.items()),
)  # fmt: skip
