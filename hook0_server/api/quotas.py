"""Quotas and usage as messages, who may set them, and the refusal of what would pass them."""

import uuid

from google.protobuf.field_mask_pb2 import FieldMask

from hook0_client._gen.hook0.v1 import application_pb2, organization_pb2, quota_pb2
from hook0_server.api import pipeline, rules
from hook0_server.ingest import notices
from hook0_server.model import errors, quotas
from hook0_server.store import database, usage

Owner = usage.Owner
_OWNERS = {quota: owner for owner, names in usage.COUNTED.items() for quota in names}


class Guard:
    """What a server knows of quotas besides the database: the instance's own, and who was told."""

    def __init__(self, instance: quotas.Quotas | None = None, told: notices.Notices | None = None) -> None:
        self.instance = instance or quotas.Quotas()
        self._notices = told

    async def judge_new(self, connection: database.Connection, quota: str, owner_id: uuid.UUID) -> None:
        """To be called after something was created, in its transaction, which ends by the refusal where it was too much.

        `quota`: members or applications of an organization, subscriptions or event_types of an application. Exact: those
        who create at the same time count one after the other. Raises QuotaExceeded / QUOTA_EXCEEDED.
        """
        held = await usage.limits(connection, _OWNERS[quota], owner_id, self.instance)
        limit: int | None = getattr(held, quota)
        if limit is None:
            return
        count = await usage.count_alone(connection, quota, owner_id)
        if self._notices is not None:
            self._notices.seen(quota, owner_id, min(count, limit), limit)
        if count > limit:
            if self._notices is not None:
                self._notices.refused[quota] += 1
            raise quotas.refusal(quota, limit)

    async def fill(
        self,
        shown: application_pb2.Application | organization_pb2.Organization,
        own: quotas.Quotas,
        connection: database.Connection,
    ) -> None:
        """Its `quotas` and, as of now, its `usage`."""
        is_application = isinstance(shown, application_pb2.Application)
        owner = Owner.APPLICATION if is_application else Owner.ORGANIZATION
        owner_id = shown.application_id if isinstance(shown, application_pb2.Application) else shown.organization_id
        used = await usage.read(connection, owner, uuid.UUID(owner_id), self.instance)
        limits = used.limits.of_application() if is_application else used.limits
        shown.usage.CopyFrom(quota_pb2.Usage(limits=message(limits), events_today=used.events_today, **used.counts))
        fill_own(shown, own)


def fill_own(shown: application_pb2.Application | organization_pb2.Organization, own: quotas.Quotas) -> None:
    """Its `quotas` alone, for lists; absent where none is set."""
    if own.set_ones():
        shown.quotas.CopyFrom(message(own))


def message(limits: quotas.Quotas) -> quota_pb2.Quotas:
    return quota_pb2.Quotas(**limits.set_ones())


def given(limits: quota_pb2.Quotas) -> quotas.Quotas:
    """As a caller set them."""
    return quotas.Quotas(**{name: getattr(limits, name) for name in quotas.NAMES if limits.HasField(name)})


def judge(field: str, limits: quota_pb2.Quotas, owner: Owner, breaches: rules.Breaches) -> None:
    """`field`: where they are, e.g. application.quotas."""
    for name, value in given(limits).set_ones().items():
        if owner is Owner.APPLICATION and name in quotas.OF_ORGANIZATION:
            breaches.add(f"{field}.{name}", "is a limit of organizations; an application has none")
        else:
            breaches.number(f"{field}.{name}", value, *quotas.BOUNDS[name])


def are_named(mask: FieldMask) -> bool:
    """Only then they are changed: whoever sends back what was read, to rename it, means the name."""
    return "quotas" in mask.paths


def only_master(call: pipeline.Call) -> None:
    """Raises Denied / PERMISSION_DENIED for all but the master key: who is limited does not set the limits."""
    if call.principal.kind != "master":
        raise errors.Denied(
            "PERMISSION_DENIED",
            "Only the master key may set quotas; leave them out of update_mask, or ask who operates the server.",
            metadata={"action": "quota:edit"},
        )
