"""How programs read a session, for type checkers only: no ignores, no questions of absence."""

import json

from openai_realtime import (
    AsyncRealtimeClient,
    FunctionCall,
    FunctionCallOutput,
    RealtimeCreateClientSecretRequest,
    ResponseDone,
    SessionCreated,
)
from openai_realtime.models import RealtimeSession


async def answer_function_calls(client: AsyncRealtimeClient) -> None:
    """Call functions and give their results back."""
    async with client.connect(model="gpt-realtime-2.1") as connection:
        async for event in connection:
            if not isinstance(event, ResponseDone):
                continue
            for item in event.response.output:
                if isinstance(item, FunctionCall):
                    result = {item.name: json.loads(item.arguments)}
                    await connection.create_item(FunctionCallOutput(call_id=item.call_id, output=json.dumps(result)))
            if event.response.usage is not None:
                print(event.response.usage.total_tokens + 1, event.response.id.upper())


async def read_what_a_server_always_sends(client: AsyncRealtimeClient) -> None:
    """Use ids, the effective session and the HTTP facts as they are."""
    secret = await client.create_realtime_client_secret(RealtimeCreateClientSecretRequest())
    print(secret.http.status + 1, secret.raw["value"])
    async with client.connect(model="gpt-realtime-2.1") as connection:
        async for event in connection:
            print(event.event_id.upper(), event.raw["type"])
            if isinstance(event, SessionCreated) and isinstance(event.session, RealtimeSession):
                session = event.session
                print(session.id.upper(), session.model.upper(), session.instructions.upper(), len(session.tools))
                print(session.audio.output.voice, session.audio.output.speed + 1, session.audio.input.format.type)
