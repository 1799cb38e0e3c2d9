"""Translation sessions against the emulator, whose translator says what it hears, 200 ms at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from support.lifetime import DEADLINE, emulated, in_thread, no_thread_left, nothing_left

from openai_realtime import (
    APITimeoutError,
    AsyncRealtimeClient,
    AsyncRealtimeTranslationConnection,
    AuthenticationError,
    BadRequestError,
    ConnectionClosedError,
    Error,
    InputAudioBufferAppend,
    InvalidRequestError,
    RealtimeClient,
    RealtimeEventError,
    RealtimeTranslationClientSecretCreateRequest,
    RealtimeTranslationSessionUpdateRequest,
    Reconnected,
    ReconnectPolicy,
    RetryPolicy,
    SessionCreated,
    SessionExpiredError,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    SessionUpdated,
    UnknownEvent,
)
from openai_realtime.emulator import Emulator, faults
from openai_realtime.models import (
    RealtimeTranslationAudioConfig,
    RealtimeTranslationAudioInput,
    RealtimeTranslationAudioOutput,
    RealtimeTranslationSession,
    RealtimeTranslationSessionConfig,
    SessionClosed,
    TranslationTranscription,
)
from openai_realtime.models.events import ServerEvent

pytestmark = pytest.mark.anyio

E = TypeVar("E", bound=ServerEvent)

MODEL = "gpt-realtime-translate"
STEP = 9_600  # bytes of 200 ms
SPEECH = bytes(range(256)) * 150  # four steps
POLICY = ReconnectPolicy(retry=RetryPolicy(max_retries=2, initial_delay=0))


def into(language: str, **audio: Any) -> RealtimeTranslationSessionUpdateRequest:
    output = RealtimeTranslationAudioOutput(language=language)
    return RealtimeTranslationSessionUpdateRequest(audio=RealtimeTranslationAudioConfig(output=output, **audio))


FRENCH = into("fr", input=RealtimeTranslationAudioInput(transcription=TranslationTranscription(model="whisper-1")))


def only(events: Sequence[ServerEvent], cls: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, cls)]


def language(event: SessionCreated | SessionUpdated) -> object:
    assert isinstance(event.session, RealtimeTranslationSession)
    return event.session.audio.output.language


def assert_is_the_translation(events: Sequence[ServerEvent]) -> None:
    """Show that `events` hold all there is of SPEECH, in order."""
    assert [type(event) for event in events[:2]] == [SessionCreated, SessionUpdated]
    assert isinstance(events[-1], SessionClosed)
    assert [event.delta for event in only(events, SessionInputTranscriptDelta)] == ["good", " day"]
    assert [event.delta for event in only(events, SessionOutputTranscriptDelta)] == ["bon", " jour"]
    sounds = only(events, SessionOutputAudioDelta)
    assert b"".join(sound.audio for sound in sounds) == SPEECH
    assert [sound.elapsed_ms for sound in sounds] == [200, 400, 600, 800]
    assert [(sound.format, sound.sample_rate, sound.channels) for sound in sounds] == [("pcm16", 24000, 1)] * 4


async def test_a_translation() -> None:
    async with emulated() as (emulator, client):
        emulator.queue_transcripts("good day")
        emulator.reply("bon jour")
        async with client.connect_translation(model=MODEL, session=FRENCH) as connection:
            await connection.append_audio(SPEECH)
            first = await connection.wait_for(SessionOutputAudioDelta, DEADLINE)
            assert first.audio == SPEECH[:STEP]
            closed = await connection.close_session()
            events = [event async for event in connection]  # ends: the server closes in order
            assert events[-1] is closed
            assert connection.closed
            with pytest.raises(ConnectionClosedError, match="1000"):
                await connection.append_audio(SPEECH)
    assert_is_the_translation(events)
    assert emulator.requests[-1].path == f"/v1/realtime/translations?model={MODEL}"
    assert "openai-beta" not in emulator.requests[-1].headers


def test_a_translation_in_the_blocking_form() -> None:
    def run() -> list[ServerEvent]:
        with Emulator() as emulator, RealtimeClient(**emulator.client_options) as client:
            emulator.queue_transcripts("good day")
            emulator.reply("bon jour")
            with client.connect_translation(model=MODEL, session=FRENCH) as connection:
                connection.append_audio(SPEECH)
                assert connection.wait_for(SessionOutputAudioDelta, DEADLINE).audio == SPEECH[:STEP]
                with pytest.raises(APITimeoutError):
                    connection.wait_for(SessionClosed, 0.01)
                closed = connection.close_session()
                events = list(connection)
                assert events[-1] is closed
                assert connection.closed
                return events

    with no_thread_left():
        assert_is_the_translation(in_thread(run).result(DEADLINE))


async def test_the_settings_can_be_changed() -> None:
    async with emulated() as (_, client), client.connect_translation(model=MODEL) as connection:
        created = await connection.wait_for(SessionCreated, DEADLINE)
        assert language(created) is None
        both = await asyncio.gather(*(connection.update_session(into(name)) for name in ("fr", "de")))
        assert [language(updated) for updated in both] == ["fr", "de"]
        bad = RealtimeTranslationAudioInput(transcription=TranslationTranscription(model="gpt-nope"))
        with pytest.raises(RealtimeEventError, match="gpt-nope") as caught:
            await connection.update_session(into("es", input=bad))
        assert caught.value.event_id
        assert language(await connection.update_session(into("it"))) == "it"


async def test_words_come_only_where_they_are_asked_for() -> None:
    async with emulated() as (emulator, client):
        emulator.queue_transcripts("good day")
        async with client.connect_translation(model=MODEL, session=into("fr")) as connection:
            await connection.append_audio(SPEECH)
            await connection.close_session()
            events = [event async for event in connection]
    assert only(events, SessionInputTranscriptDelta) == []
    assert len(only(events, SessionOutputTranscriptDelta)) == 2


async def test_audio_of_any_length_goes_in_pieces() -> None:
    seconds = 40 * 48_000
    async with emulated() as (_, client), client.connect_translation(model=MODEL) as connection:
        appending = asyncio.create_task(connection.append_audio(bytes(seconds)))
        reading = asyncio.create_task(_read(connection))
        await appending
        await connection.append_audio(b"")
        await connection.close_session()
        sounds = only(await reading, SessionOutputAudioDelta)
    assert sum(len(sound.audio) for sound in sounds) == seconds
    assert all(later.elapsed_ms - earlier.elapsed_ms == 200 for earlier, later in pairwise(sounds))  # type: ignore[operator]


async def _read(connection: AsyncRealtimeTranslationConnection) -> list[ServerEvent]:
    return [event async for event in connection]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["", None, 7])
async def test_a_bad_model_is_refused_before_the_network(model: Any) -> None:
    async with nothing_left(), AsyncRealtimeClient(base_url="http://127.0.0.1:1/v1", api_key="sk-made-up") as client:
        with pytest.raises(InvalidRequestError, match="model"):
            async with client.connect_translation(model=model):
                pass


def test_a_bad_model_is_refused_in_the_blocking_form_too() -> None:
    with (
        no_thread_left(),
        RealtimeClient(base_url="http://127.0.0.1:1/v1", api_key="sk-made-up") as client,
        pytest.raises(InvalidRequestError, match="model"),
        client.connect_translation(model=""),
    ):
        pass


async def test_bad_audio_and_events_of_other_sessions_are_refused_before_the_network() -> None:
    async with emulated() as (_, client), client.connect_translation(model=MODEL) as connection:
        with pytest.raises(InvalidRequestError):
            await connection.update_session("fr")  # type: ignore[arg-type]
        await connection.send(InputAudioBufferAppend.from_bytes(SPEECH))  # known, and not to this session
        error = await connection.wait_for(Error, DEADLINE)
        assert error.error.param == "type"
        assert language(await connection.update_session(into("fr"))) == "fr"


async def test_refusals_of_the_server() -> None:
    async with emulated() as (emulator, client):
        for refused, model, kind, code in (
            (client, "gpt-realtime-2.1", BadRequestError, "invalid_model"),
            (client.with_options(api_key="sk-not-the-key-1234"), MODEL, AuthenticationError, "invalid_api_key"),
        ):
            with pytest.raises(kind) as caught:
                async with refused.connect_translation(model=model):
                    pass
            assert caught.value.code == code
        assert len(emulator.requests) == 2  # neither was tried again


async def test_a_client_secret_opens_its_session() -> None:
    config = RealtimeTranslationSessionConfig(
        model=MODEL, audio=RealtimeTranslationAudioConfig(output=RealtimeTranslationAudioOutput(language="fr"))
    )
    async with emulated() as (_, client):
        request = RealtimeTranslationClientSecretCreateRequest(session=config)
        secret = await client.create_realtime_translation_client_secret(request)
        assert secret.value.startswith("ek_")
        async with (
            client.with_options(api_key=secret.value).connect_translation(model=MODEL) as connection,
        ):
            assert language(await connection.wait_for(SessionCreated, DEADLINE)) == "fr"


# --- faults -----------------------------------------------------------------------------------------------------------


async def test_unknown_events_and_frames_that_hold_none() -> None:
    odd = ('{"type":"session.output_video.delta","delta":"x"}', "{nope", b"\0", '{"type":"response.done"}')
    async with emulated() as (emulator, client):
        emulator.inject_fault(*(faults.Message(at=1, message=message) for message in odd))
        async with client.connect_translation(model=MODEL) as connection:
            events = [await connection.receive(DEADLINE) for _ in range(5)]
            assert language(await connection.update_session(into("fr"))) == "fr"
    _, unknown, invalid, binary, foreign = events
    assert type(unknown) is type(foreign) is UnknownEvent  # another dialect's events are unknown here
    assert unknown.raw == {"type": "session.output_video.delta", "delta": "x"}
    assert [error.error.code for error in only([invalid, binary], Error)] == ["invalid_json", "invalid_event"]


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (faults.Drop(at=4), ConnectionClosedError, 1006),
        (faults.Close(at=4, code=1011), ConnectionClosedError, 1011),
        (faults.Expire(at=4), SessionExpiredError, 1001),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
async def test_a_lost_connection(fault: faults.Fault, kind: type[ConnectionClosedError], code: int) -> None:
    async with emulated() as (emulator, client):
        emulator.inject_fault(fault)
        async with client.connect_translation(model=MODEL, session=FRENCH) as connection:
            closing = asyncio.create_task(connection.wait_for(SessionClosed))
            await connection.append_audio(SPEECH[: 2 * STEP])
            events = []
            with pytest.raises(ConnectionClosedError) as caught:  # noqa: PT012 - what came before the end counts
                async for event in connection:
                    events.append(event)  # noqa: PERF401
            assert (type(caught.value), caught.value.code) == (kind, code)
            assert b"".join(sound.audio for sound in only(events, SessionOutputAudioDelta)) == SPEECH[: 2 * STEP]
            with pytest.raises(kind):
                await closing


@pytest.mark.parametrize(
    "fault",
    [
        faults.Drop(),
        faults.HalfFrame(),
        faults.Close(code=1012),
        faults.Expire(),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_reconnect_restores_the_settings_and_tells_that_audio_is_lost(fault: faults.Fault) -> None:
    async with (
        emulated() as (emulator, client),
        client.connect_translation(model=MODEL, session=FRENCH, reconnect=POLICY) as connection,
    ):
        await connection.append_audio(SPEECH[: 2 * STEP])
        await connection.wait_for(lambda event: getattr(event, "elapsed_ms", 0) == 400, DEADLINE)
        waiting = asyncio.create_task(connection.wait_for(SessionClosed))
        await asyncio.sleep(0)
        emulator.inject_fault(fault, now=True)
        reconnected = await connection.wait_for(Reconnected, DEADLINE)
        assert [lost.what for lost in reconnected.lost] == ["audio"]
        assert (reconnected.restored, reconnected.resent) == ([], [])
        with pytest.raises(ConnectionClosedError) as caught:
            await waiting  # it belonged to the session that is gone
        assert caught.value.code == reconnected.code
        await connection.append_audio(SPEECH[2 * STEP :])
        await connection.close_session()
        events = await _read(connection)
    before, after = events[: events.index(reconnected)], events[events.index(reconnected) :]
    assert b"".join(sound.audio for sound in only(before, SessionOutputAudioDelta)) == SPEECH[: 2 * STEP]
    assert b"".join(sound.audio for sound in only(after, SessionOutputAudioDelta)) == SPEECH[2 * STEP :]
    assert isinstance(after[1], SessionCreated)
    assert isinstance(after[-1], SessionClosed)


def test_a_reconnect_in_the_blocking_form() -> None:
    def run() -> tuple[list[ServerEvent], int]:
        with Emulator() as emulator, RealtimeClient(**emulator.client_options) as client:
            emulator.inject_fault(faults.Drop(at=2))
            with client.connect_translation(model=MODEL, session=into("fr"), reconnect=POLICY) as connection:
                reconnected = connection.wait_for(Reconnected, DEADLINE)
                assert [lost.what for lost in reconnected.lost] == []  # nothing was said yet
                assert language(connection.update_session(into("fr"))) == "fr"
                connection.append_audio(SPEECH)
                connection.close_session()
                return list(connection), len(emulator.requests)

    with no_thread_left():
        events, connections = in_thread(run).result(DEADLINE)
    assert connections == 2
    assert b"".join(sound.audio for sound in only(events, SessionOutputAudioDelta)) == SPEECH
    assert isinstance(events[-1], SessionClosed)
