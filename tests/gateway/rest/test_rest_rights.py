"""What credentials reach over REST: rights are those of gRPC, and secrets are for those who may make one."""

import dataclasses
import uuid
from typing import Any

import people
import pytest
import rest_rig

import hook0_client
from hook0_client import attenuation
from hook0_client._gen.hook0.v1 import organization_pb2, service_token_service_pb2
from hook0_server.gateway.rest import route, table

NIL = str(uuid.UUID(int=0))


async def _member(served: rest_rig.Served, role: organization_pb2.Role) -> str:
    who = await people.person(served.server, f"m{uuid.uuid4().hex}")
    async with hook0_client.connect(served.server.grpc, token=served.master_key) as master:
        await people.added(master, served.organization_id, who.email, role)
    return who.token


async def _service_token(served: rest_rig.Served) -> str:
    async with hook0_client.connect(served.server.grpc, token=served.master_key) as master:
        token = service_token_service_pb2.ServiceToken(name="billing", organization_id=served.organization_id)
        asked = service_token_service_pb2.CreateServiceTokenRequest(service_token=token)
        return str((await master.service_tokens.CreateServiceToken(asked)).token)


@pytest.fixture(scope="module")
def viewer(served: rest_rig.Served) -> str:
    token: str = served.run(_member(served, people.VIEWER))
    return token


@pytest.fixture
def service(served: rest_rig.Served) -> str:
    token: str = served.run(_service_token(served))
    return token


@dataclasses.dataclass
class Ids:
    """Everything that a path, a query or a body of a request may name."""

    shop: rest_rig.Shop
    names: dict[str, str]

    def path(self, row: route.Route) -> str:
        filled = row.path.format_map(self.names)
        query = f"application_id={self.shop.application_id}&organization_id={self.shop.served.organization_id}"
        return f"{filled}?{query}"

    def body(self, row: route.Route) -> Any:
        if not row.has_body:
            return None
        common = {"organization_id": self.shop.served.organization_id, "name": "other"}
        common |= {
            "user_id": str(uuid.uuid4()),
            "email": "x@example.com",
            "role": "viewer",
            "new_password": "window-lantern-88",
        }
        kinds = {"service": "shop", "resource_type": "order", "verb": "lost"}
        posted = self.shop.event() | self.shop.subscription() | common | kinds
        return [posted] if row.path == "/events" else posted


@pytest.fixture
def ids(shop: rest_rig.Shop) -> Ids:
    return furnished(shop)


@pytest.fixture(scope="module")
def untouched(served: rest_rig.Served) -> Ids:
    """For those who are refused."""
    return furnished(served.new_application())


@pytest.fixture(scope="module")
def stranger(served: rest_rig.Served) -> rest_rig.Shop:
    return served.new_application()


def furnished(shop: rest_rig.Shop) -> Ids:
    subscription = shop.call("POST", "/subscriptions", shop.subscription()).json["subscription_id"]
    event = shop.call("POST", "/event", shop.event()).json["event_id"]
    attempt = str(uuid.uuid4())
    names = {
        "organization_id": shop.served.organization_id,
        "service_token_id": str(uuid.uuid4()),
        "application_id": shop.application_id,
        "application_secret_token": shop.secret,
        "event_type_name": "shop.order.paid",
        "event_id": event,
        "subscription_id": subscription,
        "request_attempt_id": attempt,
        "response_id": attempt,
    }
    return Ids(shop, names)


FOR_EVERYBODY = ("/instance", "/quotas", "/register", "/auth/login", "/auth/refresh", "/auth/verify-email")
BY_LETTER = ("/auth/resend-verification-email", "/auth/begin-reset-password", "/auth/reset-password")
OF_THEIR_OWN = ("/auth/logout", "/auth/password", "/organizations")  # what people change that is no organization's
OWN = [row for row in table.ROUTES if row.path not in (*FOR_EVERYBODY, *BY_LETTER)]
CHANGES = [row for row in OWN if row.method != "GET" and row.path not in OF_THEIR_OWN]


@pytest.mark.parametrize("row", OWN, ids=lambda row: f"{row.method} {row.path}")
def test_nobody_reaches_what_is_of_others(untouched: Ids, stranger: rest_rig.Shop, row: route.Route) -> None:
    answer = stranger.call(row.method, untouched.path(row), untouched.body(row))
    of_no_application = row.path == "/subscriptions/{subscription_id}" and row.method == "GET"
    assert answer.problem == ((404, "NotFound") if of_no_application else (403, "Forbidden"))


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: f"{row.method} {row.path}")
def test_a_viewer_changes_nothing(untouched: Ids, viewer: str, row: route.Route) -> None:
    answer = untouched.shop.call(row.method, untouched.path(row), untouched.body(row), token=viewer)
    assert answer.problem == (403, "Forbidden")


def test_a_viewer_sees_no_secret(ids: Ids, viewer: str) -> None:
    shop, path = ids.shop, f"/subscriptions/{ids.names['subscription_id']}"
    known = shop.call("GET", path).json
    assert known["secret"] != NIL
    hidden = known | {"secret": NIL}
    assert shop.call("GET", path, token=viewer).json == hidden
    assert shop.call("GET", shop.of("/subscriptions"), token=viewer).json == [hidden]
    assert shop.call("GET", shop.of("/application_secrets"), token=viewer).problem == (403, "Forbidden")


def test_a_narrowed_token_sees_no_secret_that_would_widen_it(ids: Ids, service: str) -> None:
    """It may list application secrets; a value of one would do everything in the application."""
    shop = ids.shop
    actions = ["application_secret:list", "subscription:list"]
    narrowed = attenuation.attenuate(service, applications=[shop.application_id], actions=actions)
    path = shop.of("/application_secrets")
    assert [each["token"] for each in shop.call("GET", path, token=service).json] == [shop.secret]
    assert [each["token"] for each in shop.call("GET", path, token=narrowed).json] == [NIL]
    assert [each["secret"] for each in shop.call("GET", shop.of("/subscriptions"), token=narrowed).json] == [NIL]
    assert shop.call("POST", "/event", shop.event(), token=narrowed).problem == (403, "Forbidden")


def test_a_token_for_labels_publishes_and_sees_only_what_has_them(ids: Ids, service: str) -> None:
    shop, own = ids.shop, {"tenant": "t9"}
    narrowed = attenuation.attenuate(service, labels=own)
    assert shop.call("POST", "/event", shop.event(labels=own), token=narrowed).status == 201
    assert shop.call("POST", "/event", shop.event(), token=narrowed).problem == (403, "Forbidden")
    results = shop.call("POST", "/events", [shop.event(labels=own), shop.event()], token=narrowed).json
    assert [each["problem"] and each["problem"]["id"] for each in results] == [None, "Forbidden"]
    assert shop.call("GET", shop.of("/subscriptions"), token=narrowed).json == []
    path = f"/subscriptions/{ids.names['subscription_id']}"
    assert shop.call("GET", path, token=narrowed).problem == (404, "NotFound")
    assert shop.call("DELETE", shop.of(path), token=narrowed).problem == (404, "NotFound")
    made = shop.call("POST", "/subscriptions", shop.subscription(labels=own), token=narrowed).json
    assert made["secret"] != NIL
    assert shop.call("GET", shop.of("/subscriptions"), token=narrowed).json == [made]
    assert shop.call("GET", path).status == 200


def test_what_only_rest_has_is_not_served_over_grpc(served: rest_rig.Served) -> None:
    rpcs = served.server.operations()
    rest = served.server.rest_operations(rpcs)
    assert all(each.is_rpc for each in rpcs)
    assert {each.name for each in rest} <= {row.operation for row in table.ROUTES}
    assert all(each.name.startswith("hook0.rest.") and not each.is_rpc for each in rest)


async def _entries(served: rest_rig.Served, application_id: str) -> list[tuple[str, ...]]:
    rows = await served.server.db.fetch(
        b"SELECT operation, resource_id, result FROM audit_entries WHERE application_id = %s ORDER BY audit_entry_id",
        [uuid.UUID(application_id)],
    )
    return [tuple(map(str, row)) for row in rows]


def test_a_change_over_rest_is_in_the_audit_log_once(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    before = len(served.run(_entries(served, shop.application_id)))
    subscription = shop.call("POST", "/subscriptions", shop.subscription()).json["subscription_id"]
    path = f"/subscriptions/{subscription}"
    shop.call("PUT", path, shop.subscription())
    for _ in range(2):
        assert shop.call("DELETE", shop.of(path)).status == 204
    named = {"application_id": shop.application_id, "name": "second"}
    secret = f"/application_secrets/{shop.call('POST', '/application_secrets', named).json['token']}"
    shop.call("PUT", secret, named)
    for _ in range(2):
        assert shop.call("DELETE", shop.of(secret)).status == 204
    kind = {"application_id": shop.application_id, "service": "shop", "resource_type": "order", "verb": "lost"}
    for _ in range(2):
        assert shop.call("POST", "/event_types", kind).status == 201
    shop.call("GET", shop.of("/application_secrets"))
    shop.call("POST", "/event", shop.event())
    entries = served.run(_entries(served, shop.application_id))[before:]
    made = [entry for entry in entries if entry[2] == "OK"]
    secret_id = made[3][1]
    assert made == [
        ("SubscriptionService/CreateSubscription", subscription, "OK"),
        ("SubscriptionService/UpdateSubscription", subscription, "OK"),
        ("SubscriptionService/DeleteSubscription", subscription, "OK"),
        ("ApplicationService/CreateApplicationSecret", secret_id, "OK"),
        ("ApplicationService/UpdateApplicationSecret", secret_id, "OK"),
        ("ApplicationService/DeleteApplicationSecret", secret_id, "OK"),
        ("EventTypeService/CreateEventType", "shop.order.lost", "OK"),
    ]
    assert [entry for entry in entries if entry not in made] == []


def test_what_is_refused_is_in_the_audit_log_however_long_its_name_is(served: rest_rig.Served, stranger: rest_rig.Shop) -> None:
    own = served.new_application()
    for name in ("x" * 400, "a%00b"):
        assert stranger.call("DELETE", own.of(f"/event_types/{name}")).problem == (403, "Forbidden")
    refused = [entry for entry in served.run(_entries(served, own.application_id)) if entry[2] != "OK"]
    assert [entry[1] for entry in refused] == ["x" * 300, "ab"]
