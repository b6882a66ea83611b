"""The settings of the HTTP port: TLS, how many may connect, who stands in front of it, and which pages may call it."""

import pathlib
import re

from hook0_server import setting_forms as forms

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


def origins(text: str) -> tuple[str, ...]:
    given = tuple(part.strip() for part in text.split(","))
    if given != ("*",) and not all(map(_ORIGIN.fullmatch, given)):
        raise ValueError
    return given


TABLE: tuple[forms.Setting, ...] = (
    forms.Setting(
        "HOOK0_HTTP_TLS_CERT", "http_tls_cert", pathlib.Path, None,
        "The certificate chain of the HTTP port: it is served by TLS; not set: in the clear.", "a path of a PEM file",
        needs="HOOK0_HTTP_TLS_KEY",
    ),
    forms.Setting(
        "HOOK0_HTTP_TLS_KEY", "http_tls_key", pathlib.Path, None,
        "The key of that certificate.", "a path of a PEM file", needs="HOOK0_HTTP_TLS_CERT",
    ),
    forms.Setting(
        "HOOK0_HTTP_CONNECTIONS", "http_connections", forms.number(1, 100_000), "2000",
        "Connections to the HTTP port that are open at once; one more is answered 503 and closed.", "1 to 100000",
    ),
    forms.Setting(
        "HOOK0_TRUSTED_PROXIES", "trusted_proxies", forms.networks, None,
        "Proxies whose X-Forwarded-For is believed; not set: none.",
        "networks separated by commas, e.g. 10.0.0.0/8,fd00::/8",
    ),
    forms.Setting(
        "HOOK0_CORS_ORIGINS", "cors_origins", origins, None,
        "Origins of other servers whose pages may call the HTTP port; not set: none.",
        "origins separated by commas, e.g. https://app.example.com, in lower case; or * for all",
    ),
)  # fmt: skip
