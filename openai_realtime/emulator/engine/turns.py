"""The user's turns: audio comes in, is listened to, and becomes messages."""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs

from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.script import Heard
from openai_realtime.errors import DecodeError
from openai_realtime.models.audio import TURNLESS_MODELS
from openai_realtime.models.client_events import InputAudioBufferAppend, InputAudioBufferClear
from openai_realtime.models.items import InputAudio, Item, UserMessage
from openai_realtime.models.responses import ResponseConfig
from openai_realtime.models.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
)

from . import sound, transcription
from .context import Context
from .conversation import Audio, item_id
from .hearing import InputBuffer, SpeechStarted
from .response import ResponseRun
from .responses import Responses

_MIN_COMMIT_MS = 100
_LOGPROBS = "item.input_audio_transcription.logprobs"
_QUIET = 0.002  # audio below this is silence, in which nobody said anything
_SLICE_SECONDS = 0.5  # of audio that are listened to in one go, so that other sessions do not wait


class Turns:
    """The user's side of one session."""

    def __init__(self, context: Context, responses: Responses) -> None:
        self._context = context
        self._responses = responses
        self._buffer = InputBuffer()
        self._user_item: str | None = None  # the message that the speech becomes
        self._caption: transcription.Caption | None = None

    def append(self, event: InputAudioBufferAppend) -> Iterator[None]:
        """Listen to audio, in slices. Raises Refusal for what is not base64."""
        try:
            audio = event.to_bytes()
        except DecodeError:
            raise api_errors.not_base64("audio") from None
        size = int(_SLICE_SECONDS * 1000) * sound.bytes_per_ms(self._context.input_format)
        for start in range(0, len(audio), size):
            self._listen(audio[start : start + size])
            yield

    def commit(self) -> None:
        """Make a message of what is in the buffer. Raises Refusal if that is next to nothing."""
        audio_format = self._context.input_format
        length = self._buffer.milliseconds(audio_format)
        if length < _MIN_COMMIT_MS:
            raise api_errors.buffer_too_small(length)
        self._take_turn(self._buffer.take(audio_format))

    def clear(self, _: InputAudioBufferClear) -> None:
        """Forget what is in the buffer."""
        self._buffer.take(self._context.input_format)
        self._user_item = self._caption = None
        self._context.send(InputAudioBufferCleared())
        if self._responses.owes_answer:
            self._responses.answer_turn()

    def announce(self, item: Item, previous: str | None) -> None:
        """Tell that an item is there, and complete."""
        self._context.send(ConversationItemAdded(previous_item_id=previous, item=item))
        self._context.send(ConversationItemDone(previous_item_id=previous, item=item))

    def response_done(self, run: ResponseRun, until: float) -> None:
        """Answer the turn that waited, or count the silence, if the session wants that and nobody speaks already."""
        if self._buffer.speaking or not run.in_band:
            return
        timeout_ms = self._context.detection("idle_timeout_ms")
        if self._responses.owes_answer:
            self._responses.answer_turn()
        elif timeout_ms is not None:
            playback = run.playback_seconds
            start_ms = round(self._position_ms() + playback * 1000)
            self._context.idle.start(self._clock(until), playback + timeout_ms / 1000, start_ms)

    def check_idle(self, until: float) -> None:
        """Let the model speak up if nobody spoke for too long: the silence becomes a message."""
        idle = self._context.idle
        if not idle.running or idle.due > self._clock(until):
            return
        self._context.timeline.now = max(self._context.timeline.now, until if math.isfinite(until) else 0)
        idle.stop()
        self._user_item = self._context.new_id("item_")
        end = round(self._position_ms())
        start = min(idle.start_ms, end)
        self._context.send(
            InputAudioBufferTimeoutTriggered(audio_start_ms=start, audio_end_ms=end, item_id=self._user_item)
        )
        self._take_turn(self._buffer.take(self._context.input_format))
        self._responses.begin(ResponseConfig())

    def _clock(self, until: float) -> float:
        """Give seconds for the idle timeout. Without a speed only the user's audio tells the time."""
        return self._position_ms() / 1000 if math.isinf(until) else until

    def _position_ms(self) -> float:
        return self._buffer.position(self._context.input_format)

    def _listen(self, audio: bytes) -> None:
        given = self._context.input
        for signal in self._buffer.append(audio, given["format"], given["turn_detection"]):
            if isinstance(signal, SpeechStarted):
                self._speech_started(signal.ms)
            else:
                self._speech_stopped(signal.ms, signal.audio)
        if given["turn_detection"] is None and self._user_item is None and not self._is_quiet(audio):
            self._user_item = self._context.new_id("item_")
            self._begin_caption()
        if self._caption is not None:
            self._context.send(*self._caption.more(self._buffer.milliseconds(given["format"])))

    def _speech_started(self, start_ms: int) -> None:
        self._context.idle.stop()
        self._user_item = self._context.new_id("item_")
        self._context.send(InputAudioBufferSpeechStarted(audio_start_ms=start_ms, item_id=self._user_item))
        self._begin_caption()
        if self._context.answers("interrupt_response"):
            self._responses.interrupt()

    def _speech_stopped(self, end_ms: int, audio: bytes) -> None:
        self._context.send(InputAudioBufferSpeechStopped(audio_end_ms=end_ms, item_id=self._user_item or ""))
        self._take_turn(audio)
        if self._context.answers("create_response"):
            self._responses.answer_turn()

    def _take_turn(self, audio: bytes) -> None:
        """Make a user message of `audio`."""
        key = self._user_item or self._context.new_id("item_")
        item = UserMessage(id=key, status="completed", content=[InputAudio(transcript=None)])
        previous = self._context.conversation.add(item)
        self._context.send(InputAudioBufferCommitted(previous_item_id=previous, item_id=key))
        self.announce(item, previous)
        self._transcribe(item, audio)
        self._user_item = None

    def _begin_caption(self) -> None:
        """Tell the words while they are spoken, if the model does that, and the test said what they are."""
        model = self._transcription_model()
        heard = self._context.script.next_transcript() if model in TURNLESS_MODELS else None
        if model and heard is not None and self._user_item:
            self._caption = transcription.Caption(self._user_item, model, heard)

    def _transcribe(self, item: UserMessage, audio: bytes) -> None:
        caption, self._caption = self._caption, None
        heard = caption.heard if caption else self._heard(audio)
        text, failure = (heard, None) if isinstance(heard, str) else (self._length(audio), heard)
        key, model, conversation = item_id(item), self._transcription_model(), self._context.conversation
        conversation.set_audio(key, Audio(bytearray(audio), self._context.input_format), text)
        if model is None:
            return

        def finish(transcript: str) -> None:
            conversation.replace(attrs.evolve(item, content=[InputAudio(transcript=transcript)]))

        sent = caption.sent if caption else 0
        spoken = transcription.Spoken(
            item_id=key,
            model=model,
            text=text,
            sent=sent,
            seconds=self._seconds(audio),
            failure=failure,
            include_logprobs=_LOGPROBS in (self._context.settings["include"] or ()),
        )
        self._context.timeline.start(transcription.task(spoken, finish))

    def _transcription_model(self) -> str | None:
        model: str | None = (self._context.input["transcription"] or {}).get("model")
        return model

    def _heard(self, audio: bytes) -> Heard:
        if self._is_quiet(audio):
            return ""
        scripted = self._context.script.next_transcript()
        return self._length(audio) if scripted is None else scripted

    def _length(self, audio: bytes) -> str:
        """Give the words of speech that nobody scripted."""
        return f"{self._seconds(audio):.1f} seconds of speech."

    def _is_quiet(self, audio: bytes) -> bool:
        return sound.level(audio, self._context.input_format) < _QUIET

    def _seconds(self, audio: bytes) -> float:
        return len(audio) / sound.bytes_per_ms(self._context.input_format) / 1000
