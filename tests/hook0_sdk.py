"""Hook0's own SDK, unmodified, its generated half: blocking and awaited, called alike."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import hook0  # type: ignore[import-untyped]
import rest_rig
from hook0 import generated

HALVES = (("Api", hook0.HttpTransport), ("AsyncApi", hook0.AsyncHttpTransport))


class Sdk:
    """`sdk.Applications.list(…)`: that operation of the generated half, waited for where it is to be awaited."""

    def __init__(self, served: rest_rig.Served, token: str, half: tuple[str, Callable[..., Any]]) -> None:
        self._suffix = half[0]
        self.transport = half[1](f"http://{served.address}", token)

    def __getattr__(self, group: str) -> Any:
        return Group(getattr(generated, f"{group}{self._suffix}")(self.transport))


class Group:
    def __init__(self, api: Any) -> None:
        self._api = api

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            answer = getattr(self._api, operation)(*given, **named)
            return asyncio.run(_awaited(answer)) if inspect.isawaitable(answer) else answer

        return call


async def _awaited(answer: Any) -> Any:
    return await answer
