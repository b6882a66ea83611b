"""What only REST has: operations without an rpc, and those that answer otherwise there. Each rides on what gRPC does."""

from collections.abc import Sequence

from hook0_server.access import encryption
from hook0_server.api import (
    application_secrets,
    applications,
    event_types,
    quotas,
    registry,
    rest_applications,
    rest_attempts,
    rest_event_types,
    rest_instance,
    rest_members,
    rest_organizations,
    rest_secrets,
    rest_service_tokens,
    rest_subscriptions,
    subscription_rules,
    subscriptions,
)
from hook0_server.model import quotas as quotas_held, targets
from hook0_server.store import database, wake


def operations(
    rpc: list[registry.Operation],
    db: database.Database,
    keyring: encryption.Keyring,
    hints: wake.Wake,
    *,
    allow_targets: Sequence[targets.Network],
    retention_days: int,
    limited: quotas.Guard | None = None,
    support_address: str = "",
) -> list[registry.Operation]:
    """`rpc`: what gRPC serves."""
    held = limited.instance if limited else quotas_held.Quotas()
    facts = rest_instance.Facts(held, retention_days, support_address)
    return [
        *rest_applications.operations(rpc, applications.Applications(db, keyring, hints, limited), db, retention_days),
        *rest_organizations.operations(rpc, db, retention_days),
        *rest_members.operations(rpc),
        *rest_service_tokens.operations(rpc, db, keyring),
        *rest_secrets.operations(db, keyring, application_secrets.ApplicationSecrets(db, keyring)),
        *rest_attempts.operations(db),
        *rest_instance.operations(rpc, db, db.clock.now, facts),
        *rest_event_types.operations(rpc, event_types.EventTypes(db, keyring, limited)),
        *rest_subscriptions.operations(
            db,
            keyring,
            subscriptions.Subscriptions(db, keyring, hints, limited),
            subscription_rules.SubscriptionRules(allow_targets, retention_days),
        ),
    ]
