import asyncio
from typing import Any

import grpc
import pytest
import served
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from hook0_server.rpc import server

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
VERSIONS = ["grpc.reflection.v1", "grpc.reflection.v1alpha"]


async def ask(channel: grpc.aio.Channel, version: str, **question: Any) -> Any:
    """One question over the named version, without a credential."""
    stream = channel.stream_stream(
        f"/{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )(timeout=20)
    await stream.write(reflection_pb2.ServerReflectionRequest(**question))
    answer: Any = await stream.read()
    await stream.done_writing()
    return answer


@pytest.mark.parametrize("version", VERSIONS)
async def test_both_versions_list_the_services_and_describe_all_that_they_list(version: str) -> None:
    async with served.serving(served.unary(served.echo)) as rig:
        listed = await ask(rig.channel, version, list_services="*")
        names = {service.name for service in listed.list_services_response.service}
        assert names == {served.SERVICE, "grpc.health.v1.Health", *(f"{each}.ServerReflection" for each in VERSIONS)}
        for name in names:
            described = await ask(rig.channel, version, file_containing_symbol=name)
            files = described.file_descriptor_response.file_descriptor_proto
            pool = descriptor_pool.DescriptorPool()
            for file in reversed(files):
                pool.Add(descriptor_pb2.FileDescriptorProto.FromString(file))
            assert pool.FindServiceByName(name).methods


async def test_health_is_serving_only_between_ready_and_drain_and_needs_no_credential() -> None:
    async with served.serving(served.unary(served.echo)) as rig:
        health: Any = health_pb2_grpc.HealthStub(rig.channel)
        for service in ("", served.SERVICE):
            request = health_pb2.HealthCheckRequest(service=service)
            assert (await health.Check(request, timeout=10)).status == SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=10)
        assert (await watch.read()).status == SERVING
        draining = asyncio.create_task(rig.server.drain())
        assert (await watch.read()).status == NOT_SERVING
        await draining
        watch.cancel()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(health_pb2.HealthCheckRequest(service="hook0.v1.Nothing"), timeout=10)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_before_it_is_ready_health_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def not_yet(_: object) -> None:
        return None

    monkeypatch.setattr(server.GrpcServer, "ready", not_yet)
    async with served.serving(served.unary(served.echo)) as rig:
        health: Any = health_pb2_grpc.HealthStub(rig.channel)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=10)).status == NOT_SERVING
