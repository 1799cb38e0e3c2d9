"""Our client holds conversations with aimock, a server that somebody else wrote after the API.

Usage: ``python tests/interop/aimock.py FOLDER``. aimock is installed into FOLDER, once. Exits with 1 if a turn fails.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from ours import DEADLINE, hold, serving

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


async def main(folder: Path) -> int:
    """Hold the turns, and give the exit code."""
    home = folder / "aimock"
    home.mkdir(parents=True, exist_ok=True)
    (home / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}))
    command = ["node_modules/@copilotkit/aimock/dist/cli.js", "-p", "0", "-f", str((home / "fixtures.json").resolve())]
    async with serving(home, "@copilotkit/aimock", *command) as url:
        return await hold("aimock", f"{url}/v1", [text, tool, transcription_session, beta])


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
