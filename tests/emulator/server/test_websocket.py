import asyncio
import gc

import pytest
from support.wire import RESPOND, Wire

from openai_realtime.emulator import Emulator, Reply

pytestmark = pytest.mark.anyio


async def test_nothing_is_logged_of_a_client_that_goes_while_a_large_frame_is_compressed() -> None:
    logged: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context["message"]))
    async with Emulator() as emulator:
        for _ in range(20):
            emulator.reply(Reply(text="word " * 50, audio=bytes(range(256)) * 4000))
            async with Wire(emulator, compress=15) as wire:
                await wire.send(RESPOND)
                await wire.until("response.output_audio.delta")
                await wire._http.close()
    gc.collect()
    assert not logged
