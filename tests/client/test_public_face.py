import importlib
import pathlib
import subprocess
import sys

import hook0_client
from hook0_client import _gen, v1


def test_the_public_face_is_this_and_no_more() -> None:
    assert hook0_client.__all__ == [
        "AlreadyExists",
        "Client",
        "Conflict",
        "DeadlineExceeded",
        "Denied",
        "Hook0Error",
        "InvalidRequest",
        "NotFound",
        "OutOfRange",
        "Precondition",
        "Published",
        "Publisher",
        "QuotaExceeded",
        "ServerFault",
        "SignatureInvalid",
        "Unauthenticated",
        "Unavailable",
        "Violation",
        "Watch",
        "Webhook",
        "connect",
        "pages",
        "v1",
        "verify_webhook",
    ]
    assert all(hasattr(hook0_client, name) for name in hook0_client.__all__)


def test_v1_has_every_message_and_enum_of_the_protocol() -> None:
    [root] = _gen.__path__
    declared = set()
    for file in pathlib.Path(root, "hook0", "v1").glob("*_pb2.py"):
        descriptor = importlib.import_module(f"hook0_client._gen.hook0.v1.{file.stem}").DESCRIPTOR
        declared |= {*descriptor.message_types_by_name, *descriptor.enum_types_by_name}
    assert set(v1.__all__) == declared
    assert v1.__all__ == sorted(v1.__all__)
    assert all(hasattr(v1, name) for name in v1.__all__)


def test_the_client_loads_neither_the_server_nor_what_only_the_command_line_needs() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import hook0_client, sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "hook0_client.publisher" in loaded
    assert not {"hook0_server", "click", "rich", "psycopg", "aiohttp", "orjson", "biscuit_auth", "cryptography"} & set(loaded)


def test_hook0ctl_without_its_extra_says_what_to_install() -> None:
    code = "import sys; sys.modules['click'] = None; import hook0_client.cli"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == "hook0ctl needs more than the client: pip install 'hook0-grpc[cli]'\n"
