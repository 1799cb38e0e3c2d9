import asyncio
import contextlib
import gc

import pytest
from support.wire import RESPOND, Wire

from openai_realtime import AsyncRealtimeClient, RealtimeError
from openai_realtime.emulator import Emulator, Reply

pytestmark = pytest.mark.anyio


async def test_nothing_is_logged_of_a_client_that_goes_while_a_large_frame_is_sent() -> None:
    """Nothing is compressed, though the client offers it: what is large would hold up all others."""
    logged: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context["message"]))
    async with Emulator() as emulator:
        for _ in range(20):
            emulator.reply(Reply(text="word " * 50, audio=bytes(range(256)) * 4000))
            async with Wire(emulator, compress=15) as wire:
                assert wire.socket.compress == 0
                await wire.send(RESPOND)
                await wire.until("response.output_audio.delta")
                await wire._http.close()
    gc.collect()
    assert not logged


async def test_a_client_that_goes_before_the_handshake_is_over_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    async with Emulator() as emulator:
        for turns in range(10, 40):
            client = AsyncRealtimeClient(**emulator.client_options)
            opening = asyncio.ensure_future(client.connect(model="gpt-realtime"))
            for _ in range(turns):
                await asyncio.sleep(0)
            await client.close()
            with contextlib.suppress(RealtimeError):
                await opening
    assert "defect" not in caplog.text
