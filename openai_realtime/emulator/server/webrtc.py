"""Calls of browsers: aiortc answers the offer, sound goes both ways in Opus, events on a data channel.

Needs the extra ``webrtc``; without it calls are answered by `sdp`, and no media flows.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Sequence
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, TypeVar

from aioice import ice
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler

from openai_realtime.audio.pcm import RATE, WIDTH
from openai_realtime.emulator.errors import invalid_offer
from openai_realtime.emulator.faults import Fault

from .connection import CallChannel, LiveConnection
from .media import CallSound
from .sessions import Sessions

T = TypeVar("T")
CHANNEL = "oai-events"
_FRAME = RATE // 50  # samples in the 20 ms that Opus wants
_LOOPBACK = "127.0.0.1"
_with_loopback: ContextVar[bool] = ContextVar("with_loopback", default=False)
_host_addresses = ice.get_host_addresses


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:  # noqa: FBT001 - as aioice calls it
    """Give the addresses of this machine, for the emulator with that of loopback, which aioice leaves out."""
    found = _host_addresses(use_ipv4, use_ipv6)
    return [*found, _LOOPBACK] if _with_loopback.get() else found


ice.get_host_addresses = _addresses


class Speech(MediaStreamTrack):
    """What the model says, and silence where it says nothing, in real time."""

    kind = "audio"

    def __init__(self, sound: CallSound) -> None:
        super().__init__()
        self._sound = sound
        self._start = time.monotonic()
        self._sent = 0

    async def recv(self) -> AudioFrame:
        """Give the next 20 ms, when it is time for them."""
        await asyncio.sleep(max(0.0, self._start + self._sent / RATE - time.monotonic()))
        if self.readyState != "live":
            raise MediaStreamError
        frame = AudioFrame(format="s16", layout="mono", samples=_FRAME)
        plane = frame.planes[0]
        plane.update(self._sound.read(_FRAME * WIDTH).ljust(plane.buffer_size, b"\0"))
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._sent
        self._sent += _FRAME
        return frame


class EventChannel(CallChannel):
    """The data channel of a call as its connection uses it. Until the browser has opened it, messages are kept."""

    def __init__(self) -> None:
        super().__init__()
        self._channel: RTCDataChannel | None = None
        self._kept: list[str | bytes] = []

    def opened(self, channel: RTCDataChannel) -> None:
        """Begin to send and receive."""
        self._channel = channel
        channel.on("message", self.put)
        channel.on("close", self.end)
        for message in self._kept:
            channel.send(message)
        self._kept.clear()

    async def send(self, message: str | bytes) -> None:
        """Send a message, or keep it."""
        if self._channel is None:
            self._kept.append(message)
        elif self._channel.readyState == "open":
            self._channel.send(message)


class Peer:
    """Our end of one call."""

    def __init__(self, sound: CallSound) -> None:
        self.channel = EventChannel()
        self._sound = sound
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._listening: list[asyncio.Task[None]] = []
        self._peer.on("track", self._on_track)
        self._peer.on("datachannel", self._on_channel)
        self._peer.on("connectionstatechange", self._on_state)

    async def answer(self, offer: str) -> str:
        """Give the SDP answer; from then on the call is up as soon as the browser connects."""
        await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in self._peer.getTransceivers():
            if transceiver.kind == "audio":
                self._peer.addTrack(Speech(self._sound))
            else:
                transceiver.direction = "inactive"
        reset = _with_loopback.set(True)
        try:
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        finally:
            _with_loopback.reset(reset)
        return self._peer.localDescription.sdp

    async def close(self) -> None:
        """Hang up."""
        await self._peer.close()
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._listening.append(asyncio.create_task(self._listen(track)))

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if channel.label == CHANNEL:
            self.channel.opened(channel)

    def _on_state(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            self.channel.end()

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        with contextlib.suppress(MediaStreamError):  # it has ended
            while True:
                for frame in resampler.resample(await _frame(track)):
                    self._sound.hear(bytes(frame.planes[0])[: frame.samples * WIDTH])


async def _frame(track: MediaStreamTrack) -> AudioFrame:
    frame: Any = await track.recv()
    sound: AudioFrame = frame
    return sound


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, all of it even if this is cancelled: aioice leaves its sockets open where it is."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait([task])


class Peers:
    """The calls of one emulator that came with an offer."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, call_id: str, offer: str, faults: Sequence[Fault], *, azure: bool) -> str:
        """Give the SDP answer to `offer`, and serve the call. Its session suffers `faults`.

        Raises Refusal for an offer that cannot be answered; the call is over then.
        """
        shared = self._sessions.open_call(call_id, azure=azure)
        peer = Peer(CallSound(shared))
        try:
            answer = await _to_its_end(peer.answer(offer))
        except BaseException as error:  # whatever aiortc stumbles over in an offer that is none, or a cancellation
            with contextlib.suppress(Exception):  # over which it may stumble again
                await peer.close()
            self._sessions.end_call(call_id)
            if not isinstance(error, Exception):
                raise
            raise invalid_offer(str(error)) from None
        connection = LiveConnection(peer.channel, shared, self._sessions.worker)
        connection.faults.extend(faults)
        task = asyncio.create_task(self._serve(call_id, peer, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return answer

    async def close(self) -> None:
        """Wait until all calls, whose sessions are closed, are hung up."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, call_id: str, peer: Peer, connection: LiveConnection) -> None:
        with self._sessions.connected(connection):
            try:
                await connection.run()
            finally:
                self._sessions.end_call(call_id)
                await peer.close()
