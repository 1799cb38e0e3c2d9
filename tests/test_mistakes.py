"""What newcomers get wrong is refused before anything is sent, in words that say what to do instead."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from openai_realtime import (
    AsyncRealtimeClient,
    ClientStateError,
    ConfigurationError,
    DecodeError,
    InvalidRequestError,
    NotFoundError,
    RealtimeClient,
    RealtimeConnection,
    RealtimeSessionConfig,
    ReconnectPolicy,
    ResponseConfig,
    ResponseEndedError,
    ResponseOutputTextDone,
    UserMessage,
    decode_server_event,
)
from openai_realtime.audio import write_wav
from openai_realtime.audio.playback import Playback
from openai_realtime.conversation import Conversation
from openai_realtime.emulator import Emulator
from openai_realtime.leash import Leash
from openai_realtime.tools import Tool, Tools
from openai_realtime.web.relay import relay
from openai_realtime.web.twilio import bridge

MODEL = "gpt-realtime-2.1"
DICT: Any = {"type": "response.create"}


def hours(day: str) -> str:
    """Say when the shop is open."""
    return f"{day}: 9 to 5"


def wav() -> bytes:
    file = io.BytesIO()
    write_wav(file, bytes(4800))
    return file.getvalue()


def refusal(kind: type[Exception], mistake: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        mistake()
    return str(caught.value)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda c: c.send(DICT), "event: a dict is not a client event, such as ResponseCreate()"),
        (lambda c: c.send('{"type": "response.create"}'), "(decode_client_event makes one from JSON)"),
        (lambda c: c.create_item("Hello"), "item: 'Hello' is not an item, such as UserMessage.from_text('Hello')"),
        (
            lambda c: c.create_item(UserMessage(content="Hello")),  # type: ignore[arg-type]
            "item.content: 'Hello' is not a list of InputText or InputAudio or InputImage",
        ),
        (lambda c: c.create_item({"role": "user"}), "(structure_request makes one from a dict)"),
        (lambda c: c.create_response("Hello"), "create_item takes what a user says"),
        (lambda c: c.create_response(ResponseConfig(output_modalities=["text", "audio"])), '["text"] or ["audio"]'),
        (lambda c: c.append_audio(base64.b64encode(bytes(48)).decode()), "no base64 and no path"),
        (lambda c: c.append_audio("hello.wav"), "audio.read_wav gives those of a file"),
        (lambda c: c.append_audio(wav()), "audio: a WAV file is not its samples alone"),
        (
            lambda c: c.wait_for("response.done"),
            "'response.done' is not an event class of the server, such as ResponseDone,",
        ),
        (lambda c: c.update_session({"voice": "marin"}), "session: a dict is not a RealtimeSessionConfig"),
        (
            lambda c: c.update_session(RealtimeSessionConfig(tools=Tools(hours))),  # type: ignore[arg-type]
            "a Tools is not a list of FunctionTool or McpTool (such as the definitions of openai_realtime.tools.Tools)",
        ),
        (
            lambda c: c.update_session(RealtimeSessionConfig(tools=[hours])),  # type: ignore[list-item]
            "session.tools[0]: a function is not FunctionTool or McpTool (such as the definitions of openai_realtime.",
        ),
    ],
)
def test_in_a_session(
    mistake: Callable[[RealtimeConnection], object], said: str, realtime_client: RealtimeClient
) -> None:
    with realtime_client.connect(model=MODEL) as connection:
        assert said in refusal(InvalidRequestError, lambda: mistake(connection))
        assert not connection.closed


def test_a_wait_for_text_where_the_model_speaks(realtime_client: RealtimeClient) -> None:
    with realtime_client.connect(model=MODEL) as connection:
        connection.create_response()
        said = refusal(ResponseEndedError, lambda: connection.wait_for(ResponseOutputTextDone, timeout=10))
    assert said == "the response ended as completed, without the event that was waited for"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "connect: missing; needs exactly one of model, call_id and intent ("),
        ({"session": RealtimeSessionConfig(model=MODEL)}, "(the model in the session's settings does not count;"),
        ({"model": MODEL, "observers": Conversation()}, "observers: a Conversation is not a list of observers"),
        (
            {"model": MODEL, "observers": [Conversation]},
            "observers[0]: a type is not an observer with the plain",
        ),
    ],
)
def test_at_connect(options: Any, said: str, realtime_client: RealtimeClient) -> None:
    assert said in refusal(InvalidRequestError, lambda: realtime_client.connect(**options).open())


def test_a_connection_that_nobody_opened(realtime_client: RealtimeClient) -> None:
    asyncio_client = AsyncRealtimeClient(api_key="sk-x")
    said = "no create_response before it is open: "
    with_: Any = realtime_client.connect(model=MODEL)
    assert refusal(AttributeError, lambda: with_.create_response) == (
        f"{said}`with client.connect(...) as c`, or open() it"
    )
    async_with: Any = asyncio_client.connect(model=MODEL)
    assert refusal(AttributeError, lambda: async_with.create_response) == (
        f"{said}`async with client.connect(...) as c`, or await it"
    )


@pytest.mark.parametrize("join", [relay, bridge])
@pytest.mark.anyio
async def test_the_websocket_of_a_framework(join: Any, async_realtime_client: AsyncRealtimeClient) -> None:
    async with async_realtime_client.connect(model=MODEL) as connection:
        given = [connection, web.WebSocketResponse()] if join is relay else [web.WebSocketResponse(), connection]
        with pytest.raises(ConfigurationError, match="a WebSocketResponse is a framework's own; serve your function"):
            await join(*given)


@pytest.mark.parametrize("wrong", [hours("Monday"), [hours]])
def test_what_is_no_function(wrong: Any) -> None:
    said = f"a {type(wrong).__name__} is no function: Tools takes functions and Tool objects, as Tools(f, g)"
    assert refusal(ConfigurationError, lambda: Tools(wrong)) == said


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda: Leash(seconds="60"), "seconds: '60' is not a number from 0, or None"),
        (lambda: Leash(tokens=-1), "tokens: -1 is not a number from 0, or None"),
        (lambda: Tools(approve=True), "approve: True is not a function of a ToolCall that gives True or False"),
        (lambda: Tool(function=hours, timeout="60"), "Tool.timeout: '60' is not a number of seconds, or None"),
        (lambda: Tool(function=hours, when_interrupted="stop"), "'stop' is not 'continue' or 'cancel'"),
        (lambda: ReconnectPolicy(retry=3), "reconnect.retry: 3 is not a RetryPolicy, such as RetryPolicy(max_ret"),
        (lambda: ReconnectPolicy(renew_before="60"), "reconnect.renew_before: '60' is not a number from 0"),
        (lambda: ReconnectPolicy(on_reconnect="x"), "reconnect.on_reconnect: str is not a function"),
    ],
)
def test_an_option_of_a_wrong_kind(mistake: Any, said: str) -> None:
    assert said in refusal(ConfigurationError, mistake)


def test_json_that_was_read_already() -> None:
    event: Any = {"type": "response.done"}
    said = "a dict is not JSON: text or bytes are wanted"
    assert refusal(DecodeError, lambda: decode_server_event(event)) == said


@pytest.mark.parametrize("wrong", ["speaker", "", 42, None])
def test_what_plays_nothing(wrong: Any) -> None:
    said = "a player is a Speaker or another Sink, 'pull', 'clock' or 'reports'"
    assert refusal(ConfigurationError, lambda: Playback(wrong)) == said


def test_an_option_that_is_none() -> None:
    options: Any = {"key": "sk-x"}
    assert refusal(ConfigurationError, lambda: RealtimeClient(**options)).startswith(
        "unknown option: key; known are api_key, base_url, "
    )


def test_a_base_url_without_its_end(realtime_emulator: Emulator) -> None:
    url = realtime_emulator.base_url.removesuffix("/v1")
    with RealtimeClient(base_url=url, api_key="sk-x") as client:
        for mistake in (client.connect(model=MODEL).open, client.create_realtime_client_secret):
            with pytest.raises(NotFoundError) as caught:
                mistake()
            assert caught.value.__notes__ == [f"the base URL is {url}: that of most servers ends in /v1"]


def test_an_emulator_that_does_not_run() -> None:
    assert "with Emulator() as emulator" in refusal(ClientStateError, lambda: Emulator().client_options)
