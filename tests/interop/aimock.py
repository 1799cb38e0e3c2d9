"""Our client holds conversations with aimock, a server that somebody else wrote after the API.

Usage: ``python tests/interop/aimock.py FOLDER``. aimock is installed into FOLDER, once. Exits with 1 if a turn fails.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openai_realtime import (
    AsyncRealtimeClient,
    AudioTranscription,
    ConversationItemInputAudioTranscriptionCompleted,
    FunctionCallOutput,
    FunctionTool,
    RealtimeAudioInput,
    RealtimeSessionConfig,
    RealtimeTranscriptionAudioConfig,
    RealtimeTranscriptionSessionConfig,
    ResponseDone,
)
from openai_realtime.errors import BetaRetiredError

FIXTURES = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hello there."}},
    {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "It is sunny in Rome."}},
    {
        "match": {"userMessage": "weather"},
        "response": {"toolCalls": [{"name": "weather", "arguments": '{"city": "Rome"}'}]},
    },
    {"match": {"endpoint": "realtime-transcription"}, "response": {"transcription": {"text": "Good morning."}}},
]
MODEL = "gpt-realtime-2.1"
DEADLINE = 20.0
WRITTEN = RealtimeSessionConfig(
    output_modalities=["text"], tools=[FunctionTool(name="weather", parameters={"type": "object"})]
)
TRANSCRIBED = RealtimeTranscriptionSessionConfig(
    audio=RealtimeTranscriptionAudioConfig(
        input=RealtimeAudioInput(transcription=AudioTranscription(model="gpt-4o-transcribe"), turn_detection=None)
    )
)


async def text(client: AsyncRealtimeClient) -> None:
    async with client.connect(model=MODEL, session=WRITTEN) as connection:
        assert (await connection.ask("Say hello.", timeout=DEADLINE)).text == "Hello there."


async def tool(client: AsyncRealtimeClient) -> None:
    async with client.connect(model=MODEL, session=WRITTEN) as connection:
        (call,) = (await connection.ask("What is the weather?", timeout=DEADLINE)).function_calls
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Rome"})
        await connection.create_item(FunctionCallOutput(call_id=call.call_id, output="sunny"))
        await connection.create_response()
        message: Any = (await connection.wait_for(ResponseDone, DEADLINE)).response.output[0]
        assert message.content[0].text == "It is sunny in Rome."


async def transcription_session(client: AsyncRealtimeClient) -> None:
    async with client.connect(intent="transcription", session=TRANSCRIBED) as connection:
        await connection.append_audio(bytes(48_000))
        await connection.commit_audio()
        completed = await connection.wait_for(ConversationItemInputAudioTranscriptionCompleted, DEADLINE)
        assert completed.transcript == "Good morning."


async def beta(client: AsyncRealtimeClient) -> None:
    try:
        async with client.connect(model=MODEL, dialect="beta"):
            pass
    except BetaRetiredError:
        return
    raise AssertionError("the beta was not refused")


TURNS: list[Callable[[AsyncRealtimeClient], Coroutine[Any, Any, None]]] = [text, tool, transcription_session, beta]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """Run aimock with the fixtures; give its base URL."""
    home = folder / "aimock"
    if not (home / "node_modules").exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "@copilotkit/aimock"], cwd=home, check=True)  # noqa: ASYNC221
    fixtures = home / "fixtures.json"
    fixtures.write_text(json.dumps({"fixtures": FIXTURES}))
    command = ["node", "node_modules/@copilotkit/aimock/dist/cli.js", "-p", "0", "-f", str(fixtures.resolve())]
    server = await asyncio.create_subprocess_exec(*command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert server.stdout is not None
        while not (found := re.search(rb"listening on (http://\S+)", await server.stdout.readline())):
            pass
        yield found[1].decode() + "/v1"
    finally:
        server.terminate()
        await server.wait()


async def main(folder: Path) -> int:
    """Hold the turns; print what came of each, and give the exit code."""
    failed = False
    async with serving(folder) as base_url, AsyncRealtimeClient(base_url=base_url, api_key="sk-mock") as client:
        for turn in TURNS:
            try:
                await asyncio.wait_for(turn(client), DEADLINE)
            except Exception as error:  # noqa: BLE001 - told in the table
                failed = True
                print(f"aimock  {turn.__name__:24} FAILED  {type(error).__name__}: {error}")
            else:
                print(f"aimock  {turn.__name__:24} ok")
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
