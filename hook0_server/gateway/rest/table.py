"""Every row there is, in the order of their paths' subjects."""

from hook0_server.gateway.rest import (
    accounts,
    application_secrets,
    applications,
    attempts,
    event_types,
    events,
    instance,
    organizations,
    route,
    service_tokens,
    subscriptions,
)

ROUTES: tuple[route.Route, ...] = (
    *accounts.ROUTES,
    *organizations.ROUTES,
    *service_tokens.ROUTES,
    *applications.ROUTES,
    *application_secrets.ROUTES,
    *event_types.ROUTES,
    *events.ROUTES,
    *subscriptions.ROUTES,
    *attempts.ROUTES,
    *instance.ROUTES,
)
