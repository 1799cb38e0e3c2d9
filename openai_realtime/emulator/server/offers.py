"""Calls that come with an offer: sound flows if aiortc is there and a real peer offers it."""

from __future__ import annotations

import asyncio
import importlib
import re
from typing import TYPE_CHECKING

import attrs

from openai_realtime.emulator.faults import SESSION, FaultQueue
from openai_realtime.emulator.wire import Answer

from .sessions import Sessions
from .state import State

if TYPE_CHECKING:
    from .webrtc import Peers

_SECURED = re.compile(r"^a=fingerprint:", re.MULTILINE)  # without it nobody could connect


class OfferedCalls:
    """The calls of one emulator that came over HTTP."""

    def __init__(self, state: State, sessions: Sessions, queue: FaultQueue) -> None:
        self._state = state
        self._sessions = sessions
        self._faults = queue
        self._peers: Peers | None = None

    async def connect(self, answer: Answer, offer: str, key: str, *, azure: bool) -> Answer:
        """Give the `answer` to an offer; that of a peer, instead of one without media, if media can flow.

        Raises Refusal for an offer that cannot be answered.
        """
        call_id = answer.headers["Location"].rpartition("/")[2]
        self._state.use_secret(call_id, key)
        peers = await self._load() if _SECURED.search(offer) else None
        if peers is None:
            return answer
        faults = self._faults.get(SESSION)
        sdp = await peers.answer(call_id, offer, faults, azure=azure)
        return attrs.evolve(answer, body=sdp.encode())

    async def close(self) -> None:
        """Wait until all calls, whose sessions are closed, are hung up."""
        if self._peers is not None:
            await self._peers.close()

    async def _load(self) -> Peers | None:
        """Give what answers offers; None without aiortc, which takes its time to load."""
        if self._peers is None:
            try:
                webrtc = await asyncio.to_thread(importlib.import_module, "openai_realtime.emulator.server.webrtc")
            except ModuleNotFoundError:
                return None
            self._peers = webrtc.Peers(self._sessions)
        return self._peers
