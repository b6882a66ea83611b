import pathlib

import pytest


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """An empty working directory, and an environment that says nothing about a server."""
    for name in ("HOOK0_ADDRESS", "HOOK0_TOKEN", "HOOK0_APPLICATION_ID", "HOOK0_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
