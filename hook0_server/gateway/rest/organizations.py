"""Organizations and who belongs to them."""

from typing import Any, cast

from hook0_client._gen.hook0.v1 import organization_pb2, organization_service_pb2 as pb2
from hook0_server.api import rest_organizations
from hook0_server.gateway.rest import applications, asked, route
from hook0_server.gateway.rest.shapes import people as shapes
from hook0_server.model.roles import HOOK0, Role

_V1, _REST = "hook0.v1.OrganizationService", "hook0.rest.OrganizationService"
_PATH = "/organizations/{organization_id}"
_INVITE = f"{_PATH}/invite"
_ROLES = {word: int(role) for role, word in HOOK0.items()}


def _role(word: str) -> organization_pb2.Role:
    """Unspecified for what is none: whoever may not change roles need not know."""
    return cast("organization_pb2.Role", _ROLES.get(word, organization_pb2.ROLE_UNSPECIFIED))


def _word(role: int) -> str:
    """A credential that is not a person's may do what an owner may."""
    return HOOK0[Role(role)] if role else HOOK0[Role.OWNER]


def _read_list(_: asked.Asked) -> pb2.ListOrganizationsRequest:
    return pb2.ListOrganizationsRequest()


def _read_new(came: asked.Asked) -> pb2.CreateOrganizationRequest:
    organization = organization_pb2.Organization(name=came.body.text("name"))
    return pb2.CreateOrganizationRequest(organization=organization, request_id=came.request_id)


def _read_get(came: asked.Asked) -> pb2.GetOrganizationRequest:
    return pb2.GetOrganizationRequest(organization_id=came.id_in_path("organization_id"))


def _read_update(came: asked.Asked) -> pb2.UpdateOrganizationRequest:
    organization = organization_pb2.Organization(
        organization_id=came.id_in_path("organization_id"), name=came.body.text("name")
    )
    request = pb2.UpdateOrganizationRequest(organization=organization)
    request.update_mask.paths.append("name")
    return request


def _read_delete(came: asked.Asked) -> pb2.DeleteOrganizationRequest:
    return pb2.DeleteOrganizationRequest(organization_id=came.id_in_path("organization_id"))


def _read_invite(came: asked.Asked) -> pb2.AddMemberRequest:
    return pb2.AddMemberRequest(
        organization_id=came.id_in_path("organization_id"),
        email=came.body.text("email"),
        role=_role(came.body.text("role")),
    )


def _read_revoke(came: asked.Asked) -> pb2.RemoveMemberRequest:
    return pb2.RemoveMemberRequest(organization_id=came.id_in_path("organization_id"), user_id=came.body.uuid("user_id"))


def _read_edit_role(came: asked.Asked) -> pb2.UpdateMemberRequest:
    return pb2.UpdateMemberRequest(
        organization_id=came.id_in_path("organization_id"),
        user_id=came.body.uuid("user_id"),
        role=_role(came.body.text("role")),
    )


def _show_list(answer: pb2.ListOrganizationsResponse, _: asked.Asked) -> list[dict[str, Any]]:
    return [
        {"organization_id": each.organization_id, "name": each.name, "role": _word(each.role), "plan": None}
        for each in answer.organizations
    ]


def _show(answer: rest_organizations.Shown, _: asked.Asked) -> dict[str, Any]:
    """An OrganizationInfo."""
    shown, usage, limits = answer.organization, answer.organization.usage, answer.organization.usage.limits

    def limit(name: str) -> int:
        return getattr(limits, name) if limits.HasField(name) else applications.UNLIMITED

    return {
        "organization_id": shown.organization_id,
        "name": shown.name,
        "plan": None,
        "users": [_user(each) for each in answer.people],
        "quotas": {
            "members_per_organization_limit": limit("members"),
            "applications_per_organization_limit": limit("applications"),
            "events_per_day_limit": limit("events_per_day"),
            "days_of_events_retention_limit": answer.retention_days,
        },
        "consumption": {
            "members": usage.members,
            "applications": usage.applications,
            "events_per_day": usage.events_today,
        },
        "onboarding_steps": {
            "application": applications.step(answer.steps.application),
            "event_type": applications.step(answer.steps.event_type),
            "subscription": applications.step(answer.steps.subscription),
            "event": applications.step(answer.steps.event),
        },
    }


def _user(member: organization_pb2.Member) -> dict[str, str]:
    return {
        "user_id": member.user_id,
        "email": member.email,
        "first_name": member.first_name,
        "last_name": member.last_name,
        "role": _word(member.role),
    }


def _show_invited(_: pb2.AddMemberResponse, came: asked.Asked) -> dict[str, str]:
    """What was asked for: whether the address has an account is nobody's business."""
    return {"email": came.body.text("email"), "role": came.body.text("role")}


def _show_revoked(_: pb2.RemoveMemberResponse, came: asked.Asked) -> dict[str, str]:
    return {"user_id": came.body.uuid("user_id")}


def _show_role(answer: pb2.UpdateMemberResponse, _: asked.Asked) -> dict[str, str]:
    return {"user_id": answer.member.user_id, "role": _word(answer.member.role)}


ROUTES = (
    route.Route("GET", "/organizations", f"{_REST}/ListOrganizations", _read_list, _show_list, described=shapes.ORGANIZATIONS),
    route.Route(
        "POST", "/organizations", f"{_REST}/CreateOrganization", _read_new, _show, within="organization.",
        described=shapes.NEW_ORGANIZATION,
    ),
    route.Route("GET", _PATH, f"{_REST}/GetOrganization", _read_get, _show, described=shapes.ORGANIZATION),
    route.Route(
        "PUT", _PATH, f"{_REST}/UpdateOrganization", _read_update, _show, within="organization.",
        described=shapes.EDIT_ORGANIZATION,
    ),
    route.Route(
        "DELETE", _PATH, f"{_V1}/DeleteOrganization", _read_delete, None, status=204, described=shapes.DELETE_ORGANIZATION,
    ),
    route.Route("POST", _INVITE, f"{_REST}/AddMember", _read_invite, _show_invited, described=shapes.INVITE),
    route.Route("PUT", _INVITE, f"{_REST}/UpdateMember", _read_edit_role, _show_role, described=shapes.EDIT_ROLE),
    route.Route(
        "DELETE", _INVITE, f"{_V1}/RemoveMember", _read_revoke, _show_revoked, takes_body=True, described=shapes.REVOKE,
    ),
)  # fmt: skip
