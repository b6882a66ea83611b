"""Every setting of the server: declared once in `TABLE`, read once from the environment, refused all at once.

A variable that is set to nothing is taken as not set, so that a deployment can leave it empty.
"""

import dataclasses
import difflib
import pathlib
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from hook0_server import setting_accounts, setting_forms as forms, setting_http, setting_limits
from hook0_server.model import quotas

Setting = forms.Setting

_ROLES = ("api", "delivery")
_LEVELS = ("debug", "info", "warning", "error")
_FORMATS = ("json", "console")
_PREFIX = "HOOK0_"
# What hook0_client reads, where both run in one environment.
_CLIENTS_OWN = frozenset(
    {"HOOK0_ADDRESS", "HOOK0_TOKEN", "HOOK0_APPLICATION_ID", "HOOK0_TLS", "HOOK0_TLS_CA", "HOOK0_TLS_CERT", "HOOK0_TLS_KEY"}
    | {"HOOK0_CONFIG_DIR"}
)
_EMPTY = ("allow_targets", "biscuit_public_keys", "trusted_proxies", "cors_origins")  # where nothing is given
_MASK = "***"
_SHOWN_CHARACTERS = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One variable that is refused: what was given (never a secret) and what is allowed."""

    variable: str
    given: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.variable} is {self.given}; allowed: {self.allowed}"


class SettingsRefused(Exception):
    """The environment cannot be used; the message has one line for each problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """One line of `hook0-server config`: secrets are masked."""

    variable: str
    value: str
    is_set: bool
    default: str
    meaning: str
    allowed: str


_ADDRESS_ALLOWED = "host:port, e.g. 127.0.0.1:{0}, 0.0.0.0:{0} or [::1]:{0}; port 0 takes any free one and prints it"

TABLE: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL", "database_url", forms.database_url, None,
        "The PostgreSQL (15 or newer) to use; not set: the embedded one.",
        "postgresql://user:password@host:port/database", secret=True,
    ),
    Setting(
        "HOOK0_DATA_DIR", "data_dir", pathlib.Path, "./.hook0",
        "Where the embedded PostgreSQL and the key file live.", "a path",
    ),
    Setting(
        "HOOK0_GRPC_ADDRESS", "grpc_address", forms.address, "127.0.0.1:50051",
        "Where gRPC is served.", _ADDRESS_ALLOWED.format(50051),
    ),
    Setting(
        "HOOK0_GRPC_TLS_CERT", "grpc_tls_cert", pathlib.Path, None,
        "The server's certificate chain: gRPC is served by TLS; not set: in the clear.", "a path of a PEM file",
        needs="HOOK0_GRPC_TLS_KEY",
    ),
    Setting(
        "HOOK0_GRPC_TLS_KEY", "grpc_tls_key", pathlib.Path, None,
        "The key of that certificate.", "a path of a PEM file", needs="HOOK0_GRPC_TLS_CERT",
    ),
    Setting(
        "HOOK0_GRPC_TLS_CLIENT_CA", "grpc_tls_client_ca", pathlib.Path, None,
        "Authorities of which clients need a certificate; not set: they need none.", "a path of a PEM file",
        needs="HOOK0_GRPC_TLS_CERT",
    ),
    Setting(
        "HOOK0_HTTP_ADDRESS", "http_address", forms.address, "127.0.0.1:8081",
        "Where HTTP is served: the Connect protocol, /health and /metrics.", _ADDRESS_ALLOWED.format(8081),
    ),
    Setting(
        "HOOK0_HEALTH_CHECK_KEY", "health_check_key", str, None,
        "What opens GET /api/v1/health?key=…; not set: that route answers 404 (GET /health is open).", "any text", secret=True,
    ),
    Setting(
        "HOOK0_MASTER_API_KEY", "master_api_key", forms.identity, None,
        "A credential that may do everything; not set: there is none.", "a UUID", secret=True,
    ),
    Setting(
        "HOOK0_ENCRYPTION_KEYS", "encryption_keys", forms.encryption_keys, None,
        "Keys of what is encrypted at rest, the first one encrypts; not set: a key file in the data directory.",
        "id:hex[,id:hex…], ids different, each key 64 hexadecimal digits", secret=True,
    ),
    Setting(
        "HOOK0_BISCUIT_PRIVATE_KEY", "biscuit_private_key", forms.hex_key, None,
        "The key that signs tokens (Ed25519); not set: a key file in the data directory.",
        "64 hexadecimal digits", secret=True,
    ),
    Setting(
        "HOOK0_BISCUIT_PUBLIC_KEYS", "biscuit_public_keys", forms.hex_keys, None,
        "Public keys of which tokens are accepted too: those that signed before; not set: none.",
        "keys of 64 hexadecimal digits, separated by commas",
    ),
    Setting(
        "HOOK0_ALLOW_TARGETS", "allow_targets", forms.networks, None,
        "Networks that may be called although they are private; not set: none.",
        "networks separated by commas, e.g. 127.0.0.0/8,10.1.0.0/16",
    ),
    Setting(
        "HOOK0_ROLES", "roles", forms.some_of(_ROLES), "api,delivery",
        "What this process does: answer calls, send deliveries, or both.", "api, delivery or api,delivery",
    ),
    Setting(
        "HOOK0_PROCESSES", "processes", forms.number(1, 64), "1",
        "Processes that `serve` runs on the same ports (Linux); memory, pool and requests are limited for each.", "1 to 64",
    ),
    Setting(
        "HOOK0_LOG_LEVEL", "log_level", forms.one_of(_LEVELS), "info",
        "The least important lines that are logged.", ", ".join(_LEVELS),
    ),
    Setting(
        "HOOK0_LOG_FORMAT", "log_format", forms.one_of(_FORMATS), None,
        "How lines are written; not set: console on a terminal, json otherwise.", ", ".join(_FORMATS),
    ),
    Setting(
        "HOOK0_RETENTION_DAYS", "retention_days", forms.number(2, 365), "30",
        "How many days events and attempts are kept.", "2 to 365",
    ),
    Setting(
        "HOOK0_AUDIT_RETENTION_DAYS", "audit_retention_days", forms.number(1, 3650), "365",
        "How many days entries of the audit log are kept.", "1 to 3650",
    ),
    Setting(
        "HOOK0_MAX_RETRIES", "max_retries", forms.number(0, 100), "24",
        "Retries of a delivery where its subscription does not say.", "0 to 100",
    ),
    Setting(
        "HOOK0_DELIVERY_MEMORY", "delivery_memory", forms.number(1, 1_000_000), "50000",
        "Deliveries that are held in memory; what is past them waits in the database.", "1 to 1000000",
    ),
    Setting(
        "HOOK0_DELIVERY_MEMORY_MIB", "delivery_memory_mib", forms.number(1, 65536), "64",
        "MiB of payload that are held in memory for them.", "1 to 65536",
    ),
    Setting(
        "HOOK0_MAX_IN_FLIGHT", "max_in_flight", forms.number(1, 100_000), "8000",
        "Requests to receivers that are open at once.", "1 to 100000",
    ),
    Setting(
        "HOOK0_RESPONSE_BODY_BYTES", "response_body_bytes", forms.number(0, 1_048_576), "16384",
        "Bytes that are kept of a receiver's answer.", "0 to 1048576",
    ),
    Setting(
        "HOOK0_STOP_GRACE", "stop_grace", forms.seconds(0, 600), "20",
        "Seconds that a stopping server gives to what is in flight.", "0 to 600",
    ),
    Setting(
        "HOOK0_POOL_SIZE", "pool_size", forms.number(2, 200), "10",
        "Connections to PostgreSQL for management calls and reading.", "2 to 200",
    ),
    *setting_http.TABLE,
    *setting_accounts.TABLE,
    *setting_limits.TABLE,
)  # fmt: skip
_BY_VARIABLE = {setting.variable: setting for setting in TABLE}


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """The server's settings, judged. Secrets are not in its repr."""

    database_url: str | None = dataclasses.field(repr=False)
    data_dir: pathlib.Path
    grpc_address: str
    grpc_tls_cert: pathlib.Path | None
    grpc_tls_key: pathlib.Path | None
    grpc_tls_client_ca: pathlib.Path | None
    http_address: str
    health_check_key: str | None = dataclasses.field(repr=False)
    master_api_key: UUID | None = dataclasses.field(repr=False)
    encryption_keys: str | None = dataclasses.field(repr=False)
    biscuit_private_key: str | None = dataclasses.field(repr=False)
    biscuit_public_keys: tuple[str, ...]
    allow_targets: tuple[forms.Network, ...]
    roles: frozenset[str]
    processes: int
    log_level: str
    log_format: str | None  # None: by whether the output is a terminal
    retention_days: int
    audit_retention_days: int
    max_retries: int
    delivery_memory: int
    delivery_memory_mib: int
    max_in_flight: int
    response_body_bytes: int
    stop_grace: float
    pool_size: int
    http_tls_cert: pathlib.Path | None
    http_tls_key: pathlib.Path | None
    http_connections: int
    trusted_proxies: tuple[forms.Network, ...]
    cors_origins: tuple[str, ...]
    rate_per_credential: int
    rate_per_address: int
    failed_logins_per_minute: int
    registration: bool
    require_email_verification: bool | None  # None: where messages can be sent
    unverified_account_days: int
    password_minimum_length: int
    access_token_seconds: int
    refresh_token_seconds: int
    app_url: str
    smtp_url: str | None = dataclasses.field(repr=False)
    mail_from: str | None
    quota_members: int | None
    quota_applications: int | None
    quota_events_per_day: int | None
    quota_subscriptions: int | None
    quota_event_types: int | None
    quota_retention_days: int | None

    @property
    def quotas(self) -> quotas.Quotas:
        """Those of who has none of their own."""
        return quotas.Quotas(**{name: getattr(self, f"quota_{name}") for name in quotas.NAMES})

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsRefused with every problem there is, misspelt names among them."""
        problems = [_unknown(name) for name in environ if _is_unknown(name)]
        values: dict[str, Any] = {}
        for setting in TABLE:
            given = environ.get(setting.variable, "").strip() or setting.default
            try:
                values[setting.field] = setting.parse(given) if given is not None else None
            except ValueError:
                problems.append(Problem(setting.variable, _quoted(setting, given or ""), setting.allowed))
        problems += [_lonely(setting) for setting in TABLE if _is_lonely(setting, environ)]
        if problems:
            raise SettingsRefused(problems)
        none_given = {name: values[name] or () for name in _EMPTY}
        return cls(**values | none_given)

    @property
    def needs_verification(self) -> bool:
        """Whether nobody logs in before their address is verified."""
        asked = self.require_email_verification
        return self.smtp_url is not None if asked is None else asked


def shown(environ: Mapping[str, str]) -> list[Shown]:
    """Every setting as it is now, for people: what is set, the defaults, and what is allowed."""
    return [_shown(setting, environ.get(setting.variable, "").strip()) for setting in TABLE]


def _shown(setting: Setting, given: str) -> Shown:
    value = (_MASK if setting.secret else given) if given else setting.default or ""
    return Shown(setting.variable, value, bool(given), setting.default or "", setting.meaning, setting.allowed)


def _quoted(setting: Setting, given: str) -> str:
    return "a secret in another form" if setting.secret else repr(given[:_SHOWN_CHARACTERS])


def _is_lonely(setting: Setting, environ: Mapping[str, str]) -> bool:
    return bool(setting.needs and environ.get(setting.variable, "").strip() and not environ.get(setting.needs, "").strip())


def _lonely(setting: Setting) -> Problem:
    return Problem(setting.needs, "not set", f"{_BY_VARIABLE[setting.needs].allowed}, because {setting.variable} is set")


def _is_unknown(name: str) -> bool:
    return name.startswith(_PREFIX) and name not in _BY_VARIABLE and name not in _CLIENTS_OWN


def _unknown(name: str) -> Problem:
    nearest = difflib.get_close_matches(name, _BY_VARIABLE, n=1, cutoff=0)[0]
    return Problem(
        name[:_SHOWN_CHARACTERS], "not a setting of this server", f"what `hook0-server config` lists, e.g. {nearest}"
    )
