"""A Media Stream on a real WebSocket: Twilio's side is played here, message by message."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pybase64
import pytest
from attrs import define, field
from support.hearing import likeness, loud_ms
from support.speech import say
from support.web import DEADLINE, under_aiohttp, under_uvicorn
from support.wire import tone

from openai_realtime import (
    AsyncRealtimeClient,
    AsyncRealtimeConnection,
    AudioPcma,
    AudioPcmu,
    ConnectionClosedError,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeSessionConfig,
    ReconnectPolicy,
)
from openai_realtime.audio import Resampler, pcm_to_ulaw, ulaw_to_pcm
from openai_realtime.emulator import Emulator, faults
from openai_realtime.web import twilio
from openai_realtime.web.app import WebApp
from openai_realtime.web.messages import WebRequest, WebResponse, WebSocket

pytestmark = pytest.mark.anyio
SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
SILENCE = b"\xff"  # of mu-law


@define
class Phone:
    """Twilio's end. It plays what comes as `play` says, or at once; `heard` is what was played, as mu-law of 8 kHz."""

    socket: aiohttp.ClientWebSocketResponse
    at_once: bool = False
    heard: bytearray = field(factory=bytearray)
    cleared: asyncio.Event = field(factory=asyncio.Event)
    _queue: deque[bytes | str] = field(factory=deque)
    _came: asyncio.Event = field(factory=asyncio.Event)
    _chunk: int = 0

    async def send(self, event: str, **fields: Any) -> None:
        await self.socket.send_json({"event": event, "sequenceNumber": "1", "streamSid": SID, **fields})

    async def start(self) -> None:
        await self.send("connected", protocol="Call", version="1.0.0")
        media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {"streamSid": SID, "callSid": "CA1", "tracks": ["inbound"], "mediaFormat": media_format}
        await self.send("start", start={**start, "customParameters": {"name": "Ada"}})

    async def talk(self, ulaw: bytes, silence_ms: int = 0) -> None:
        audio = ulaw + SILENCE * 8 * silence_ms
        for at in range(0, len(audio), 160):
            self._chunk += 1
            payload = pybase64.b64encode(audio[at : at + 160]).decode()
            media = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str(at // 8), "payload": payload}
            await self.send("media", media=media)

    async def follow(self) -> None:
        """Take what comes, until the other side closes."""
        async for message in self.socket:
            sent = json.loads(message.data)
            assert sent["streamSid"] == SID
            if sent["event"] == "media":
                self._queue.append(pybase64.b64decode(sent["media"]["payload"]))
            elif sent["event"] == "mark":
                self._queue.append(sent["mark"]["name"])
            else:
                assert sent["event"] == "clear"
                for name in [name for name in self._queue if isinstance(name, str)]:
                    await self.send("mark", mark={"name": name})
                self._queue.clear()
                self.cleared.set()
            self._came.set()
            if self.at_once:
                await self.play(None)

    async def play(self, milliseconds: int | None) -> None:
        """Play so much, wait for it, and send the marks that are passed; None for what there is."""
        left = None if milliseconds is None else milliseconds * 8
        while left is None or left > 0:
            while not self._queue and left is not None:
                self._came.clear()
                await self._came.wait()
            if not self._queue:
                return
            piece = self._queue.popleft()
            if isinstance(piece, str):
                await self.send("mark", mark={"name": piece})
                continue
            self.heard += piece
            left = None if left is None else left - len(piece)
        while self._queue and isinstance(self._queue[0], str):
            await self.send("mark", mark={"name": self._queue.popleft()})


@define
class Call:
    """A service with the session of one call, to which streams are bridged one after the other."""

    emulator: Emulator
    connection: AsyncRealtimeConnection
    url: str
    endings: asyncio.Queue[str | Exception] = field(factory=asyncio.Queue)
    messages: list[Mapping[str, Any]] = field(factory=list)

    @asynccontextmanager
    async def stream(self, *, at_once: bool = True) -> AsyncIterator[Phone]:
        async with aiohttp.ClientSession() as http, http.ws_connect(self.url + "/stream") as socket:
            phone = Phone(socket, at_once=at_once)
            await phone.start()
            following = asyncio.create_task(phone.follow())
            yield phone
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def received(self, kind: str) -> list[Any]:
        return [event for event in self.emulator.sessions[-1].received if event.type == kind]

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():  # noqa: ASYNC110 - the emulator tells of nothing
            await asyncio.sleep(0.005)


def settings(input_format: Any = None, output_format: Any = None) -> RealtimeSessionConfig:
    side: Any = {"input": RealtimeAudioInput(format=input_format), "output": RealtimeAudioOutput(format=output_format)}
    given = {name: value for name, value in side.items() if value.format is not None}
    return RealtimeSessionConfig(audio=RealtimeAudioConfig(**given))


@asynccontextmanager
async def calling(session: RealtimeSessionConfig, server: Any = under_aiohttp, **options: Any) -> AsyncIterator[Call]:
    async with (
        asyncio.timeout(DEADLINE),
        Emulator() as emulator,
        AsyncRealtimeClient(**emulator.client_options) as client,
        client.connect(model="gpt-realtime-2.1", session=session, **options) as connection,
    ):
        call = Call(emulator, connection, "")

        async def on_message(message: Mapping[str, Any]) -> None:
            call.messages.append(message)

        async def handle(_: WebRequest, websocket: WebSocket) -> WebResponse | None:
            await websocket.accept()
            try:
                call.endings.put_nowait(await twilio.bridge(websocket, connection, on_message=on_message))
            except asyncio.CancelledError:  # aiohttp may cancel a handler whose peer is gone
                call.endings.put_nowait("lost")
                raise
            except Exception as error:  # noqa: BLE001 - the test looks at it
                call.endings.put_nowait(error)
            return None

        async with server(WebApp({}, {"/stream": handle})) as url:
            call.url = url
            yield call


ULAW = settings(AudioPcmu(), AudioPcmu())


@pytest.mark.parametrize("server", [under_aiohttp, under_uvicorn])
async def test_mu_law_goes_straight_through(server: Any) -> None:
    said = pcm_to_ulaw(Resampler(24_000, 8_000).process(tone(600)))
    async with calling(ULAW, server) as call, call.stream() as phone:
        await phone.talk(said, silence_ms=800)
        await call.until(lambda: said[800:-800] in phone.heard)
        await phone.send("stop", stop={"callSid": "CA1"})
        assert await call.endings.get() == "stopped"
        await call.until(lambda: phone.socket.closed)
        assert phone.socket.close_code == 1000
        assert call.connection.session is not None  # it is open still


@pytest.mark.parametrize("session", [settings(), settings(AudioPcma(), AudioPcma())])
async def test_other_formats_are_converted(session: RealtimeSessionConfig) -> None:
    said = say("A table for four, please.")
    async with calling(session) as call, call.stream() as phone:
        await phone.talk(pcm_to_ulaw(Resampler(24_000, 8_000).process(said)), silence_ms=800)
        await call.until(lambda: len(phone.heard) * 6 > len(said))
        await call.until(lambda: likeness(said, heard_by(phone)) > 0.6)


@pytest.mark.parametrize("session", [settings(AudioPcmu()), settings(None, AudioPcma())])
async def test_the_formats_of_both_directions_may_differ(session: RealtimeSessionConfig) -> None:
    async with calling(session) as call, call.stream() as phone:
        call.emulator.reply("x" * 30)  # a hum of 1.8 seconds
        await phone.talk(pcm_to_ulaw(Resampler(24_000, 8_000).process(tone(300))), silence_ms=800)
        await call.until(lambda: loud_ms(heard_by(phone)) > 1_700)


def heard_by(phone: Phone) -> bytes:
    return Resampler(8_000, 24_000).process(ulaw_to_pcm(bytes(phone.heard)))


@pytest.mark.parametrize(("session", "heard_ms"), [(ULAW, 712), (settings(), 812)])  # a resampler holds some ms back
async def test_the_caller_interrupts_and_the_rest_is_forgotten(session: RealtimeSessionConfig, heard_ms: int) -> None:
    async with calling(session) as call, call.stream(at_once=False) as phone:
        call.emulator.reply("word " * 20, "Yes?")  # six seconds
        await call.connection.create_response()
        await phone.play(700)  # and the rest of the piece: deltas of 100 and 256 ms go in pieces of 100
        await phone.talk(pcm_to_ulaw(Resampler(24_000, 8_000).process(tone(300))), silence_ms=800)
        await phone.cleared.wait()
        await call.until(lambda: call.received("conversation.item.truncate"))
        (truncated,) = call.received("conversation.item.truncate")
        assert truncated.audio_end_ms == heard_ms  # the marks of what was cleared come back, and do not count
        before = len(phone.heard)
        await phone.play(200)  # and the next answer is heard
        assert len(phone.heard) > before
        assert len(call.received("conversation.item.truncate")) == 1


async def test_keys_and_the_start_are_told() -> None:
    async with calling(ULAW) as call, call.stream() as phone:
        await phone.send("dtmf", dtmf={"track": "inbound_track", "digit": "7"})
        await phone.socket.send_str("no JSON")
        await phone.socket.send_str("[]")
        await phone.send("media", media={"track": "inbound", "payload": "?"})
        await phone.send("media", media={"track": "outbound", "payload": "AAAA"})
        await phone.send("mark", mark={"name": "unknown"})
        await phone.send("stop", stop={"callSid": "CA1"})
        assert await call.endings.get() == "stopped"
        assert [message["event"] for message in call.messages] == ["connected", "start", "dtmf", "stop"]
        assert call.messages[1]["start"]["customParameters"] == {"name": "Ada"}
        assert call.messages[2]["dtmf"]["digit"] == "7"
        assert not call.received("input_audio_buffer.append")


@pytest.mark.parametrize("server", [under_aiohttp, under_uvicorn])
async def test_a_stream_that_vanishes_and_one_that_takes_its_place(server: Any) -> None:
    async with calling(ULAW, server) as call:
        async with call.stream(at_once=False) as phone:
            call.emulator.reply("word " * 20)
            await call.connection.create_response()
            await phone.play(500)  # and the rest of the piece
            await phone.send("dtmf", dtmf={"digit": "1"})  # behind the marks
            await call.until(lambda: len(call.messages) == 3)
            phone.socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            assert await call.endings.get() == "lost"
        await call.until(lambda: call.received("conversation.item.truncate"))
        assert call.received("conversation.item.truncate")[0].audio_end_ms == 556
        async with call.stream() as phone:
            call.emulator.reply("I am here again.")
            await call.connection.create_response()
            await call.until(lambda: len(phone.heard) > 4_000)


async def test_the_end_of_the_session_ends_the_stream() -> None:
    async with calling(ULAW) as call, call.stream() as phone:
        await call.until(lambda: len(call.messages) == 2)
        await call.connection.close()
        assert await call.endings.get() == "session closed"
        await call.until(lambda: phone.socket.closed)
    async with calling(ULAW) as call, call.stream():
        await call.until(lambda: len(call.messages) == 2)
        call.emulator.inject_fault(faults.Close(4000, "over"), now=True)
        error = await call.endings.get()
        assert isinstance(error, ConnectionClosedError)
        assert error.code == 4000


async def test_a_session_that_reconnects_goes_on() -> None:
    async with calling(ULAW, reconnect=ReconnectPolicy()) as call, call.stream() as phone:
        call.emulator.reply("One.")
        await call.connection.create_response()
        await call.until(lambda: len(phone.heard) > 1_000)
        call.emulator.inject_fault(faults.Drop(), now=True)
        await call.until(lambda: len(call.emulator.sessions) == 2)
        heard = len(phone.heard)
        call.emulator.reply("Two.")
        await phone.talk(pcm_to_ulaw(Resampler(24_000, 8_000).process(tone(300))), silence_ms=800)
        await call.until(lambda: len(phone.heard) > heard + 1_000)
        assert call.endings.empty()


async def test_what_on_message_raises_ends_the_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(ULAW) as call:
        monkeypatch.setattr(call, "messages", None)  # the append fails
        async with call.stream():
            assert isinstance(await call.endings.get(), AttributeError)
