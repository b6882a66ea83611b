"""The committed code of the protos is what the protos say, and it can be imported beside Hook0's own SDK."""

import subprocess
import sys
from pathlib import Path

import grpc
import grpc.aio
import pytest

from hook0_client._gen.hook0.v1 import ingestion_service_pb2, ingestion_service_pb2_grpc

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "hook0_client" / "_gen"


def generate(target: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "scripts" / "generate.py"), str(target)], check=True)


def contents(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }


def test_the_committed_code_is_what_the_protos_generate(tmp_path: Path) -> None:
    generate(tmp_path)
    fresh, committed = contents(tmp_path), contents(COMMITTED)
    assert fresh.keys() == committed.keys(), "run scripts/generate"
    assert [str(name) for name in fresh if fresh[name] != committed[name]] == [], "run scripts/generate"


def test_generating_removes_what_no_proto_stands_for_any_more(tmp_path: Path) -> None:
    stale = tmp_path / "hook0" / "v1" / "gone_pb2.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    generate(tmp_path)
    assert not stale.exists()


def test_the_code_imports_its_neighbours_from_our_package() -> None:
    for path in COMMITTED.rglob("*.py*"):
        if path.suffix != ".pyc":
            lines = path.read_text(encoding="utf-8").splitlines()
            assert not [line for line in lines if line.startswith(("from hook0.", "import hook0."))], path
    assert not (ROOT / "hook0").exists()


class _Recorder(grpc.GenericRpcHandler):
    """A server's handler that knows no method and keeps the names it was asked for."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> None:
        self.methods.append(handler_call_details.method)


async def test_a_stub_calls_its_method_under_the_name_in_the_proto() -> None:
    recorder = _Recorder()
    server = grpc.aio.server(handlers=[recorder])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = ingestion_service_pb2_grpc.IngestionServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.PublishEvent(ingestion_service_pb2.PublishEventRequest(), timeout=10)
    finally:
        await server.stop(None)
    assert recorder.methods == ["/hook0.v1.IngestionService/PublishEvent"]
