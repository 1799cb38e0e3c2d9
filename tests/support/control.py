"""The control API of an emulator, as any program uses it."""

from typing import Any

import aiohttp
from support.wire import DEADLINE

from openai_realtime.emulator import Emulator


class ControlAPI:
    """The control API, for a program that knows HTTP and JSON only."""

    def __init__(self, emulator: Emulator) -> None:
        self._url = emulator.base_url.removesuffix("v1") + "emulator/"

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        timeout = aiohttp.ClientTimeout(total=DEADLINE)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.request(method, self._url + path, json=body, **options) as answer,
        ):
            return answer.status, await answer.json()

    async def post(self, path: str, body: Any = None) -> Any:
        status, answer = await self.ask("POST", path, body)
        assert status == 200, answer
        return answer
