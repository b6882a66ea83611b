"""The settings of people's accounts, their sessions, and the messages that are sent to them."""

from hook0_server import setting_forms as forms

TABLE: tuple[forms.Setting, ...] = (
    forms.Setting(
        "HOOK0_REGISTRATION", "registration", forms.switch, "on",
        "Whether people may make accounts.", "on or off",
    ),
    forms.Setting(
        "HOOK0_REQUIRE_EMAIL_VERIFICATION", "require_email_verification", forms.switch, None,
        "Whether an address is verified before its owner can log in; not set: on where HOOK0_SMTP_URL is set.", "on or off",
    ),
    forms.Setting(
        "HOOK0_UNVERIFIED_ACCOUNT_DAYS", "unverified_account_days", forms.number(0, 365), "7",
        "Days after which an account goes that nothing depends on, where addresses are verified and its own was not; 0: never.",
        "0 to 365",
    ),
    forms.Setting(
        "HOOK0_PASSWORD_MINIMUM_LENGTH", "password_minimum_length", forms.number(8, 64), "10",
        "Characters that a new password has at least.", "8 to 64",
    ),
    forms.Setting(
        "HOOK0_ACCESS_TOKEN_SECONDS", "access_token_seconds", forms.number(30, 86_400), "300",
        "How long the access token of a person's session is good.", "30 to 86400",
    ),
    forms.Setting(
        "HOOK0_REFRESH_TOKEN_SECONDS", "refresh_token_seconds", forms.number(60, 31_536_000), "1800",
        "How long a session lives that is not refreshed.", "60 to 31536000",
    ),
    forms.Setting(
        "HOOK0_APP_URL", "app_url", forms.web_url, "http://127.0.0.1:8081",
        "Where the links in messages lead.", "http[s]://host[:port][/path]",
    ),
    forms.Setting(
        "HOOK0_SMTP_URL", "smtp_url", forms.smtp_url, None,
        "The server that takes messages to people; not set: their links and tokens are logged.",
        "smtp[s]://[user:password@]host[:port], user and password percent-encoded; smtp turns to TLS where it is offered",
        secret=True, needs="HOOK0_MAIL_FROM",
    ),
    forms.Setting(
        "HOOK0_MAIL_FROM", "mail_from", forms.mailbox, None,
        "Who messages come from.", "an address, e.g. Hook0 <hook0@example.com>",
    ),
)  # fmt: skip
