import pathlib

import pytest


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """An empty working directory, and an environment that says nothing about a server."""
    for name in ("ADDRESS", "TOKEN", "APPLICATION_ID", "TLS", "TLS_CA", "TLS_CERT", "TLS_KEY"):
        monkeypatch.delenv(f"HOOK0_{name}", raising=False)
    monkeypatch.setenv("HOOK0_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
