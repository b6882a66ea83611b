"""The table of actions, held cell by cell by a file that a person can read: tests/access/permissions.txt."""

import pathlib
import uuid

import pytest

from hook0_server.access import actions, permissions, principals
from hook0_server.model import errors
from hook0_server.model.roles import Role
from hook0_server.store import database

TABLE = pathlib.Path(__file__).with_name("permissions.txt")
COLUMNS = ("anonymous", "secret", "other_secret", "service", "other_service", "viewer", "editor", "owner", "stranger", "master")
ON_ORGANIZATION = {action for action, rule in actions.RULES.items() if not rule.by_application_secret}


@pytest.fixture
async def home(db: database.Database) -> tuple[uuid.UUID, uuid.UUID]:
    """An organization and its application."""
    organization_id, application_id = uuid.uuid4(), uuid.uuid4()
    await db.fetch(b"INSERT INTO organizations (organization_id, name) VALUES (%s, 'o')", [organization_id])
    await db.fetch(
        b"INSERT INTO applications (application_id, organization_id, name) VALUES (%s, %s, 'a')",
        [application_id, organization_id],
    )
    return organization_id, application_id


def callers(organization_id: uuid.UUID, application_id: uuid.UUID) -> dict[str, principals.Principal]:
    made = {
        "anonymous": principals.ANONYMOUS,
        "secret": principals.Principal("application_secret", application_id, "s"),
        "other_secret": principals.Principal("application_secret", uuid.uuid4(), "s"),
        "service": principals.Principal("service_token", None, "t", {organization_id: Role.OWNER}),
        "other_service": principals.Principal("service_token", None, "t", {uuid.uuid4(): Role.OWNER}),
        "stranger": principals.Principal("user", None, "u", {uuid.uuid4(): Role.OWNER}, uuid.uuid4()),
        "master": principals.MASTER,
    }
    return made | {
        role.name.lower(): principals.Principal("user", None, "u", {organization_id: role}, uuid.uuid4()) for role in Role
    }


async def test_every_action_is_allowed_to_whom_the_file_says(db: database.Database, home: tuple[uuid.UUID, uuid.UUID]) -> None:
    organization_id, application_id = home
    rights = permissions.Permissions(db)
    rows: list[tuple[str, ...]] = []
    for action in sorted(actions.RULES):
        allowed = []
        for name in COLUMNS:
            try:
                principal = callers(organization_id, application_id)[name]
                if action in ("organization:create", "organization:list"):
                    rights.on_caller(principal, action)
                elif action in ON_ORGANIZATION:
                    await rights.on_organization(principal, action, organization_id)
                else:
                    await rights.on_application(principal, action, application_id)
                allowed.append("yes")
            except errors.Denied:
                allowed.append("-")
        rows.append((action, *allowed))
    assert written([("action", *COLUMNS), *rows]) == TABLE.read_text(encoding="utf-8").splitlines()


def written(rows: list[tuple[str, ...]]) -> list[str]:
    """In columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


async def test_absent_and_forbidden_look_the_same(db: database.Database, home: tuple[uuid.UUID, uuid.UUID]) -> None:
    rights, said = permissions.Permissions(db), set()
    stranger = callers(*home)["stranger"]
    for application_id in (home[1], uuid.uuid4()):
        with pytest.raises(errors.Denied) as caught:
            await rights.on_application(stranger, "event:get", application_id)
        said.add((caught.value.reason, caught.value.message, str(caught.value.metadata)))
    for organization_id in (home[0], uuid.uuid4()):
        with pytest.raises(errors.Denied) as caught:
            await rights.on_organization(stranger, "organization:get", organization_id)
        said.add((caught.value.reason, caught.value.message, str(caught.value.metadata)))
    assert len(said) == 2


async def test_the_organization_need_not_be_named_where_one_is_visible(
    db: database.Database, home: tuple[uuid.UUID, uuid.UUID]
) -> None:
    rights, owner = permissions.Permissions(db), callers(*home)["owner"]
    assert await rights.on_organization(owner, "organization:get", None) == home[0]
    two = principals.Principal("user", None, "u", {home[0]: Role.OWNER, uuid.uuid4(): Role.OWNER}, uuid.uuid4())
    with pytest.raises(errors.InvalidRequest, match="more than one organization"):
        await rights.on_organization(two, "organization:get", None)
    with pytest.raises(errors.Denied):
        await rights.on_organization(principals.Principal("user", None, "u", {}, uuid.uuid4()), "organization:get", None)
    with pytest.raises(errors.NotFound, match="no organization"):
        await rights.on_organization(principals.MASTER, "organization:get", uuid.uuid4())
