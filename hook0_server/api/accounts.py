"""AccountService: people register, prove their address, and leave. Sessions and passwords are in modules of their own."""

import dataclasses

import structlog

from hook0_client._gen.hook0.v1 import account_pb2, account_service_pb2 as pb2, organization_pb2
from hook0_server.access import issue, links, logins, mail, passwords, sessions
from hook0_server.api import account_passwords, account_sessions, changes, etags, people, pipeline, registry, rules
from hook0_server.model import errors, limits, password_rules
from hook0_server.store import database, members, users

log = structlog.get_logger(__name__)

_TAKEN = "USER_ALREADY_EXISTS"


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """Who may have an account: `may_register` anybody, `needs_verification` only with an address that was proved."""

    may_register: bool = True
    needs_verification: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """What the operations stand on."""

    passwords: passwords.Passwords
    logins: logins.Logins
    sessions: sessions.Sessions
    links: links.Links
    outbox: mail.Outbox


class Accounts:
    def __init__(self, db: database.Database, parts: Parts, policy: Policy) -> None:
        self._db, self._policy = db, policy
        self._passwords, self._logins, self._sessions = parts.passwords, parts.logins, parts.sessions
        self._links, self._outbox = parts.links, parts.outbox

    async def register(self, call: pipeline.Call, request: pb2.RegisterRequest) -> pb2.RegisterResponse:
        if not self._policy.may_register:
            raise errors.Precondition(
                "REGISTRATION_DISABLED", "This server does not register people; ask who operates it for an invitation."
            )
        person = password_rules.Person(request.email, (request.first_name, request.last_name))
        self._passwords.judge("password", request.password, person)
        self._logins.spend("register", call.source_ip)
        new = self._new(request, await self._passwords.hash(request.password))
        is_new = await self._registered(call, new)
        self._write_to(new, is_new=is_new)
        return _registration(new)

    def _new(self, request: pb2.RegisterRequest, password_hash: str) -> users.NewUser:
        now = self._db.clock.now()
        return users.NewUser(
            user_id=issue.new_id(),
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
            password_hash=password_hash,
            organization_id=issue.new_id(),
            organization_name=request.organization_name or _organization_of(request.first_name),
            created_at=rules.seconds_to_datetime(int(now), int(now % 1 * 1_000_000)),
        )

    async def _registered(self, call: pipeline.Call, new: users.NewUser) -> bool:
        """Where an address has to be proved, one that is taken is written down too: both cases do the same work."""
        async with self._db.connection() as connection, connection.transaction():
            await members.hold_address(connection, new.email)
            is_new = await users.register(connection, new)
            if is_new:
                call.organization_id, call.person_id = new.organization_id, new.user_id
            elif not self._policy.needs_verification:
                raise errors.AlreadyExists(_TAKEN, "This address has an account; log in, or reset the password.")
            if not self._policy.needs_verification:
                await members.accept_invitations(connection, new.user_id)
            call.concerns(new.user_id)
            await changes.record(connection, call, **({} if is_new else {"result": _TAKEN, "resource_id": ""}))
            return is_new

    def _write_to(self, new: users.NewUser, *, is_new: bool) -> None:
        async def prepare() -> mail.Letter:
            return self._links.verification(new.user_id, new.email) if is_new else self._links.known(new.email)

        self._outbox.put(prepare, key=("registration" if is_new else "known", new.email.lower()))

    async def verify_email(self, call: pipeline.Call, request: pb2.VerifyEmailRequest) -> pb2.VerifyEmailResponse:
        user = await users.get(self._db, self._links.read_verification(request.token))
        if user is None:
            raise links.invalid()
        call.person_id = user.user_id
        call.concerns(user.user_id)
        async with changes.transaction(self._db, call) as connection:
            await members.hold_address(connection, user.email)
            verified = await users.verify(connection, user.user_id)
            if verified is None:
                raise links.invalid()
            await members.accept_invitations(connection, user.user_id)
        self._sessions.forget(user.user_id)
        pair = await self._sessions.begin(verified, self._db)
        if pair is None:
            raise logins.Failed()
        return pb2.VerifyEmailResponse(**people.tokens(pair))

    async def resend_verification(
        self, call: pipeline.Call, request: pb2.ResendVerificationEmailRequest
    ) -> pb2.ResendVerificationEmailResponse:
        self._logins.spend("message", call.source_ip)
        email = request.email

        async def prepare() -> mail.Letter | None:
            user = await users.by_email(self._db, email)
            if user is None or user.verified_at is not None:
                return None
            return self._links.verification(user.user_id, user.email)

        # Looked up by the sender of messages: the answer takes the same time whether there is an account or not.
        self._outbox.put(prepare, key=("verification", email.lower()))
        return pb2.ResendVerificationEmailResponse()

    async def get(self, call: pipeline.Call, _: pb2.GetAccountRequest) -> pb2.GetAccountResponse:
        return pb2.GetAccountResponse(user=people.shown(await people.caller(self._db, call)))

    async def delete(self, call: pipeline.Call, request: pb2.DeleteAccountRequest) -> pb2.DeleteAccountResponse:
        user = await people.caller(self._db, call)
        call.concerns(user.user_id)
        await self._logins.again(user, request.password, call.source_ip)
        async with changes.transaction(self._db, call) as connection:
            await members.keep_owners(connection, user.user_id)
            if not await users.delete(connection, user.user_id, user.password_revision):
                raise logins.Failed()  # the password was changed meanwhile, or the account deleted
        self._sessions.forget(user.user_id)
        log.info("account.deleted", user_id=str(user.user_id))
        return pb2.DeleteAccountResponse()


def _organization_of(first_name: str) -> str:
    longest, ending = limits.NAME_CHARACTERS[1], "'s organization"
    return first_name[: longest - len(ending)] + ending


def _registration(new: users.NewUser) -> pb2.RegisterResponse:
    """What was stored, or would have been: nothing here comes from the database."""
    user = account_pb2.User(
        user_id=str(new.user_id),
        email=new.email,
        first_name=new.first_name,
        last_name=new.last_name,
        created_at=new.created_at,
    )
    organization = organization_pb2.Organization(
        organization_id=str(new.organization_id),
        name=new.organization_name,
        created_at=new.created_at,
        etag=etags.of(1),
        role=organization_pb2.ROLE_OWNER,
    )
    return pb2.RegisterResponse(user=user, organization=organization)


def _rules_of_register(request: pb2.RegisterRequest, breaches: rules.Breaches) -> None:
    people.judge_email(breaches, request.email)
    people.judge_new_password(breaches, "password", request.password)
    breaches.text("first_name", request.first_name, *limits.FIRST_NAME_CHARACTERS)
    breaches.text("last_name", request.last_name, *limits.LAST_NAME_CHARACTERS)
    if request.organization_name:
        breaches.text("organization_name", request.organization_name, *limits.NAME_CHARACTERS)


def _rules_of_verify(request: pb2.VerifyEmailRequest, breaches: rules.Breaches) -> None:
    people.judge_token(breaches, "token", request.token)


def _rules_of_resend(request: pb2.ResendVerificationEmailRequest, breaches: rules.Breaches) -> None:
    people.judge_email(breaches, request.email)


def _rules_of_delete(request: pb2.DeleteAccountRequest, breaches: rules.Breaches) -> None:
    people.judge_password(breaches, "password", request.password)


def operations(db: database.Database, parts: Parts, policy: Policy) -> list[registry.Operation]:
    """AccountService, whole."""
    handlers = Accounts(db, parts, policy)
    service, unary, public = "AccountService", registry.Kind.UNARY, registry.Scope.PUBLIC
    return [
        registry.Operation(
            service, "Register", pb2.RegisterRequest, pb2.RegisterResponse, unary, "auth:register", handlers.register,
            scope=public, rules=_rules_of_register, changes="user",
        ),
        registry.Operation(
            service, "VerifyEmail", pb2.VerifyEmailRequest, pb2.VerifyEmailResponse, unary, "auth:verify_email",
            handlers.verify_email, scope=public, rules=_rules_of_verify, changes="user",
        ),
        registry.Operation(
            service, "ResendVerificationEmail", pb2.ResendVerificationEmailRequest, pb2.ResendVerificationEmailResponse,
            unary, "auth:resend_verification_email", handlers.resend_verification, scope=public, rules=_rules_of_resend,
        ),
        registry.Operation(
            service, "GetAccount", pb2.GetAccountRequest, pb2.GetAccountResponse, unary, "auth:get_account", handlers.get,
            scope=registry.Scope.USER,
        ),
        registry.Operation(
            service, "DeleteAccount", pb2.DeleteAccountRequest, pb2.DeleteAccountResponse, unary, "auth:delete_account",
            handlers.delete, scope=registry.Scope.USER, rules=_rules_of_delete, changes="user",
        ),
        *account_sessions.operations(db, parts.logins, parts.sessions, needs_verification=policy.needs_verification),
        *account_passwords.operations(
            db, parts.passwords, parts.logins, parts.links, parts.outbox, forget=parts.sessions.forget
        ),
    ]  # fmt: skip


def rest_operations(db: database.Database, parts: Parts) -> list[registry.Operation]:
    """What REST has in place of some of them."""
    return account_passwords.rest_operations(
        db, parts.passwords, parts.logins, parts.links, parts.outbox, forget=parts.sessions.forget
    )
