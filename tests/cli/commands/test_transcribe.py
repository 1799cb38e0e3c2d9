import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from support.cli import PAUSE, SECOND, caption, error_line, run, wav

from openai_realtime import decode_server_event, encode
from openai_realtime.cli.captions import Captions
from openai_realtime.cli.commands import transcribe as transcribe_module
from openai_realtime.cli.commands.transcribe import Pauses
from openai_realtime.cli.progress import Screen
from openai_realtime.emulator import Emulator, faults
from openai_realtime.errors import APITimeoutError, RealtimeEventError

FAILED = json.dumps(
    {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "x",
        "error": {"message": "too \x1b[31m loud"},
    }
)


def test_transcribe_prints_a_line_a_turn(emulator: Emulator, tmp_path: Path) -> None:
    emulator.queue_transcripts("One.", " Two\nlines. ", "Three.")
    result = run("transcribe", wav(tmp_path / "a.wav", *[SECOND, PAUSE] * 2, SECOND))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "One.\nTwo lines.\nThree.\n", "")
    assert [request.path for request in emulator.requests] == ["/v1/realtime?intent=transcription"]


def test_transcribe_reads_standard_input(emulator: Emulator, tmp_path: Path) -> None:
    data = Path(wav(tmp_path / "a.wav", SECOND)).read_bytes()
    assert run("transcribe", "-", input=data).stdout == "1.0 seconds of speech.\n"


def test_transcribe_resamples_and_mixes(emulator: Emulator, tmp_path: Path) -> None:
    stereo = b"".join(SECOND[index : index + 2] * 2 for index in range(0, len(SECOND), 2))
    assert run("transcribe", wav(tmp_path / "a.wav", stereo, rate=48_000, channels=2)).stdout == (
        "0.5 seconds of speech.\n"
    )


def test_transcribe_in_real_time(emulator: Emulator, tmp_path: Path) -> None:
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND[:12_000]), "--realtime")
    assert (result.exit_code, result.stdout) == (0, "0.2 seconds of speech.\n")


def test_json_of_transcribe_is_the_events(emulator: Emulator, tmp_path: Path) -> None:
    emulator.queue_transcripts("One two.")
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["type"].rpartition(".")[2] for event in events] == ["delta", "delta", "completed"]
    assert (events[-1]["transcript"], events[-1]["usage"]) == ("One two.", {"type": "duration", "seconds": 1})


@pytest.mark.parametrize("model", ["gpt-live-transcribe", "gpt-realtime-whisper", "whisper-1", "gpt-4o-transcribe"])
def test_models_with_and_without_turns(emulator: Emulator, tmp_path: Path, model: str) -> None:
    emulator.queue_transcripts("All of it.")
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--model", model)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "All of it.\n", "")


def test_a_model_without_turns_gets_them_from_pauses(emulator: Emulator, tmp_path: Path) -> None:
    emulator.queue_transcripts("One.", "Two.")
    path = wav(tmp_path / "a.wav", *[SECOND, PAUSE] * 11, SECOND)
    result = run("transcribe", path, "--model", "gpt-live-transcribe")
    assert (result.exit_code, result.stdout) == (0, "One.\nTwo.\n")


@pytest.mark.parametrize("length", [480, 2 * len(SECOND)])
def test_a_file_without_speech(emulator: Emulator, tmp_path: Path, length: int) -> None:
    result = run("transcribe", wav(tmp_path / "a.wav", bytes(length)))
    assert (result.exit_code, result.stdout, error_line(result)) == (0, "", "No speech was found.")


def test_a_turn_that_fails_is_told_and_exit_1(emulator: Emulator, tmp_path: Path) -> None:
    emulator.inject_fault(faults.Message(at="input_audio_buffer.committed", message=FAILED))
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND))
    assert (result.exit_code, result.stdout) == (1, "1.0 seconds of speech.\n")
    assert result.stderr.splitlines() == [
        "Error: a turn could not be transcribed: too ?[31m loud",
        "Error: 1 turn could not be transcribed",
    ]


def test_json_has_the_failed_turn_too(emulator: Emulator, tmp_path: Path) -> None:
    emulator.inject_fault(faults.Message(at="input_audio_buffer.committed", message=FAILED))
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--json")
    assert json.loads(result.stdout.splitlines()[0]) == json.loads(FAILED)
    assert error_line(result) == "Error: 1 turn could not be transcribed"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.Drop(at="input_audio_buffer.committed"), "Error: closed with 1006"),
        (
            faults.Message(at="input_audio_buffer.committed", message='{"type":"error","error":{"code":"x"}}'),
            "Error: x: no message",
        ),
        (
            faults.Close(at="conversation.item.input_audio_transcription.completed", code=1000),
            "Error: closed with 1000",
        ),
    ],
)
def test_a_session_that_ends_too_early(emulator: Emulator, tmp_path: Path, fault: faults.Fault, message: str) -> None:
    emulator.inject_fault(fault)
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND))
    assert result.exit_code == 1
    assert result.stdout in ("", "1.0 seconds of speech.\n")  # the turn may have come meanwhile
    assert error_line(result).startswith(message)


def test_a_model_that_does_not_transcribe(emulator: Emulator, tmp_path: Path) -> None:
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--model", "nope")
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: invalid_value: ")


class Refusing:
    """A connection whose server refuses the commit."""

    async def commit_audio(self) -> NoReturn:
        raise RealtimeEventError({"error": {"code": "server_error", "message": "Sorry."}})


def test_another_refusal_of_the_last_commit_is_an_error() -> None:
    job = transcribe_module._Job(audio=None, model="gpt-live-transcribe", language=None, realtime=False)
    with pytest.raises(RealtimeEventError, match="Sorry"):
        asyncio.run(transcribe_module._finish(Refusing(), job))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("no"), "not a WAV file"),
        (wav, "holds no audio"),
        (lambda path: wav(path, SECOND, rate=44_100), "pip install 'openai-realtime[audio]'"),
    ],
)
def test_a_file_that_cannot_be_sent(
    emulator: Emulator, tmp_path: Path, make: Callable[[Path], object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    make(tmp_path / "a.wav")
    result = run("transcribe", str(tmp_path / "a.wav"))
    assert result.exit_code == 2
    assert error_line(result).startswith(f"Error: {tmp_path}/a.wav: ")
    assert message in error_line(result)
    assert emulator.requests == []


def test_no_such_file() -> None:
    result = run("transcribe", "none.wav")
    assert result.exit_code == 2
    assert "'none.wav': No such file or directory" in error_line(result)


@pytest.mark.parametrize(("model", "detects"), [("gpt-transcribe", True), ("gpt-live-transcribe-2026-09-01", False)])
def test_the_session_of_transcribe(model: str, detects: bool) -> None:  # noqa: FBT001 - a parameter of the table
    job = transcribe_module._Job(audio=None, model=model, language="de", realtime=False)
    assert job.detects_turns == detects
    assert json.loads(encode(job.session(detection=detects))) == {
        "type": "transcription",
        "audio": {
            "input": {
                "transcription": {"model": model, "language": "de"},
                "turn_detection": {"type": "server_vad"} if detects else None,
            }
        },
    }


class Silent:
    """A connection that says these events and then nothing."""

    def __init__(self, *events: Any) -> None:
        self._events = list(events)
        self.timeouts: list[float | None] = []

    async def receive(self, timeout: float | None) -> Any:
        self.timeouts.append(timeout)
        if not self._events:
            raise APITimeoutError("no event")
        return self._events.pop(0)


def test_a_server_that_never_tells_a_transcript_is_not_waited_for_forever() -> None:
    cleared = decode_server_event('{"type":"input_audio_buffer.cleared"}')
    connection = Silent(caption("committed", "a"), caption("committed", "b"), cleared)
    screen = Screen(1.0, as_json=False)
    with pytest.raises(APITimeoutError, match="no transcript of 2 turns within 60 seconds"):
        asyncio.run(transcribe_module._listen(connection, Captions(), screen))
    assert connection.timeouts == [None, None, None, 60.0]


def test_turns_end_in_a_pause_or_when_they_are_long() -> None:
    loud, quiet = SECOND[:4800], bytes(4800)  # 100 ms
    pauses = Pauses()
    blocks = [loud, quiet] * 73 + [loud] * 10 + [b"", quiet] + [quiet] * 140 + [loud] * 700
    ends = [index for index, block in enumerate(blocks) if pauses.end_turn(block)]
    assert ends == [157, 157 + 140 + 460]
