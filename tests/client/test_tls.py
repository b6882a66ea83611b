"""A whole server by TLS that asks for client certificates, and what its clients need."""

import dataclasses
import json
import pathlib
from dataclasses import dataclass

import grpc
import pytest
from certificates import Authority, Leaf
from click import testing

import hook0_client
from hook0_client import cli, v1
from hook0_server import app, settings as server_settings
from tests import conftest
from tests.client import hook0ctl

pytestmark = pytest.mark.usefixtures("directory")
NODES = v1.ListNodesRequest()


@dataclass
class Files:
    ca: pathlib.Path
    cert: pathlib.Path
    key: pathlib.Path


def written(folder: pathlib.Path, name: str, ca: pathlib.Path, leaf: Leaf) -> Files:
    made = Files(ca, folder / f"{name}.pem", folder / f"{name}.key")
    made.cert.write_bytes(leaf.certificate)
    made.key.write_bytes(leaf.key)
    return made


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def client_files(tmp_path: pathlib.Path, authority: Authority) -> Files:
    return written(tmp_path, "client", authority.path, authority.leaf("client"))


@pytest.fixture
def by_tls(settings: server_settings.Settings, tmp_path: pathlib.Path, authority: Authority) -> server_settings.Settings:
    made = written(tmp_path, "server", authority.path, authority.leaf("127.0.0.1"))
    return dataclasses.replace(settings, grpc_tls_cert=made.cert, grpc_tls_key=made.key, grpc_tls_client_ca=made.ca)


async def test_a_server_that_asks_for_certificates_answers_who_has_one(
    by_tls: server_settings.Settings, client_files: Files, dsn: str
) -> None:
    async with app.serving(by_tls, dsn) as server:
        given = {"tls_ca": client_files.ca, "tls_cert": client_files.cert, "tls_key": client_files.key}
        async with hook0_client.connect(server.grpc, token=conftest.MASTER_KEY, **given) as client:
            assert len((await client.instance.ListNodes(NODES)).nodes) == 1
        without = hook0_client.connect(server.grpc, token=conftest.MASTER_KEY, tls_ca=client_files.ca, timeout=10)
        in_the_clear = hook0_client.connect(server.grpc, token=conftest.MASTER_KEY, timeout=10)
        for refused in (without, in_the_clear):
            async with refused as client:
                with pytest.raises(hook0_client.Unavailable):
                    await client.instance.ListNodes(NODES)
        place = ("--address", server.grpc, "--token", conftest.MASTER_KEY, "--tls-ca", str(client_files.ca))
        shown = ("--tls-cert", str(client_files.cert), "--tls-key", str(client_files.key))
        code, listed, err = await hook0ctl.run(*place, *shown, "nodes", "--json")
        assert (code, err) == (0, "")
        assert len(json.loads(listed)["nodes"]) == 1


async def test_a_server_with_the_key_of_another_certificate_does_not_start(
    by_tls: server_settings.Settings, client_files: Files, dsn: str
) -> None:
    given = dataclasses.replace(by_tls, grpc_tls_key=client_files.key)
    sentence = f"^HOOK0_GRPC_TLS_KEY: {client_files.key} does not belong to the certificate of HOOK0_GRPC_TLS_CERT "
    with pytest.raises(app.StartRefused, match=sentence):
        async with app.serving(given, dsn):
            pass


@pytest.mark.parametrize(
    ("variable", "lacking"),
    [
        ("HOOK0_GRPC_TLS_CERT", "HOOK0_GRPC_TLS_KEY"),
        ("HOOK0_GRPC_TLS_KEY", "HOOK0_GRPC_TLS_CERT"),
        ("HOOK0_GRPC_TLS_CLIENT_CA", "HOOK0_GRPC_TLS_CERT"),
    ],
)
def test_half_a_configuration_is_refused(variable: str, lacking: str) -> None:
    with pytest.raises(server_settings.SettingsRefused) as caught:
        server_settings.Settings.from_environ({variable: "/a.pem"})
    assert str(caught.value) == f"{lacking} is not set; allowed: a path of a PEM file, because {variable} is set"


async def test_files_that_a_client_cannot_use_are_named_before_anything_is_sent(client_files: Files) -> None:
    files = client_files
    for given, said in (
        ({"tls_ca": files.key}, f"{files.key} holds no certificates"),
        ({"tls_cert": files.cert}, "belong together"),
        ({"tls_key": files.key}, "belong together"),
        ({"tls_cert": files.ca, "tls_key": files.key}, f"{files.ca} and {files.key} are not a certificate and its key"),
        ({"tls": grpc.ssl_channel_credentials(), "tls_ca": files.ca}, "not both"),
    ):
        with pytest.raises(ValueError, match=said):
            hook0_client.connect("127.0.0.1:1", **given)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        hook0_client.connect("127.0.0.1:1", tls_ca=files.ca.with_name("missing"))


def test_hook0ctl_names_a_file_that_it_cannot_use(client_files: Files) -> None:
    told = testing.CliRunner().invoke(cli.main, ["--tls-ca", str(client_files.key), "nodes"])
    assert (told.exit_code, told.stderr) == (1, f"Error: {client_files.key} holds no certificates in PEM form\n")
