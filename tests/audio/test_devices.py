"""On miniaudio's null device, which takes and gives at the speed of a real one."""

import asyncio
import itertools
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from openai_realtime.audio import Duplex, Microphone, Speaker, duration
from openai_realtime.errors import ConfigurationError


def test_a_microphone_gives_pieces_of_about_20_ms() -> None:
    with Microphone(backend="null") as microphone:
        pieces = list(itertools.islice(microphone, 5))
    assert 0.05 < duration(b"".join(pieces)) < 0.25
    assert set(b"".join(pieces)) == {0}


def test_a_closed_microphone_ends() -> None:
    with Microphone(backend="null") as microphone:
        next(microphone)
    list(microphone)  # what it had heard
    assert next(microphone, None) is None


@pytest.mark.anyio
async def test_a_microphone_in_an_event_loop() -> None:
    with Microphone(backend="null", rate=8000) as microphone:
        async with asyncio.timeout(10):
            pieces = [await anext(microphone) for _ in range(3)]
    assert duration(b"".join(pieces), rate=8000) == pytest.approx(0.06, abs=0.03)


def test_a_slow_reader_loses_the_oldest() -> None:
    with Microphone(backend="null", max_latency_ms=60) as microphone:
        full = threading.Event()
        microphone.put = watch(microphone.put, lambda: microphone.dropped_ms > 0, full)  # type: ignore[method-assign]
        assert full.wait(30)
    assert microphone.dropped_ms > 0
    assert duration(b"".join(microphone)) <= 0.06


def watch(call: Callable[..., Any], reached: Callable[[], bool], event: threading.Event) -> Callable[..., Any]:
    def watched(*args: Any) -> Any:
        result = call(*args)
        if reached():
            event.set()
        return result

    return watched


@pytest.mark.anyio
async def test_a_speaker_reports_what_it_played() -> None:
    with Speaker(backend="null") as speaker:
        speaker.write(bytes(4800))
        await asyncio.wait_for(speaker.drain(), 30)
        assert (speaker.played, speaker.queued) == (4800, 0)
        speaker.write(bytes(480_000))
        assert 0 < speaker.clear() <= 480_000
        assert speaker.played < 480_000


def test_a_speaker_in_a_blocking_program() -> None:
    with Speaker(backend="null") as speaker:
        speaker.write(bytes(4800))
        speaker.drain_blocking(timeout=30)
    assert speaker.played == 4800


def test_a_speaker_takes_from_a_source() -> None:
    asked, enough = [], threading.Event()

    def source(size: int) -> bytes:
        asked.append(size)
        if len(asked) == 5:
            enough.set()
        return bytes(size)

    with Speaker(source, backend="null"):
        assert enough.wait(30)
    assert all(size > 0 and size % 2 == 0 for size in asked)


def play(speaker: Speaker, pcm: bytes) -> None:
    speaker.write(pcm)
    speaker.drain_blocking(timeout=30)


def test_a_source_that_raises_is_told_to_the_writer() -> None:
    failed = threading.Event()

    def source(size: int) -> bytes:
        failed.set()
        raise LookupError("no such sound")

    with Speaker(source, backend="null") as speaker:
        assert failed.wait(30)
        with pytest.raises(LookupError, match="no such sound"):
            play(speaker, bytes(480))


def test_a_device_that_goes_away_ends_both_sides() -> None:
    with Microphone(backend="null") as microphone, Speaker(backend="null") as speaker:
        for opened in (microphone, speaker):
            opened._device._device._stop_callback(None)  # as miniaudio calls it when a device is unplugged
        with pytest.raises(OSError, match="the sound device stopped"):
            list(microphone)
        with pytest.raises(OSError, match="the sound device stopped"):
            speaker.write(b"")


def test_duplex_runs_both_in_step() -> None:
    with Duplex(backend="null") as duplex:
        duplex.speaker.write(bytes(9600))
        recorded = sum(map(len, itertools.islice(duplex.microphone, 12)))
    assert recorded >= 9600
    assert duplex.speaker.played == 9600


def test_a_duplex_source_that_raises_ends_both_sides() -> None:
    def source(size: int) -> bytes:
        raise LookupError("no such sound")

    with Duplex(source, backend="null") as duplex:
        with pytest.raises(LookupError):
            list(duplex.microphone)
        with pytest.raises(LookupError):
            duplex.speaker.drain_blocking(1)


@pytest.mark.parametrize("kind", [Microphone, Speaker, Duplex])
def test_without_a_sound_device_it_says_so(kind: Callable[..., Any]) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"no sound device opens: .*; backend='null' does without one"),
        kind(backend="jack"),
    ):
        pass


def test_a_machine_with_no_device_is_not_silent_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import miniaudio  # noqa: PLC0415 - its extra is this test's own

    null = [miniaudio.Backend.NULL]
    make = miniaudio.PlaybackDevice
    monkeypatch.setattr(miniaudio, "PlaybackDevice", lambda **options: make(**options | {"backends": null}))
    with pytest.raises(ConfigurationError, match="this machine has no sound device that can be used"), Speaker():
        pass


def test_devices_are_found_by_a_part_of_their_name() -> None:
    with Microphone(backend="null", device="capture") as microphone, Speaker(backend="null", device="PLAYBACK"):
        assert next(microphone)
    with pytest.raises(ConfigurationError, match="no sound device is called 'Bose'; there are: NULL Capture Device"):
        Microphone(backend="null", device="Bose").__enter__()


def test_the_name_of_a_backend_is_checked() -> None:
    with pytest.raises(ConfigurationError, match="no audio backend is called 'loud'; there are: wasapi, "):
        Speaker(backend="loud").__enter__()


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "miniaudio", None)
    with pytest.raises(ConfigurationError) as failed:
        Microphone().__enter__()
    text = "microphone and loudspeaker need miniaudio: pip install 'openai-realtime[audio]'"
    assert str(failed.value) == text
