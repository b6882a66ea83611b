"""The body of a request: all of it, or the reason why not."""

import asyncio

from aiohttp import web

from hook0_server.api import pipeline
from hook0_server.gateway import refusals

SECONDS: web.AppKey[float] = web.AppKey("body_seconds", float)


async def read(request: web.Request, most_bytes: int = pipeline.LARGEST_REQUEST_BYTES) -> bytes:
    """As it was sent, compressed or not. Raises InvalidRequest (MESSAGE_TOO_LARGE) or Unserved (BODY_TOO_SLOW)."""
    if (told := request.content_length or 0) > most_bytes:
        raise pipeline.too_large(told, most_bytes).refusal
    seconds = request.config_dict[SECONDS]
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > most_bytes:
                    raise pipeline.too_large(None, most_bytes).refusal
    except web.RequestPayloadError as broken:
        raise refusals.malformed("its body is broken") from broken
    except TimeoutError as late:
        raise refusals.body_too_slow(seconds) from late
    return bytes(body)
