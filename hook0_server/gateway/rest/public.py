"""What anybody may ask, and no operation answers: the lists that never change, and whether the server is well."""

import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from hook0_server import setting_forms
from hook0_server.api import posted_events
from hook0_server.gateway import health
from hook0_server.gateway.rest import problems

_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Public:
    """`health_key` opens GET /health; None: there is none, and no such route. `variables`: every setting there is."""

    looked_at: health.Health
    health_key: str | None
    variables: Iterable[setting_forms.Setting]

    def lists(self) -> dict[str, Any]:
        """What is answered, by path."""
        return {
            "/errors": problems.catalogue(),
            "/payload_content_types": list(posted_events.CONTENT_TYPES),
            "/environment_variables": [_shown(each) for each in self.variables],
        }

    async def get_health(self, request: web.Request) -> web.Response:
        if self.health_key is None:
            return problems.answer(problems.Unfit("NotFound", "This server has no key for its health here; ask GET /health."))
        if not hmac.compare_digest(self.health_key.encode(), request.query.get("key", "").encode(errors="replace")):
            return problems.answer(problems.Unfit("Forbidden", "The key is not that of HOOK0_HEALTH_CHECK_KEY."))
        began = time.perf_counter()
        report = await self.looked_at.report()
        milliseconds = round((time.perf_counter() - began) * 1000)
        shown = {
            "database": report.database,
            "pulsar": None,
            "object_storage": None,
            "database_duration_ms": milliseconds,
            "pulsar_duration_ms": None,
            "object_storage_duration_ms": None,
            "total_duration_ms": milliseconds,
        }
        return web.Response(status=200 if report.status == "ok" else 503, body=orjson.dumps(shown), headers=_HEADERS)


def _shown(setting: setting_forms.Setting) -> dict[str, Any]:
    return {
        "name": setting.field,
        "env_var": setting.variable,
        "description": setting.meaning,
        "default": None if setting.secret else setting.default,
        "sensitive": setting.secret,
        "required": False,
        "group": None,
    }
