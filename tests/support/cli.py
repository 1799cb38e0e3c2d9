"""The command line in this process and in one of its own, with a terminal and without."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import select
import struct
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any, Self

from click.testing import CliRunner, Result

from openai_realtime import decode_server_event
from openai_realtime.cli import main
from openai_realtime.emulator import Emulator, Reply

DEADLINE = 60.0  # seconds; the most that any wait takes


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="openai-realtime", **options)


def write(path: Path, data: Any) -> str:
    path.write_text(json.dumps(data))
    return str(path)


def error_line(result: Result | subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr; the advice after it is asserted where it is the subject."""
    assert result.stderr.endswith("\n")
    first, *advice = result.stderr.splitlines()
    assert len(advice) <= 1, result.stderr
    assert all(line.startswith("-> ") for line in advice)
    return first


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "openai_realtime", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **options)  # noqa: S603


def read_until(stream: Any, text: str) -> str:
    """What `stream` brings until `text` is in it."""
    seen = ""
    while text not in seen:
        ready, _, _ = select.select([stream], [], [], DEADLINE)
        assert ready, f"nothing more after {seen!r}"
        data = os.read(stream.fileno(), 4096)
        assert data, f"it ended after {seen!r}"
        seen += data.decode()
    return seen


SECOND = b"".join(struct.pack("<h", round(9000 * math.sin(index * math.pi / 40))) for index in range(24_000))


PAUSE = bytes(24_000)  # half a second, which ends a turn


def config_seen(emulator: Emulator) -> list[Any]:
    """The session's settings, once the model has answered."""
    seen: list[Any] = []

    def look(_: str) -> bool:
        (connection,) = emulator._sessions.connections
        seen.append(connection.session._config)  # type: ignore[attr-defined]
        return True

    emulator.reply(Reply(text="Yes.", audio=SECOND), when=look)
    return seen


def wav(path: Path, *pieces: bytes, rate: int = 24_000, channels: int = 1) -> str:
    with wave.open(str(path), "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(b"".join(pieces))
    return str(path)


class Terminal:
    """A process with a terminal of its own, in which ^C is Ctrl-C. `stdout` may be elsewhere."""

    def __init__(self, *arguments: str, columns: int = 80, stdout: Any = None) -> None:
        self.master, slave = os.openpty()
        # Opened anew by a session's leader, a terminal becomes the one whose Ctrl-C is the session's.
        code = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, sys.argv[1:])"
        command = [sys.executable, "-c", code, sys.executable, "-m", "openai_realtime", *arguments]
        environment = {**os.environ, "COLUMNS": str(columns)}
        self.process = subprocess.Popen(  # noqa: S603
            command, stdin=slave, stdout=stdout or slave, stderr=slave, start_new_session=True, env=environment
        )
        os.close(slave)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)
        os.close(self.master)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, text: str) -> str:
        """What comes, up to `text`; more may stay in `seen`."""
        while text not in self.seen:
            assert self._more(), f"it ended after {self.seen!r}"
        before, found, self.seen = self.seen.partition(text)
        return before + found

    def end(self) -> int:
        """The exit code. What came until then is in `seen`."""
        while self._more():
            pass
        return self.process.wait(DEADLINE)

    def interrupted(self) -> int:
        """The exit code after Ctrl-C at a prompt. readline may miss one that comes just before it listens."""
        for _ in range(10):
            self.type("\x03")
            ready, _, _ = select.select([self.master], [], [], 2.0)
            if ready:
                break
        return self.end()

    def _more(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], DEADLINE)
        assert ready, f"nothing more after {self.seen!r}"
        with contextlib.suppress(OSError):  # Linux's way to say that the other side is closed
            data = os.read(self.master, 65536)
            self.seen += data.decode(errors="replace")
            return bool(data)
        return False


def shown(text: str) -> list[str]:
    """What a terminal shows after `text`: lines, without empty ones. It knows what rich sends, and nothing else."""
    lines, row, column = [""], 0, 0
    for control, code, plain in re.findall(r"(\x1b\[([?\d;]*[A-Za-z]))|([^\x1b])", text):
        if control:
            if code.endswith("A"):
                row -= int(code[:-1] or 1)
                assert row >= 0, "above the first line"
            elif code == "2K":
                lines[row] = ""
            else:
                assert code[-1] in "mhl", code
        elif plain == "\n":
            row += 1
            lines += [""] * (row - len(lines) + 1)
        elif plain == "\r":
            column = 0
        else:
            lines[row] = lines[row].ljust(column)[:column] + plain + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines if line.strip()]


def caption(kind: str, item_id: str, **fields: Any) -> Any:
    prefix = "input_audio_buffer." if kind == "committed" else "conversation.item.input_audio_transcription."
    return decode_server_event(json.dumps({"type": prefix + kind, "item_id": item_id, "content_index": 0, **fields}))
