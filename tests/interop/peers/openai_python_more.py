"""openai, the official package for Python: what its users do beyond the turns of all peers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import turns
from openai_python import Session, session
from turns import expect
from websockets.exceptions import ConnectionClosed

IMAGE = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
TEXT: Any = {"output_modalities": ["text"]}
PUSH_TO_TALK: Any = {"audio": {"input": {"turn_detection": None}}}


def client(**options: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(**{"base_url": turns.BASE_URL, "api_key": turns.API_KEY, **options})


async def script(**document: Any) -> None:
    """Tell the emulator, through its control API, what it says next."""
    async with client(base_url=turns.BASE_URL.replace("/v1", "/emulator")) as control:
        await control.post("/script", cast_to=object, body=document)


@asynccontextmanager
async def connected(opener: Any, **options: Any) -> AsyncIterator[Session]:
    """Open a session as it is."""
    async with opener as made, made.realtime.connect(**options) as connection:
        opened = Session(connection)
        await opened.until("session.created")
        yield opened


async def refused(opened: Session, code: str) -> Any:
    """Wait for an error event with this code."""
    event = await opened.connection.recv()
    while event.type != "error":
        event = await opened.connection.recv()
    expect(event.error.code, code, "code")
    return event


async def said(opened: Session) -> str:
    """Give the text of the answer that ends next."""
    response = await opened.answer()
    expect(response.status, "completed", "status")
    return str(response.output[-1].content[0].text)


async def out_of_band() -> None:
    async with session() as opened:
        await opened.ask(turns.STORY)
        await opened.until("response.output_audio.delta")
        asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": turns.HELLO}]}
        await opened.connection.response.create(
            response={"conversation": "none", "metadata": {"topic": "greeting"}, "input": [asked], **TEXT}
        )
        events = await opened.until("response.done")
        while (events[-1].response.metadata or {}).get("topic") != "greeting":
            events += await opened.until("response.done")
        response = events[-1].response
        expect((response.conversation_id, response.output[0].content[0].text), (None, turns.HELLO_BACK), "answer")
        named = [event.item.id for event in events if event.type == "conversation.item.added"]
        expect(response.output[0].id in named, wanted=False, what="told of as an item of the conversation")


async def history() -> None:
    seeded = [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I am Ada."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello, Ada."}]},
        {"type": "function_call", "call_id": "call_seed", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_seed", "output": "rain"},
    ]
    async with session(**TEXT) as opened:
        for item in seeded:
            await opened.connection.conversation.item.create(item=item)
            expect((await opened.until("conversation.item.done"))[-1].item.type, item["type"], "type")
        await opened.ask(turns.HELLO)
        expect(await said(opened), turns.HELLO_BACK, "text")


async def image() -> None:
    content = [
        {"type": "input_text", "text": turns.HELLO},
        {"type": "input_image", "image_url": IMAGE, "detail": "low"},
    ]
    async with session(**TEXT) as opened:
        await opened.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        added = (await opened.until("conversation.item.added"))[-1].item
        expect([part.type for part in added.content], ["input_text", "input_image"], "parts")
        await opened.connection.response.create()
        expect(await said(opened), turns.HELLO_BACK, "text")


async def mcp() -> None:
    tool = {"name": "search", "input_schema": {"type": "object"}}
    call = {"server_label": "docs", "name": "search", "output": "Nothing."}
    await script(mcp_servers=[{"server_label": "docs", "tools": [tool]}], replies=[{"tool_calls": [call]}])
    server = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.invalid", "require_approval": "always"}
    async with session(**TEXT, tools=[server]) as opened:
        events = await opened.until("mcp_list_tools.completed")
        listed = next(event.item for event in events if event.type == "conversation.item.done")
        expect([tool.name for tool in listed.tools], ["search"], "tools")
        await opened.ask("Search.")
        request = (await opened.answer()).output[0]
        expect(request.type, "mcp_approval_request", "type")
        answer = {"type": "mcp_approval_response", "id": "approved", "approval_request_id": request.id, "approve": True}
        await opened.connection.conversation.item.create(item=answer)
        await opened.connection.response.create()
        await opened.until("response.mcp_call.completed")
        await opened.connection.response.create(response={"tool_choice": "none"})
        expect(await said(opened), "Nothing.", "text")


async def parallel_tools() -> None:
    calls = [{"name": "weather", "arguments": {"city": city}} for city in ("Rome", "Oslo")]
    await script(replies=[{"tool_calls": calls}])
    weather = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    async with session(**TEXT, tools=[weather], tool_choice="required") as opened:
        await opened.ask("What is the weather in both?")
        output = (await opened.answer()).output
        expect([item.type for item in output], ["function_call"] * 2, "output")
        for item in output:
            done = {"type": "function_call_output", "call_id": item.call_id, "output": "sun"}
            await opened.connection.conversation.item.create(item=done)
        await opened.connection.response.create()
        expect(await said(opened), "sun", "text")


async def update_in_the_middle() -> None:
    async with session() as opened:
        voice = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
        await opened.connection.session.update(session=voice)
        updated = (await opened.until("session.updated"))[-1].session
        expect(updated.audio.output.voice, "cedar", "voice")
        await opened.ask(turns.HELLO)
        expect((await opened.answer()).audio.output.voice, "cedar", "voice of the answer")
        weather = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
        await opened.connection.session.update(session={"type": "realtime", "instructions": "x", "tools": [weather]})
        updated = (await opened.until("session.updated"))[-1].session
        expect((updated.instructions, updated.tools[0].name), ("x", "weather"), "settings")
        voice["audio"]["output"]["voice"] = "marin"
        await opened.connection.session.update(session=voice, event_id="late")
        expect((await refused(opened, "cannot_update_voice")).error.event_id, "late", "event")


async def push_to_talk() -> None:
    async with session(**PUSH_TO_TALK) as opened:
        await opened.connection.input_audio_buffer.append(audio=base64.b64encode(bytes(960)).decode())
        await opened.connection.input_audio_buffer.clear()
        await opened.until("input_audio_buffer.cleared")
        await opened.speak()
        await opened.connection.input_audio_buffer.commit()
        events = await opened.until("conversation.item.done")
        expect([event.type for event in events if "speech" in event.type], [], "speech")
        await opened.connection.response.create()
        expect((await opened.answer()).output[0].content[0].transcript, turns.HEARD, "transcript")
        await opened.connection.input_audio_buffer.commit()
        await refused(opened, "input_audio_buffer_commit_empty")


async def items() -> None:
    async with session(**TEXT) as opened:
        item = opened.connection.conversation.item
        content = [{"type": "input_text", "text": "one"}]
        await item.create(item={"id": "one", "type": "message", "role": "user", "content": content})
        await item.create(item={"type": "message", "role": "user", "content": content}, previous_item_id="root")
        await opened.until("conversation.item.done")
        first = (await opened.until("conversation.item.done"))[-1]
        expect(first.previous_item_id, None, "the item before the first")
        await item.retrieve(item_id="one")
        expect((await opened.until("conversation.item.retrieved"))[-1].item.content[0].text, "one", "text")
        await item.delete(item_id="one")
        expect((await opened.until("conversation.item.deleted"))[-1].item_id, "one", "id")
        await item.retrieve(item_id="one")
        await refused(opened, "item_retrieve_invalid_item_id")


async def semantic_vad() -> None:
    detection = {"type": "semantic_vad", "eagerness": "high"}
    async with session(audio={"input": {"turn_detection": detection}}) as opened:
        await opened.speak()
        events = await opened.until("response.done")
        expect({"input_audio_buffer.speech_started"} <= {event.type for event in events}, wanted=True, what="speech")


async def idle_timeout() -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    async with session(audio={"input": {"turn_detection": detection}}) as opened:
        await opened.ask(turns.HELLO)
        await opened.answer()
        for _ in range(80):  # the microphone is open
            await opened.connection.input_audio_buffer.append(audio=base64.b64encode(bytes(4800)).decode())
        events = await opened.until("input_audio_buffer.timeout_triggered")
        events += await opened.until("input_audio_buffer.committed")
        expect(events[-1].item_id, next(e.item_id for e in events if e.type.endswith("triggered")), "item")
        expect((await opened.answer()).status, "completed", "status")


async def close_by_either_side() -> None:
    async with connected(client(), model=turns.MODEL) as opened:
        await opened.connection.close(code=1000, reason="bye")
    async with connected(client(), model=turns.MODEL) as opened:
        await script(faults=[{"fault": "close", "code": 1012, "reason": "restart", "now": True}])
        try:
            while True:
                await opened.connection.recv()
        except ConnectionClosed as closed:
            expect((closed.rcvd and closed.rcvd.code, closed.rcvd and closed.rcvd.reason), (1012, "restart"), "end")


async def sessions_one_after_another() -> None:
    async with client() as made:
        ids = set()
        for _ in range(3):
            async with made.realtime.connect(model=turns.MODEL) as connection:
                ids.add((await connection.recv()).session.id)
        expect(len(ids), 3, "sessions")


async def reconnect_after_a_drop() -> None:
    again: list[Any] = []
    await script(faults=[{"fault": "drop", "at": 3}])

    def reconnecting(event: Any) -> None:
        again.append(event)

    async with (
        client() as made,
        made.realtime.connect(model=turns.MODEL, on_reconnecting=reconnecting, initial_delay=0.01) as connection,
    ):
        opened = Session(connection)
        async for event in connection:
            if event.type == "session.created":
                await opened.ask(turns.HELLO)
            elif event.type == "response.done":
                expect((event.response.status, len(again)), ("completed", 1), "status, and times it reconnected")
                break


async def tracing() -> None:
    traced = {"workflow_name": "tests", "group_id": "1", "metadata": {"a": "b"}}
    async with session(tracing=traced) as opened:
        await opened.connection.session.update(session={"type": "realtime", "tracing": None})
        expect((await opened.until("session.updated"))[-1].session.tracing, None, "tracing")


async def prompts() -> None:
    prompt = {"id": "pmpt_1", "version": "2", "variables": {"city": "Rome"}}
    async with session(prompt=prompt, truncation={"type": "retention_ratio", "retention_ratio": 0.8}) as opened:
        await opened.connection.response.create(response={"prompt": prompt})
        expect((await opened.answer()).status, "completed", "status")


async def azure() -> None:
    base_url = turns.BASE_URL.replace("/v1", "/openai/v1")
    headers = {"api-key": turns.API_KEY}
    async with connected(client(base_url=base_url), model="my-deployment", extra_headers=headers) as opened:
        await opened.connection.session.update(session={"type": "realtime", **TEXT})
        await opened.until("session.updated")
        await opened.ask(turns.HELLO)
        expect(await said(opened), turns.HELLO_BACK, "text")


async def azure_preview() -> None:
    made = openai.AsyncAzureOpenAI(
        azure_endpoint=turns.BASE_URL.removesuffix("/v1"),
        websocket_base_url=turns.BASE_URL.replace("http", "ws", 1).replace("/v1", "/openai"),
        api_key=turns.API_KEY,
        api_version="2025-04-01-preview",
    )
    async with connected(made, model="my-deployment") as opened:
        await opened.connection.send({"type": "session.update", "session": {"modalities": ["text"]}})
        await opened.until("session.updated")
        await opened.ask(turns.HELLO)
        events = await opened.until("response.done")
        written = [event.delta for event in events if event.type == "response.text.delta"]
        expect("".join(written), turns.HELLO_BACK, "text")


async def client_secret_in_a_subprotocol() -> None:
    async with client() as made:
        wanted: Any = {"type": "realtime", "model": turns.MODEL, "instructions": "Be brief.", **TEXT}
        secret = await made.realtime.client_secrets.create(
            session=wanted, expires_after={"anchor": "created_at", "seconds": 60}
        )
    options: Any = {"subprotocols": ["realtime", f"openai-insecure-api-key.{secret.value}"]}
    opener = client(api_key=secret.value)
    async with connected(opener, model=turns.MODEL, websocket_connection_options=options) as opened:
        await opened.ask(turns.HELLO)
        expect(await said(opened), turns.HELLO_BACK, "text")


async def max_output_tokens() -> None:
    async with session(**TEXT) as opened:
        await opened.connection.response.create(
            response={"max_output_tokens": 5, "instructions": "x", "input": [_story()]}
        )
        response = await opened.answer()
        expect((response.status, response.status_details.reason), ("incomplete", "max_output_tokens"), "end")
        expect(response.output[0].status, "incomplete", "status of the item")


def _story() -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a story"}]}


async def filtered_and_failed() -> None:
    failure = {"type": "server_error", "code": "server_error", "message": "Out of words."}
    await script(replies=[{"text": "I am", "incomplete": "content_filter"}, {"failure": failure}])
    async with session(**TEXT) as opened:
        await opened.connection.response.create()
        response = await opened.answer()
        expect((response.status, response.status_details.reason), ("incomplete", "content_filter"), "end")
        await opened.connection.response.create()
        response = await opened.answer()
        expect((response.status, response.status_details.error.code), ("failed", "server_error"), "end")


async def rate_limits() -> None:
    async with session(**TEXT) as opened:
        await opened.ask(turns.HELLO)
        done = await opened.answer()
        (limit,) = (await opened.until("rate_limits.updated"))[-1].rate_limits
        expect((limit.name, limit.limit - limit.remaining), ("tokens", done.usage.total_tokens), "limit")


async def transcription_failed() -> None:
    await script(transcripts=[{"failure": {"code": "audio_unintelligible", "message": "Too much noise."}}])
    async with session(audio={"input": {"transcription": {"model": turns.TRANSCRIPTION_MODEL}}}) as opened:
        await opened.speak()
        *_, failed = await opened.until("conversation.item.input_audio_transcription.failed")
        expect(failed.error.code, "audio_unintelligible", "code")


async def log_probabilities() -> None:
    heard = {"input": {"transcription": {"model": turns.TRANSCRIPTION_MODEL}}}
    async with session(audio=heard, include=["item.input_audio_transcription.logprobs"]) as opened:
        await opened.speak()
        *_, completed = await opened.until("conversation.item.input_audio_transcription.completed")
        told = "".join(one.token for one in completed.logprobs or [])
        expect(told, completed.transcript, "tokens")


async def translation() -> None:
    await script(transcripts=["Good morning"])
    async with client() as made, made.realtime.translations.connect(model="gpt-realtime-translate") as connection:
        opened = Session(connection)
        await opened.until("session.created")
        await connection.session.update(session={"audio": {"output": {"language": "es"}}})
        await opened.until("session.updated")
        async for piece in turns.speech():
            await connection.session.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        await connection.session.close()
        await opened.until("session.closed")


async def errors_of_the_handshake() -> None:
    for options, key, code in (
        ({"model": turns.MODEL}, "sk-wrong", "invalid_api_key"),
        ({"model": "gpt-nope"}, turns.API_KEY, "invalid_model"),
    ):
        async with client(api_key=key) as made, made.realtime.connect(**options) as connection:
            await refused(Session(connection), code)


if __name__ == "__main__":
    asyncio.run(
        turns.hold(
            *(out_of_band, history, image, mcp, parallel_tools, update_in_the_middle, push_to_talk, items),
            *(semantic_vad, idle_timeout, close_by_either_side, sessions_one_after_another, reconnect_after_a_drop),
            *(tracing, prompts, azure, azure_preview, client_secret_in_a_subprotocol, max_output_tokens),
            *(filtered_and_failed, rate_limits, transcription_failed, log_probabilities, translation),
            errors_of_the_handshake,
        )
    )
