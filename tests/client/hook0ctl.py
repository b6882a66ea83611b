"""Runs the real `hook0ctl` as a process."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

from tests.client import scripted

_COMMAND = (sys.executable, "-c", "from hook0_client.cli import main; main(prog_name='hook0ctl')")


def place(address: str) -> tuple[str, ...]:
    return ("--address", address, "--token", scripted.TOKEN, "--application-id", scripted.APPLICATION)


@contextlib.asynccontextmanager
async def started(*arguments: str, stdout: int = asyncio.subprocess.PIPE) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*_COMMAND, *arguments, stdin=pipe, stdout=stdout, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str, stdin: bytes = b"") -> tuple[int | None, str, str]:
    async with started(*arguments) as process, asyncio.timeout(20):
        out, err = await process.communicate(stdin)
        return process.returncode, out.decode(), err.decode()
