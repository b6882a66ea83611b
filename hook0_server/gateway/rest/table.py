"""Every row there is, in the order of their paths' subjects."""

from hook0_server.gateway.rest import (
    application_secrets,
    applications,
    attempts,
    event_types,
    events,
    instance,
    route,
    subscriptions,
)

ROUTES: tuple[route.Route, ...] = (
    *applications.ROUTES,
    *application_secrets.ROUTES,
    *event_types.ROUTES,
    *events.ROUTES,
    *subscriptions.ROUTES,
    *attempts.ROUTES,
    *instance.ROUTES,
)
