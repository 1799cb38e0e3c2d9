"""`AsyncRealtimeTranslationConnection`: speech in, the same in another language out, while it is spoken."""

from __future__ import annotations

from openai_realtime._codec.check import check
from openai_realtime.models.server_events import SessionUpdated
from openai_realtime.models.translation_events import (
    RealtimeTranslationSessionUpdateRequest,
    SessionClose,
    SessionClosed,
    SessionInputAudioBufferAppend,
    TranslationSessionUpdate,
)

from .base import AsyncConnection
from .ids import identified

__all__ = ["AsyncRealtimeTranslationConnection"]


class AsyncRealtimeTranslationConnection(AsyncConnection):
    """An open translation session. Get one from ``client.connect_translation(...)``.

    It has no items, responses and turns: append audio, silence too, and iterate over the translation.
    """

    async def update_session(
        self, session: RealtimeTranslationSessionUpdateRequest, *, timeout: float | None = 30
    ) -> SessionUpdated:
        """Change the session's settings, such as the language to translate into; the answer has all in force."""
        answer: SessionUpdated = await self._ask_checked(identified(translation_settings(session)), timeout)
        return answer

    async def append_audio(self, audio: bytes) -> None:
        """Send PCM16 audio, 24 kHz, mono, of any length. The API acknowledges none of it."""
        await self._append(SessionInputAudioBufferAppend, audio)

    async def close_session(self, *, timeout: float | None = 30) -> SessionClosed:
        """Say that there is no more audio. The rest of the translation comes before the answer; then iteration ends."""
        answer: SessionClosed = await self._ask(SessionClose(), timeout)
        return answer


def translation_settings(session: RealtimeTranslationSessionUpdateRequest) -> TranslationSessionUpdate:
    """Make the event that sets `session`. Raises InvalidRequestError for settings that the API refuses."""
    event = TranslationSessionUpdate(session=session)
    check(event)
    return event
