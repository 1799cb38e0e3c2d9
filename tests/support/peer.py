"""A browser without a browser: the other end of a WebRTC call, made of aiortc."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any
from unittest import mock

import aiohttp
from aioice import ice
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler

from openai_realtime.emulator import Emulator

RATE = 24_000
DEADLINE = 30
_FRAME = RATE // 50


class Voice(MediaStreamTrack):
    """Says what is put into `pcm`, in real time, and is silent else."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.pcm = bytearray()
        self._start = time.monotonic()
        self._sent = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(max(0.0, self._start + self._sent / RATE - time.monotonic()))
        if self.readyState != "live":
            raise MediaStreamError
        frame = AudioFrame(format="s16", layout="mono", samples=_FRAME)
        frame.planes[0].update(bytes(self.pcm[: 2 * _FRAME]).ljust(frame.planes[0].buffer_size, b"\0"))
        del self.pcm[: 2 * _FRAME]
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._sent
        self._sent += _FRAME
        return frame


class Peer:
    """`heard` is what came, as PCM of 24 kHz; `events` all that the data channel has brought.

    `audio` is a direction, or nothing for a call without sound.
    """

    def __init__(self, audio: str = "sendrecv", *, video: bool = False) -> None:
        self.voice = Voice()
        self.heard = bytearray()
        self.events: list[dict[str, Any]] = []
        self.location = ""
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._came = asyncio.Event()
        self._listening: list[asyncio.Task[None]] = []
        if audio == "sendrecv":
            self.peer.addTrack(self.voice)
        elif audio:
            self.peer.addTransceiver("audio", direction=audio)
        if video:
            self.peer.addTransceiver("video")
        self.channel = self.peer.createDataChannel("oai-events")
        self.channel.on("message", self._on_message)
        self.peer.on("track", lambda track: self._listening.append(asyncio.create_task(self._listen(track))))

    @property
    def call_id(self) -> str:
        return self.location.rpartition("/")[2]

    async def offer(self) -> str:
        """The offer, with candidates on loopback only: there may be no other interface."""
        with mock.patch.object(ice, "get_host_addresses", return_value=["127.0.0.1"]):
            await self.peer.setLocalDescription(await self.peer.createOffer())
        sdp: str = self.peer.localDescription.sdp
        return sdp

    async def dial(self, emulator: Emulator, key: str, session: dict[str, Any] | None = None) -> None:
        """Send the offer, raw or in a form with a session, and take the answer."""
        offer = await self.offer()
        headers = {"Authorization": f"Bearer {key}"}
        data: Any = offer
        if session is None:
            headers["Content-Type"] = "application/sdp"
        else:
            data = aiohttp.FormData()
            data.add_field("sdp", offer, content_type="application/sdp")
            data.add_field("session", json.dumps(session), content_type="application/json")
        async with (
            aiohttp.ClientSession() as http,
            http.post(emulator.base_url + "/realtime/calls", data=data, headers=headers) as answer,
        ):
            assert answer.status == 201, await answer.text()
            self.location = answer.headers["Location"]
            description = RTCSessionDescription(await answer.text(), "answer")
        await self.peer.setRemoteDescription(description)

    def send(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.channel.send(json.dumps(event))

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        """The `count`th event of a type."""
        async with asyncio.timeout(DEADLINE):
            while len(found := [event for event in self.events if event["type"] == kind]) < count:
                self._came.clear()
                await self._came.wait()
        return found[count - 1]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def close(self) -> None:
        await self.peer.close()
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)

    def _on_message(self, message: str) -> None:
        self.events.append(json.loads(message))
        self._came.set()

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        while True:
            frame: Any = await track.recv()
            for part in resampler.resample(frame):
                self.heard += bytes(part.planes[0])[: 2 * part.samples]


@asynccontextmanager
async def calling(audio: str = "sendrecv", *, video: bool = False) -> AsyncIterator[Peer]:
    """A peer that hangs up at the end."""
    peer = Peer(audio, video=video)
    try:
        yield peer
    finally:
        await peer.close()
