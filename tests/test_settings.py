import dataclasses
import ipaddress
import pathlib
import uuid

import pytest

from hook0_server import settings

KEY = "0" * 64
SECRET = "5b8f3c5e-7a2b-4c11-8d4e-0123456789ab"


def refused(environ: dict[str, str]) -> tuple[settings.Problem, ...]:
    with pytest.raises(settings.SettingsRefused) as caught:
        settings.Settings.from_environ(environ)
    return caught.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    given = settings.Settings.from_environ({"PATH": "/bin", "HOOK": "x"})
    assert given.database_url is None
    assert given.data_dir == pathlib.Path(".hook0")
    assert (given.grpc_address, given.http_address) == ("127.0.0.1:50051", "127.0.0.1:8081")
    assert (given.roles, given.allow_targets, given.log_format) == (frozenset({"api", "delivery"}), (), None)
    assert (given.retention_days, given.max_retries, given.stop_grace, given.pool_size) == (30, 24, 20.0, 10)
    assert given.processes == 1
    assert (given.rate_per_credential, given.rate_per_address, given.failed_logins_per_minute) == (10_000, 20_000, 60)
    assert (given.delivery_memory, given.delivery_memory_mib, given.max_in_flight) == (50_000, 64, 8_000)


def test_each_setting_is_read() -> None:
    given = settings.Settings.from_environ(
        {
            "DATABASE_URL": "postgresql://u:p@db/hook0",
            "HOOK0_MASTER_API_KEY": SECRET,
            "HOOK0_ENCRYPTION_KEYS": f"new:{KEY}, old:{KEY}",
            "HOOK0_ALLOW_TARGETS": "127.0.0.0/8, ::1/128",
            "HOOK0_ROLES": "Delivery",
            "HOOK0_PROCESSES": "64",
            "HOOK0_GRPC_ADDRESS": "[::1]:0",
            "HOOK0_STOP_GRACE": "1.5",
            "HOOK0_LOG_LEVEL": "DEBUG",
        }
    )
    assert given.database_url == "postgresql://u:p@db/hook0"
    assert given.master_api_key == uuid.UUID(SECRET)
    assert given.encryption_keys == f"new:{KEY},old:{KEY}"
    assert given.allow_targets == (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    assert (given.roles, given.processes) == ({"delivery"}, 64)
    assert (given.grpc_address, given.stop_grace, given.log_level) == ("[::1]:0", 1.5, "debug")


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    given = settings.Settings.from_environ({"HOOK0_POOL_SIZE": "", "HOOK0_MASTER_API_KEY": " "})
    assert (given.pool_size, given.master_api_key) == (10, None)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://u@h/d"),
        ("HOOK0_GRPC_ADDRESS", "127.0.0.1"),
        ("HOOK0_GRPC_ADDRESS", ":50051"),
        ("HOOK0_GRPC_ADDRESS", "::1:50051"),
        ("HOOK0_HTTP_ADDRESS", "127.0.0.1:65536"),
        ("HOOK0_HTTP_ADDRESS", "127.0.0.1:x"),
        ("HOOK0_MASTER_API_KEY", "letmein"),
        ("HOOK0_ENCRYPTION_KEYS", "a:00"),
        ("HOOK0_ENCRYPTION_KEYS", KEY),
        ("HOOK0_ENCRYPTION_KEYS", f"a:{KEY},a:{KEY}"),
        ("HOOK0_ALLOW_TARGETS", "127.0.0.1/8"),
        ("HOOK0_ALLOW_TARGETS", "example.com"),
        ("HOOK0_ROLES", "api,worker"),
        ("HOOK0_ROLES", ","),
        ("HOOK0_PROCESSES", "0"),
        ("HOOK0_PROCESSES", "65"),
        ("HOOK0_LOG_LEVEL", "loud"),
        ("HOOK0_LOG_FORMAT", "xml"),
        ("HOOK0_RETENTION_DAYS", "1"),
        ("HOOK0_RETENTION_DAYS", "366"),
        ("HOOK0_RETENTION_DAYS", "٣٠"),
        ("HOOK0_MAX_RETRIES", "-1"),
        ("HOOK0_MAX_RETRIES", "101"),
        ("HOOK0_DELIVERY_MEMORY", "0"),
        ("HOOK0_STOP_GRACE", "nan"),
        ("HOOK0_STOP_GRACE", "601"),
        ("HOOK0_POOL_SIZE", "1"),
        ("HOOK0_HTTP_CONNECTIONS", "0"),
        ("HOOK0_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("HOOK0_CORS_ORIGINS", "app.example.com"),
        ("HOOK0_CORS_ORIGINS", "https://app.example.com/"),
        ("HOOK0_CORS_ORIGINS", "https://App.example.com"),
        ("HOOK0_CORS_ORIGINS", "*,https://app.example.com"),
        ("HOOK0_REGISTRATION", "maybe"),
        ("HOOK0_REQUIRE_EMAIL_VERIFICATION", "1"),
        ("HOOK0_PASSWORD_MINIMUM_LENGTH", "7"),
        ("HOOK0_ACCESS_TOKEN_SECONDS", "29"),
        ("HOOK0_REFRESH_TOKEN_SECONDS", "59"),
        ("HOOK0_APP_URL", "app.example.com"),
        ("HOOK0_APP_URL", "https://app.example.com/?a"),
        ("HOOK0_MAIL_FROM", "Hook0"),
        ("HOOK0_MAIL_FROM", "Hook0 <hook0@example.com>, x@example.com"),
    ],
)
def test_what_is_not_allowed_is_refused_with_the_variable_and_what_is(variable: str, value: str) -> None:
    (problem,) = refused({variable: value})
    assert problem.variable == variable
    declared = next(each for each in settings.TABLE if each.variable == variable)
    assert declared.allowed in str(problem)
    assert declared.secret or value in str(problem)


@pytest.mark.parametrize(
    "url", ["mail.example.com:25", "https://mail.example.com", "smtp://", "smtp://host:0", "smtp://host/x", "smtp://h:x"]
)
def test_a_mail_server_is_a_url_and_never_repeated(url: str) -> None:
    (problem,) = refused({"HOOK0_SMTP_URL": url, "HOOK0_MAIL_FROM": "hook0@example.com"})
    assert (problem.variable, problem.given) == ("HOOK0_SMTP_URL", "a secret in another form")


def test_a_mail_server_needs_a_sender() -> None:
    (problem,) = refused({"HOOK0_SMTP_URL": "smtps://user:pass@mail.example.com"})
    assert problem.variable == "HOOK0_MAIL_FROM"


@pytest.mark.parametrize(
    ("environ", "needed"),
    [
        ({}, False),
        ({"HOOK0_REQUIRE_EMAIL_VERIFICATION": "on"}, True),
        ({"HOOK0_SMTP_URL": "smtp://mail", "HOOK0_MAIL_FROM": "Hook0 <hook0@example.com>"}, True),
        ({"HOOK0_SMTP_URL": "smtp://mail", "HOOK0_MAIL_FROM": "a@b.c", "HOOK0_REQUIRE_EMAIL_VERIFICATION": "Off"}, False),
    ],
)
def test_addresses_are_verified_where_messages_can_be_sent_unless_it_is_said(environ: dict[str, str], needed: bool) -> None:
    assert settings.Settings.from_environ(environ).needs_verification is needed


def test_the_http_port_is_in_the_clear_and_trusts_nobody_unless_it_is_said() -> None:
    given = settings.Settings.from_environ({})
    assert (given.http_tls_cert, given.http_tls_key, given.http_connections) == (None, None, 2000)
    assert (given.trusted_proxies, given.cors_origins) == ((), ())
    said = {"TRUSTED_PROXIES": "10.0.0.0/8, ::1/128", "CORS_ORIGINS": "https://app.example.com, http://localhost:5173"}
    given = settings.Settings.from_environ({f"HOOK0_{name}": value for name, value in said.items()})
    assert given.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))
    assert given.cors_origins == ("https://app.example.com", "http://localhost:5173")
    assert settings.Settings.from_environ({"HOOK0_CORS_ORIGINS": "*"}).cors_origins == ("*",)


@pytest.mark.parametrize("named", ["HOOK0_HTTP_TLS_CERT", "HOOK0_HTTP_TLS_KEY"])
def test_a_certificate_needs_a_key_and_a_key_a_certificate(named: str) -> None:
    (problem,) = refused({named: "x.pem"})
    assert {named, problem.variable} == {"HOOK0_HTTP_TLS_CERT", "HOOK0_HTTP_TLS_KEY"}


def test_accounts_have_defaults() -> None:
    given = settings.Settings.from_environ({"HOOK0_APP_URL": "https://app.example.com/hook0/"})
    assert (given.registration, given.password_minimum_length) == (True, 10)
    assert (given.access_token_seconds, given.refresh_token_seconds) == (300, 1800)
    assert (given.app_url, given.smtp_url, given.mail_from) == ("https://app.example.com/hook0", None, None)


def test_all_problems_are_told_at_once() -> None:
    problems = refused({"HOOK0_POOL_SIZE": "x", "HOOK0_ROLES": "x", "HOOK0_NOPE": "x"})
    assert {problem.variable for problem in problems} == {"HOOK0_POOL_SIZE", "HOOK0_ROLES", "HOOK0_NOPE"}


def test_a_misspelt_variable_is_refused_with_the_nearest_name() -> None:
    (problem,) = refused({"HOOK0_ALLOWED_TARGET": "127.0.0.0/8"})
    assert "HOOK0_ALLOW_TARGETS" in problem.allowed


def test_what_the_client_reads_may_be_set_beside_it() -> None:
    names = ("ADDRESS", "TOKEN", "APPLICATION_ID", "TLS", "TLS_CA", "TLS_CERT", "TLS_KEY", "CONFIG_DIR")
    settings.Settings.from_environ({f"HOOK0_{name}": "x" for name in names})


def test_secrets_are_in_no_refusal_and_no_repr_and_no_listing() -> None:
    refusal = str(
        refused({"HOOK0_MASTER_API_KEY": "hidden-1", "DATABASE_URL": "hidden-2", "HOOK0_ENCRYPTION_KEYS": "hidden-3"})
    )
    assert "hidden" not in refusal
    environ = {"HOOK0_MASTER_API_KEY": SECRET, "DATABASE_URL": "postgres://u:pw@h/d", "HOOK0_ENCRYPTION_KEYS": f"a:{KEY}"}
    given = settings.Settings.from_environ(environ)
    listed = repr(settings.shown(environ))
    for text in (repr(given), listed):
        assert SECRET not in text
        assert "pw@" not in text
        assert KEY not in text


def test_the_listing_has_every_setting_with_its_value_and_default() -> None:
    listed = {shown.variable: shown for shown in settings.shown({"HOOK0_POOL_SIZE": "7", "HOOK0_MASTER_API_KEY": SECRET})}
    assert list(listed) == [setting.variable for setting in settings.TABLE]
    assert (listed["HOOK0_POOL_SIZE"].value, listed["HOOK0_POOL_SIZE"].default) == ("7", "10")
    assert (listed["HOOK0_MASTER_API_KEY"].value, listed["HOOK0_MASTER_API_KEY"].is_set) == ("***", True)
    assert (listed["HOOK0_ROLES"].value, listed["HOOK0_ROLES"].is_set) == ("api,delivery", False)


def test_the_table_fills_every_field_once() -> None:
    assert sorted(setting.field for setting in settings.TABLE) == sorted(
        field.name for field in dataclasses.fields(settings.Settings)
    )
