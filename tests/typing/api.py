# pyright: strict, reportUnnecessaryTypeIgnoreComment=error
"""The whole public API as a user writes it. Never run: mypy --strict and pyright read it.

A line with an ignore comment must be wrong for both: each reports a comment that has become unnecessary.
"""

import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, assert_never, assert_type

import aiohttp
import attrs

import openai_realtime
from openai_realtime import (
    UNSET,
    APIConnectionError,
    APIError,
    ApiKey,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AssistantMessage,
    AsyncRealtimeClient,
    AsyncRealtimeConnection,
    AsyncRealtimeTranslationConnection,
    AudioPcm,
    AudioPcma,
    AudioPcmu,
    AudioTranscription,
    AuthenticationError,
    BadRequestError,
    BetaRetiredError,
    ClientEvent,
    ClientOptions,
    ClientStateError,
    ConfigurationError,
    ConflictError,
    ConnectionClosedError,
    ConnectOptions,
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemRetrieve,
    ConversationItemRetrieved,
    ConversationItemTruncate,
    ConversationItemTruncated,
    DecodeError,
    Error,
    ErrorDetails,
    ExpiresAfter,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    InputAudio,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCleared,
    InputAudioBufferCommit,
    InputAudioBufferCommitted,
    InputAudioBufferDtmfEventReceived,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputImage,
    InputText,
    InternalServerError,
    InvalidRequestError,
    Item,
    Lost,
    Maybe,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListTools,
    McpTool,
    Migration,
    Model,
    NoiseReduction,
    NotFoundError,
    OutputAudio,
    OutputAudioBufferClear,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    OutputText,
    PermissionDeniedError,
    Problem,
    Prompt,
    RateLimitError,
    RateLimitsUpdated,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeCall,
    RealtimeCallCreateRequest,
    RealtimeCallReferRequest,
    RealtimeCallRejectRequest,
    RealtimeClient,
    RealtimeConnection,
    RealtimeCreateClientSecretRequest,
    RealtimeCreateClientSecretResponse,
    RealtimeError,
    RealtimeEventError,
    RealtimeResponse,
    RealtimeResponseUsage,
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeTranscriptionAudioConfig,
    RealtimeTranscriptionSessionConfig,
    RealtimeTranslationClientSecretCreateRequest,
    RealtimeTranslationConnection,
    RealtimeTranslationSessionUpdateRequest,
    Reasoning,
    Reconnected,
    ReconnectPolicy,
    ResponseCancel,
    ResponseConfig,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    RestorePlan,
    RetryPolicy,
    SemanticVad,
    ServerEvent,
    ServerVad,
    SessionCreated,
    SessionExpiredError,
    SessionInputAudioBufferAppend,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    SessionUpdate,
    SessionUpdated,
    SystemMessage,
    Timeout,
    Tool,
    ToolChoiceFunction,
    ToolChoiceMcp,
    TranslationSessionUpdate,
    TurnDetection,
    UnknownEvent,
    UnknownObject,
    UnprocessableEntityError,
    UnreadEventsError,
    Unset,
    UserMessage,
    VoiceId,
    decode,
    decode_client_event,
    decode_server_event,
    encode,
    structure_request,
    to_client_secret_request,
)
from openai_realtime.emulator import (
    Emulator,
    EmulatorOptions,
    McpToolCall,
    PhoneCall,
    ReceivedRequest,
    Reply,
    ToolCall,
    faults,
)
from openai_realtime.models import (
    AudioContent,
    AudioFormat,
    AudioPart,
    CachedTokenDetails,
    ContentEvent,
    ConversationCreated,
    ConversationItem,
    ConversationItemCreated,
    ConversationItemInputAudioTranscriptionSegment,
    ConversationResource,
    Dialect,
    EmptyResult,
    Event,
    FailureDetails,
    HTTPInfo,
    HTTPResult,
    Include,
    InputAudioBufferTimeoutTriggered,
    InputFileContent,
    InputImageContent,
    InputTextContent,
    InputTokenDetails,
    ItemEvent,
    ItemReference,
    ItemStatus,
    LogProb,
    MaxOutputTokens,
    McpApprovalFilter,
    McpError,
    McpListedTool,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
    McpToolFilter,
    Metadata,
    OutputEvent,
    OutputTokenDetails,
    Part,
    PromptCacheBreakpoint,
    RateLimit,
    RateLimitStatus,
    RealtimeModel,
    RealtimeResponseStatus,
    RealtimeTranscriptionSession,
    RealtimeTranslationAudioConfig,
    RealtimeTranslationAudioInput,
    RealtimeTranslationAudioOutput,
    RealtimeTranslationClientSecretCreateResponse,
    RealtimeTranslationSession,
    RealtimeTranslationSessionConfig,
    ResponseAudioConfig,
    ResponseAudioOutput,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseInputItem,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    RetentionRatioTruncation,
    SessionClose,
    SessionClosed,
    TextPart,
    TokenLimits,
    ToolChoice,
    Tracing,
    TracingConfig,
    TranscriptionDurationUsage,
    TranscriptionLanguage,
    TranscriptionModel,
    TranscriptionTokenUsage,
    TranslationNoiseReduction,
    TranslationTranscription,
    Truncation,
    Voice,
)
from openai_realtime.models.beta import (
    BetaAudioFormat,
    BetaClientSecret,
    BetaClientSecretConfig,
    BetaRealtimeResponse,
    BetaResponseConfig,
    BetaResponseCreate,
    BetaResponseCreated,
    BetaResponseDone,
    BetaSessionCreated,
    BetaSessionUpdate,
    BetaSessionUpdated,
    BetaTranscriptionClientSecretConfig,
    BetaTurnDetection,
    RealtimeSessionCreateRequest,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateRequest,
    RealtimeTranscriptionSessionCreateResponse,
    ResponseAudioDelta,
    ResponseAudioDone,
    ResponseAudioTranscriptDelta,
    ResponseAudioTranscriptDone,
    ResponseTextDelta,
    ResponseTextDone,
    TranscriptionSessionCreated,
    TranscriptionSessionUpdate,
    TranscriptionSessionUpdated,
)

# --- requests --------------------------------------------------------------------------------------------------------

SESSION = RealtimeSessionConfig(
    model="gpt-realtime-2.1",
    output_modalities=["audio"],
    instructions="Be brief.",
    audio=RealtimeAudioConfig(
        input=RealtimeAudioInput(
            format=AudioPcm(rate=24000),
            transcription=AudioTranscription(model="gpt-4o-transcribe", language="en", keywords=("one",)),
            noise_reduction=NoiseReduction(type="near_field", strength=0.5),
            turn_detection=ServerVad(threshold=0.5, silence_duration_ms=200, idle_timeout_ms=None),
        ),
        output=RealtimeAudioOutput(format=AudioPcmu(), voice=VoiceId(id="voice_1"), speed=1.25),
    ),
    include=["item.input_audio_transcription.logprobs"],
    tracing=TracingConfig(workflow_name="w", group_id="g", metadata={"a": [1, None]}),
    tools=[
        FunctionTool(name="weather", description="What it is like", parameters={"type": "object"}),
        McpTool(
            server_label="docs",
            server_url="https://example.com/mcp",
            headers={"x": "y"},
            allowed_tools=McpToolFilter(tool_names=["search"], read_only=True),
            require_approval=McpApprovalFilter(never=McpToolFilter(read_only=True)),
        ),
    ],
    tool_choice=ToolChoiceMcp(server_label="docs"),
    parallel_tool_calls=True,
    reasoning=Reasoning(effort="low"),
    max_output_tokens="inf",
    truncation=RetentionRatioTruncation(retention_ratio=0.8, token_limits=TokenLimits(post_instructions=1000)),
    prompt=Prompt(
        id="pmpt_1",
        variables={"name": "Ada", "text": InputTextContent(text="t"), "image": InputImageContent(detail="low")},
    ),
)
TRANSCRIPTION = RealtimeTranscriptionSessionConfig(
    audio=RealtimeTranscriptionAudioConfig(input=RealtimeAudioInput(turn_detection=SemanticVad(eagerness="high")))
)
SECRET = RealtimeCreateClientSecretRequest(session=SESSION, expires_after=ExpiresAfter(seconds=600))
TRANSCRIPTION_SECRET = RealtimeCreateClientSecretRequest(session=TRANSCRIPTION)
TRANSLATION_SECRET = RealtimeTranslationClientSecretCreateRequest(
    session=RealtimeTranslationSessionConfig(
        model="gpt-realtime-translate",
        audio=RealtimeTranslationAudioConfig(
            input=RealtimeTranslationAudioInput(
                transcription=TranslationTranscription(model="gpt-realtime-whisper"),
                noise_reduction=TranslationNoiseReduction(type="far_field"),
            ),
            output=RealtimeTranslationAudioOutput(language="de"),
        ),
    ),
    expires_after=ExpiresAfter(anchor="created_at"),
)
BETA = RealtimeSessionCreateRequest(
    model="gpt-4o-realtime-preview",
    modalities=["text", "audio"],
    voice="a-voice-of-tomorrow",
    input_audio_format="g711_alaw",
    input_audio_transcription=None,
    turn_detection=BetaTurnDetection(type="semantic_vad", eagerness="auto"),
    tool_choice="required",
    max_response_output_tokens=100,
    client_secret=BetaClientSecretConfig(expires_after=ExpiresAfter(seconds=60)),
)
BETA_TRANSCRIPTION = RealtimeTranscriptionSessionCreateRequest(
    include=["item.input_audio_transcription.logprobs"],
    client_secret=BetaTranscriptionClientSecretConfig(expires_at=ExpiresAfter(seconds=60)),
)

RealtimeSessionConfig(modle="gpt-realtime")  # type: ignore[call-arg]
RealtimeSessionConfig(instructions=None)  # type: ignore[arg-type]
RealtimeSessionConfig("gpt-realtime")  # type: ignore[call-arg, arg-type]
RealtimeSessionConfig(session=SESSION)  # type: ignore[call-arg]
RealtimeSessionConfig(output_modalities=["video"])  # type: ignore[list-item]
RealtimeTranslationSessionConfig()  # type: ignore[call-arg]
ServerVad(eagerness="low")  # type: ignore[call-arg]
AudioPcm(rate="16000")  # type: ignore[arg-type]
SESSION.model = "other"  # type: ignore[misc]


# --- the names for annotations ----------------------------------------------------------------------------------------

KEY: ApiKey = lambda: "sk-..."  # noqa: E731
MODEL: RealtimeModel = "a-model-of-tomorrow"
TRANSCRIPTION_MODEL: TranscriptionModel = "whisper-1"
VOICE: Voice = VoiceId(id="voice_1")
TURN_DETECTION: TurnDetection = SemanticVad()
BETA_FORMAT: BetaAudioFormat = "pcm16"
INCLUDE: Include = "item.input_audio_transcription.logprobs"
TOKENS: MaxOutputTokens = 4096
TRACING: Tracing = "auto"
TRUNCATION: Truncation = "disabled"
TOOL: Tool = FunctionTool(name="weather")
CHOICE: ToolChoice = "required"
MAYBE: Maybe[int | None] = UNSET
FILE: Model = InputFileContent(file_id="file_1", prompt_cache_breakpoint=PromptCacheBreakpoint(ttl="30m"))
ANSWER: HTTPResult = EmptyResult()
BODIES: Sequence[Model] = (
    RealtimeCallCreateRequest(sdp="v=0", session=SESSION),
    RealtimeCallRejectRequest(status_code=486),
    RealtimeCallReferRequest(target_uri="tel:+14155550123"),
)


# --- the async client ------------------------------------------------------------------------------------------------


async def all_operations(client: AsyncRealtimeClient) -> None:
    assert_type(await client.create_realtime_client_secret(), RealtimeCreateClientSecretResponse)
    assert_type(await client.create_realtime_client_secret(None), RealtimeCreateClientSecretResponse)
    assert_type(await client.create_realtime_client_secret(request=SECRET), RealtimeCreateClientSecretResponse)
    assert_type(await client.create_realtime_session(BETA), RealtimeSessionCreateResponse)
    assert_type(await client.create_realtime_session(request=BETA), RealtimeSessionCreateResponse)
    assert_type(
        await client.create_realtime_transcription_session(request=BETA_TRANSCRIPTION),
        RealtimeTranscriptionSessionCreateResponse,
    )
    assert_type(
        await client.create_realtime_translation_client_secret(request=TRANSLATION_SECRET),
        RealtimeTranslationClientSecretCreateResponse,
    )
    assert_type(await client.create_realtime_call("v=0"), RealtimeCall)
    assert_type(await client.create_realtime_call(sdp="v=0", session=SESSION), RealtimeCall)
    assert_type(await client.accept_realtime_call(call_id="rtc_1", session=SESSION), EmptyResult)
    assert_type(await client.reject_realtime_call("rtc_1"), EmptyResult)
    assert_type(await client.reject_realtime_call(call_id="rtc_1", status_code=486), EmptyResult)
    assert_type(await client.refer_realtime_call(call_id="rtc_1", target_uri="tel:+14155550123"), EmptyResult)
    assert_type(await client.hangup_realtime_call(call_id="rtc_1"), EmptyResult)
    assert_type(client.with_options(timeout=5), AsyncRealtimeClient)
    assert_type(await client.close(), None)


async def wrong_calls(client: AsyncRealtimeClient) -> None:
    await client.create_realtime_client_secret(SESSION)  # type: ignore[arg-type]
    await client.create_realtime_session()  # type: ignore[call-arg]
    await client.create_realtime_session(SECRET)  # type: ignore[arg-type]
    await client.create_realtime_call(b"v=0")  # type: ignore[arg-type]
    await client.accept_realtime_call("rtc_1")  # type: ignore[call-arg]
    await client.reject_realtime_call("rtc_1", "486")  # type: ignore[arg-type]
    client.with_options(api_kye="sk-...")  # type: ignore[call-arg]
    with client:  # type: ignore[attr-defined]
        pass


# --- the blocking client ---------------------------------------------------------------------------------------------


def all_blocking_operations(client: RealtimeClient) -> None:
    assert_type(client.create_realtime_client_secret(), RealtimeCreateClientSecretResponse)
    assert_type(client.create_realtime_client_secret(None), RealtimeCreateClientSecretResponse)
    assert_type(client.create_realtime_client_secret(request=SECRET), RealtimeCreateClientSecretResponse)
    assert_type(client.create_realtime_session(BETA), RealtimeSessionCreateResponse)
    assert_type(client.create_realtime_session(request=BETA), RealtimeSessionCreateResponse)
    assert_type(
        client.create_realtime_transcription_session(request=BETA_TRANSCRIPTION),
        RealtimeTranscriptionSessionCreateResponse,
    )
    assert_type(
        client.create_realtime_translation_client_secret(request=TRANSLATION_SECRET),
        RealtimeTranslationClientSecretCreateResponse,
    )
    assert_type(client.create_realtime_call("v=0"), RealtimeCall)
    assert_type(client.create_realtime_call(sdp="v=0", session=SESSION), RealtimeCall)
    assert_type(client.accept_realtime_call(call_id="rtc_1", session=SESSION), EmptyResult)
    assert_type(client.reject_realtime_call("rtc_1"), EmptyResult)
    assert_type(client.reject_realtime_call(call_id="rtc_1", status_code=486), EmptyResult)
    assert_type(client.refer_realtime_call(call_id="rtc_1", target_uri="tel:+14155550123"), EmptyResult)
    assert_type(client.hangup_realtime_call(call_id="rtc_1"), EmptyResult)
    assert_type(client.with_options(timeout=5), RealtimeClient)
    client.close()


def wrong_blocking_calls(client: RealtimeClient) -> None:
    client.create_realtime_client_secret(SESSION)  # type: ignore[arg-type]
    client.create_realtime_session()  # type: ignore[call-arg]
    client.create_realtime_session(SECRET)  # type: ignore[arg-type]
    client.create_realtime_call(spd="v=0")  # type: ignore[call-arg]
    client.accept_realtime_call("rtc_1")  # type: ignore[call-arg]
    client.reject_realtime_call("rtc_1", "486")  # type: ignore[arg-type]
    client.hangup_realtime_call("rtc_1", 1)  # type: ignore[call-arg]
    client.with_options(api_kye="sk-...")  # type: ignore[call-arg]


# --- sessions --------------------------------------------------------------------------------------------------------

SPEECH = b"\x00\x20" * 24_000
USER = UserMessage(
    content=[InputText(text="t"), InputAudio.from_bytes(SPEECH), InputImage.from_bytes(b"", "image/jpeg")]
)
ITEMS: Sequence[Item] = (
    USER,
    UserMessage.from_text("t"),
    UserMessage.from_audio(memoryview(SPEECH)),
    AssistantMessage(content=[OutputText(text="t"), OutputAudio.from_bytes(SPEECH)], phase="final_answer"),
    SystemMessage.from_text("t"),
    FunctionCall(call_id="call_1", name="weather", arguments="{}", status="completed"),
    FunctionCallOutput(call_id="call_1", output="{}"),
    McpApprovalRequest(id="item_1", server_label="docs", name="search", arguments="{}"),
    McpApprovalResponse(id="item_2", approval_request_id="item_1", approve=True),
    McpListTools(server_label="docs", tools=[McpListedTool(name="search", input_schema={})]),
    McpCall(
        id="item_3",
        server_label="docs",
        name="search",
        arguments="{}",
        error=McpError(type="http_error", code=500, message="m"),
    ),
)
METADATA: Metadata = {"topic": "weather"}
RESPONSE = ResponseConfig(
    output_modalities=["text"],
    instructions="Be brief.",
    audio=ResponseAudioConfig(output=ResponseAudioOutput(format=AudioPcm(), voice="marin")),
    conversation="none",
    input=[ItemReference(id="item_1"), USER],
    metadata=METADATA,
    tool_choice="none",
)
INPUT: Sequence[ResponseInputItem] = (ItemReference(id="item_1"), *ITEMS)
PART: Part = TextPart(text="t")
STATUS: ItemStatus = "in_progress"
AnySession: TypeAlias = RealtimeSession | RealtimeTranscriptionSession | RealtimeTranslationSession | UnknownObject
DIALECT: Dialect = "translation"
TO_GERMAN = RealtimeTranslationSessionUpdateRequest(
    audio=RealtimeTranslationAudioConfig(output=RealtimeTranslationAudioOutput(language="de"))
)
CLIENT_EVENTS: Sequence[ClientEvent] = (
    SessionUpdate(session=SESSION, event_id="event_1"),
    SessionUpdate(session=TRANSCRIPTION),
    InputAudioBufferAppend.from_bytes(bytearray(SPEECH)),
    InputAudioBufferCommit(),
    InputAudioBufferClear(),
    OutputAudioBufferClear(),
    ConversationItemCreate(item=USER, previous_item_id="root"),
    ConversationItemDelete(item_id="item_1"),
    ConversationItemRetrieve(item_id="item_1"),
    ConversationItemTruncate(item_id="item_1", content_index=0, audio_end_ms=100),
    ResponseCreate(response=RESPONSE),
    ResponseCancel(response_id="resp_1"),
    TranslationSessionUpdate(session=TO_GERMAN),
    SessionInputAudioBufferAppend.from_bytes(SPEECH),
    SessionClose(),
    BetaSessionUpdate(session=BETA),
    BetaResponseCreate(response=BetaResponseConfig(modalities=["text"], max_output_tokens="inf")),
    TranscriptionSessionUpdate(session=BETA_TRANSCRIPTION),
    UnknownEvent(type="mood.update", raw={"mood": "calm"}),
)

ConversationItemCreate(item=ItemReference(id="item_1"))  # type: ignore[arg-type]
ConversationItemTruncate(item_id="item_1", audio_end_ms=100)  # type: ignore[call-arg]
InputAudioBufferAppend.from_bytes("AAAA")  # type: ignore[arg-type]
ResponseCreate(type="response.cancel")  # type: ignore[arg-type]
SessionUpdate(session=TO_GERMAN)  # type: ignore[arg-type]


async def sessions(client: AsyncRealtimeClient) -> None:
    options = ConnectOptions(open_timeout=5, heartbeat=None, max_message_size=2**20, buffer_size=2**20)
    async with client.connect(
        model="gpt-realtime-2.1", session=SESSION, options=options, reconnect=ReconnectPolicy()
    ) as connection:
        assert_type(connection, AsyncRealtimeConnection)
        await all_session_operations(connection)
    async with client.connect(intent="transcription", session=TRANSCRIPTION) as transcription:
        assert_type(transcription, AsyncRealtimeConnection)
    async with client.connect(call_id="rtc_1", dialect="beta") as sideband:
        assert_type(sideband, AsyncRealtimeConnection)
    awaited = await client.connect(model="m", query={"intent": "transcription"}, headers={"X": "y"}, timeout=None)
    assert_type(awaited, AsyncRealtimeConnection)
    assert_type(awaited.session_id, str | None)
    await awaited.close()
    async with client.connect_translation(
        model="gpt-realtime-translate", session=TO_GERMAN, options=options, reconnect=ReconnectPolicy()
    ) as translation:
        assert_type(translation, AsyncRealtimeTranslationConnection)
        assert_type(await translation.update_session(TO_GERMAN), SessionUpdated)
        assert_type(await translation.append_audio(SPEECH), None)
        assert_type(await translation.send(SessionClose()), None)
        assert_type(await translation.close_session(), SessionClosed)
        assert_type(await translation.wait_for(SessionOutputAudioDelta), SessionOutputAudioDelta)
        await translation.update_session(SESSION)  # type: ignore[arg-type]
        translation.create_response()  # type: ignore[attr-defined]
        async for event in translation:
            translated(event)


async def all_session_operations(connection: AsyncRealtimeConnection) -> None:
    for event in CLIENT_EVENTS:
        assert_type(await connection.send(event), None)
    assert_type(await connection.receive(), ServerEvent)
    assert_type(await connection.receive(timeout=0.5), ServerEvent)
    assert_type(await connection.wait_for(ResponseDone), ResponseDone)
    assert_type(await connection.wait_for(Reconnected, timeout=0.5), Reconnected)
    assert_type(await connection.wait_for(lambda event: event.type == "error", 0.5), ServerEvent)
    assert_type(await connection.update_session(SESSION), SessionUpdated)
    assert_type(await connection.update_session(session=TRANSCRIPTION), SessionUpdated)
    assert_type(await connection.append_audio(SPEECH), None)
    assert_type(await connection.commit_audio(), InputAudioBufferCommitted)
    assert_type(await connection.clear_audio(), InputAudioBufferCleared)
    for item in ITEMS:
        await connection.create_item(item)
    assert_type(await connection.create_item(USER, "root"), ConversationItemAdded | ConversationItemCreated)
    assert_type(await connection.delete_item("item_1"), ConversationItemDeleted)
    assert_type(await connection.truncate_item("item_1", audio_end_ms=100), ConversationItemTruncated)
    assert_type(await connection.retrieve_item("item_1"), ConversationItemRetrieved)
    assert_type(await connection.create_response(), ResponseCreated)
    assert_type(await connection.create_response(RESPONSE), ResponseCreated)
    assert_type(await connection.cancel_response(), ResponseDone | None)
    assert_type(await connection.cancel_response(response_id="resp_1"), ResponseDone | None)
    assert_type(await connection.clear_output_audio(), OutputAudioBufferCleared)
    assert_type(connection.closed, bool)
    assert_type(connection.unread, int)
    async for received in connection:
        assert_type(received, ServerEvent)
        happened(received)
    assert_type(await connection.close(), None)


async def wrong_session_calls(client: AsyncRealtimeClient, connection: AsyncRealtimeConnection) -> None:
    client.connect("gpt-realtime-2.1")  # type: ignore[call-arg]
    client.connect(intent="translation")  # type: ignore[arg-type]
    client.connect(model="m", session=TO_GERMAN)  # type: ignore[arg-type]
    client.connect(model="m", reconnect=True)  # type: ignore[arg-type]
    client.connect_translation()  # type: ignore[call-arg]
    await connection.send(ResponseDone(response=RealtimeResponse()))  # type: ignore[arg-type]
    await connection.append_audio("AAAA")  # type: ignore[arg-type]
    await connection.create_response({"instructions": "Be brief."})  # type: ignore[arg-type]
    await connection.wait_for(ResponseCreate)  # type: ignore[type-var]
    await connection.wait_for("response.done")  # type: ignore[call-overload]
    for _ in connection:  # type: ignore[attr-defined]
        pass


def blocking_sessions(client: RealtimeClient) -> None:
    with client.connect(model="gpt-realtime-2.1", session=SESSION, options=ConnectOptions(heartbeat=5)) as connection:
        assert_type(connection, RealtimeConnection)
        all_blocking_session_operations(connection)
    with client.connect(intent="transcription", session=TRANSCRIPTION, reconnect=ReconnectPolicy()) as transcription:
        assert_type(transcription, RealtimeConnection)
    with client.connect(call_id="rtc_1") as sideband:
        assert_type(sideband, RealtimeConnection)
    with client.connect_translation(model="gpt-realtime-translate", session=TO_GERMAN) as translation:
        assert_type(translation, RealtimeTranslationConnection)
        assert_type(translation.update_session(session=TO_GERMAN), SessionUpdated)
        translation.append_audio(SPEECH)
        translation.send(SessionClose())
        assert_type(translation.close_session(), SessionClosed)
        for event in translation:
            translated(event)
    client.connect(model="m", session=TO_GERMAN)  # type: ignore[arg-type]
    client.connect_translation()  # type: ignore[call-arg]


def all_blocking_session_operations(connection: RealtimeConnection) -> None:
    for event in CLIENT_EVENTS:
        connection.send(event)
    assert_type(connection.receive(), ServerEvent)
    assert_type(connection.receive(timeout=0.5), ServerEvent)
    assert_type(connection.wait_for(ResponseDone), ResponseDone)
    assert_type(connection.wait_for(Reconnected, timeout=0.5), Reconnected)
    assert_type(connection.wait_for(lambda event: event.type == "error", 0.5), ServerEvent)
    assert_type(connection.update_session(SESSION), SessionUpdated)
    assert_type(connection.update_session(session=TRANSCRIPTION), SessionUpdated)
    connection.append_audio(SPEECH)
    assert_type(connection.commit_audio(), InputAudioBufferCommitted)
    assert_type(connection.clear_audio(), InputAudioBufferCleared)
    assert_type(connection.create_item(USER, previous_item_id="root"), ConversationItemAdded | ConversationItemCreated)
    assert_type(connection.delete_item("item_1"), ConversationItemDeleted)
    assert_type(connection.truncate_item("item_1", audio_end_ms=100), ConversationItemTruncated)
    assert_type(connection.retrieve_item("item_1"), ConversationItemRetrieved)
    assert_type(connection.create_response(), ResponseCreated)
    assert_type(connection.create_response(RESPONSE), ResponseCreated)
    assert_type(connection.cancel_response(response_id="resp_1"), ResponseDone | None)
    assert_type(connection.clear_output_audio(), OutputAudioBufferCleared)
    assert_type(connection.closed, bool)
    for received in connection:
        assert_type(received, ServerEvent)
        happened(received)
    connection.close()
    connection.append_audio("AAAA")  # type: ignore[arg-type]
    connection.wait_for(ResponseCreate)  # type: ignore[type-var]
    connection.truncate_item("item_1")  # type: ignore[call-arg]


# --- events ----------------------------------------------------------------------------------------------------------


def happened(event: ServerEvent) -> None:  # noqa: C901, PLR0912, PLR0915 - one case an event
    """A match over classes, with the fields that each has."""
    match event:
        case SessionCreated(session=session) | SessionUpdated(session=session):
            assert_type(session, AnySession)
        case Error(error=error):
            error_details(error)
        case InputAudioBufferSpeechStarted(item_id=item_id, audio_start_ms=start):
            assert_type(item_id, str)
            assert_type(start, int)
        case InputAudioBufferSpeechStopped(audio_end_ms=end) | InputAudioBufferTimeoutTriggered(audio_end_ms=end):
            assert_type(end, int)
        case InputAudioBufferCommitted(previous_item_id=previous):
            assert_type(previous, str | None)
        case InputAudioBufferDtmfEventReceived(event=key, received_at=seconds):
            assert_type(key, str)
            assert_type(seconds, int)
        case ConversationItemAdded(item=item) | ConversationItemDone(item=item) | ConversationItemRetrieved(item=item):
            content(item)
        case ConversationCreated(conversation=conversation):
            assert_type(conversation, ConversationResource)
        case ConversationItemTruncated(item_id=item_id, content_index=index, audio_end_ms=end):
            assert_type((item_id, index, end), tuple[str, int, int])
        case ConversationItemInputAudioTranscriptionDelta(delta=words):
            assert_type(words, str)
        case ConversationItemInputAudioTranscriptionCompleted():
            transcribed(event)
        case ConversationItemInputAudioTranscriptionFailed(error=failure):
            assert_type(failure, FailureDetails)
        case ConversationItemInputAudioTranscriptionSegment(speaker=speaker, start=start_s, end=end_s):
            assert_type(speaker, str)
            assert_type(start_s, float)
            assert_type(end_s, float)
        case ResponseOutputTextDelta(delta=text):
            assert_type(text, str)
        case ResponseOutputTextDone(text=text):
            assert_type(text, str)
        case ResponseOutputAudioDelta(audio=audio):
            assert_type(audio, bytes)
        case ResponseOutputAudioTranscriptDelta(delta=text) | ResponseOutputAudioTranscriptDone(transcript=text):
            assert_type(text, str)
        case ResponseFunctionCallArgumentsDelta(call_id=call_id, delta=text):
            assert_type((call_id, text), tuple[str, str])
        case ResponseFunctionCallArgumentsDone(call_id=call_id, name=name, arguments=arguments):
            assert_type((call_id, name, arguments), tuple[str, str, str])
        case ResponseMcpCallArgumentsDelta(delta=text) | ResponseMcpCallArgumentsDone(arguments=text):
            assert_type(text, str)
        case ResponseMcpCallInProgress() | ResponseMcpCallCompleted() | ResponseMcpCallFailed():
            assert_type(event.output_index, int)
        case McpListToolsInProgress() | McpListToolsCompleted() | McpListToolsFailed():
            assert_type(event.item_id, str)
        case ResponseContentPartAdded(part=part) | ResponseContentPartDone(part=part):
            assert_type(part, TextPart | AudioPart | UnknownObject)
        case ResponseOutputItemAdded(item=item) | ResponseOutputItemDone(item=item):
            content(item)
        case ResponseCreated(response=response) | ResponseDone(response=response):
            answered(response)
        case OutputAudioBufferStarted() | OutputAudioBufferStopped() | OutputAudioBufferCleared():
            assert_type(event.response_id, str)
        case RateLimitsUpdated(rate_limits=limits):
            assert_type(limits, Sequence[RateLimitStatus])
        case Reconnected():
            replaced(event)
        case ContentEvent() | ResponseOutputAudioDone():
            assert_type((event.response_id, event.output_index, event.content_index), tuple[str, int, int])
        case OutputEvent() | ItemEvent():
            assert_type(event.item_id, str)
        case UnknownEvent():
            assert_type(event.raw, Mapping[str, Any])
        case _:
            assert_type(event.type, str)
            assert_type(event.event_id, str)


def error_details(error: ErrorDetails) -> None:
    assert_type((error.type, error.message), tuple[str, str])
    assert_type(error.code, str | None)
    assert_type(error.event_id, str | None)


def content(item: Item) -> None:
    match item:
        case UserMessage(content=parts):
            assert_type(parts, Sequence[InputText | InputAudio | InputImage | UnknownObject])
        case AssistantMessage(content=said):
            assert_type(said, Sequence[OutputText | OutputAudio | TextPart | AudioPart | UnknownObject])
        case SystemMessage() | FunctionCall() | FunctionCallOutput():
            assert_type(item.status, ItemStatus)
        case McpApprovalRequest() | McpApprovalResponse() | McpCall():
            assert_type(item.id, str)
        case McpListTools():
            assert_type(item.tools, Sequence[McpListedTool])
        case UnknownObject():
            assert_type(item.raw, Mapping[str, Any])
        case _:
            assert_never(item)


def heard(part: AudioContent, item: ConversationItem) -> None:
    assert_type(part.to_bytes(), bytes)
    assert_type(part.transcript, str | None)
    assert_type(item.id, str)
    assert_type(InputAudioBufferAppend.from_bytes(SPEECH), InputAudioBufferAppend)


def transcribed(event: ConversationItemInputAudioTranscriptionCompleted) -> None:
    assert_type(event.transcript, str)
    assert_type(event.usage, TranscriptionTokenUsage | TranscriptionDurationUsage | UnknownObject)
    assert_type(event.languages, Sequence[TranscriptionLanguage] | Unset)
    assert_type(event.logprobs, Sequence[LogProb] | None | Unset)


def answered(response: RealtimeResponse) -> None:
    assert_type(response.output, Sequence[Item])
    assert_type(response.status_details, RealtimeResponseStatus | None)
    if response.usage:
        assert_type(response.usage, RealtimeResponseUsage)
        assert_type(response.usage.input_token_details, InputTokenDetails | None)
        assert_type(response.usage.output_token_details, OutputTokenDetails | None)
        if response.usage.input_token_details:
            cached = response.usage.input_token_details.cached_tokens_details
            assert_type(cached, CachedTokenDetails | None)


def translated(event: ServerEvent) -> None:
    match event:
        case SessionOutputAudioDelta(audio=audio, sample_rate=rate):
            assert_type(audio, bytes)
            assert_type(rate, int | Unset)
        case (
            SessionInputTranscriptDelta(delta=text, elapsed_ms=ms)
            | SessionOutputTranscriptDelta(delta=text, elapsed_ms=ms)
        ):
            assert_type(text, str)
            assert_type(ms, int | None | Unset)
        case _:
            pass


def of_the_beta(event: ServerEvent) -> None:
    match event:
        case BetaSessionCreated(session=session) | BetaSessionUpdated(session=session):
            assert_type(session, RealtimeSessionCreateResponse)
        case TranscriptionSessionCreated(session=transcription) | TranscriptionSessionUpdated(session=transcription):
            assert_type(transcription, RealtimeTranscriptionSessionCreateResponse)
        case BetaResponseCreated(response=response) | BetaResponseDone(response=response):
            assert_type(response, BetaRealtimeResponse)
        case ConversationItemCreated(item=item):
            content(item)
        case ResponseAudioDelta(audio=audio):
            assert_type(audio, bytes)
        case ResponseTextDelta(delta=text) | ResponseAudioTranscriptDelta(delta=text):
            assert_type(text, str)
        case ResponseTextDone(text=text) | ResponseAudioTranscriptDone(transcript=text):
            assert_type(text, str)
        case ResponseAudioDone():
            assert_type(event.item_id, str)
        case _:
            pass


def relay(text: str, data: bytes) -> None:
    assert_type(decode_server_event(text), ServerEvent)
    assert_type(decode_server_event(data, dialect=DIALECT), ServerEvent)
    assert_type(decode_client_event(text, dialect="beta"), ClientEvent)
    events: Sequence[Event] = (decode_server_event(data), decode_client_event(data))
    assert_type(encode(events[0]), bytes)
    decode_server_event(data, dialect="alpha")  # type: ignore[arg-type]


# --- reconnecting ----------------------------------------------------------------------------------------------------


def plain_hook(plan: RestorePlan) -> RestorePlan:
    assert_type(plan.cause, ConnectionClosedError)
    assert_type(plan.session, ClientEvent | None)
    assert_type(plan.items, tuple[Item, ...])
    assert_type(plan.events, tuple[ClientEvent, ...])
    assert_type(plan.lost, tuple[Lost, ...])
    return attrs.evolve(plan, items=plan.items[-10:])


def refusing_hook(plan: RestorePlan) -> RestorePlan | None:
    return None if isinstance(plan.cause, SessionExpiredError) else plan


async def async_hook(plan: RestorePlan) -> RestorePlan | None:
    return plan


def wrong_hook() -> None:
    pass


def policies() -> None:
    ReconnectPolicy(retry=RetryPolicy(max_retries=3), renew_before=60, on_reconnect=plain_hook)
    ReconnectPolicy(on_reconnect=refusing_hook)
    ReconnectPolicy(on_reconnect=async_hook)
    ReconnectPolicy(on_reconnect=lambda plan: attrs.evolve(plan, events=()))
    ReconnectPolicy(on_reconnect=lambda _: None)
    ReconnectPolicy(on_reconnect=wrong_hook)  # type: ignore[arg-type]
    ReconnectPolicy(retry=3)  # type: ignore[arg-type]
    ReconnectPolicy(renew_before="60")  # type: ignore[arg-type]
    ConnectOptions(timeout=5)  # type: ignore[call-arg]


def replaced(event: Reconnected) -> None:
    assert_type((event.code, event.reason), tuple[int, str])
    assert_type(event.restored, Sequence[str])
    assert_type(event.resent, Sequence[str])
    for lost in event.lost:
        assert_type(lost, Lost)
        assert_type(lost.what, Literal["response", "item", "transcript", "audio", "event"])
        assert_type(lost.id, str | None)
        assert_type(lost.reason, str)


def endings(connection: RealtimeConnection) -> None:
    try:
        connection.create_response()
    except RealtimeEventError as error:
        assert_type(error.body, Any)
        assert_type(error.message, str)
        assert_type((error.type, error.code), tuple[str | None, str | None])
        assert_type((error.param, error.event_id), tuple[str | None, str | None])
    except SessionExpiredError as error:
        ended(error)
    except (ConnectionClosedError, UnreadEventsError) as error:
        root(error)


def ended(error: ConnectionClosedError) -> None:
    assert_type(error.code, int)
    assert_type(error.reason, str)
    assert_type(error.event, Any)
    root(error)


# --- options ---------------------------------------------------------------------------------------------------------


def plain_key() -> str:
    return "sk-..."


async def async_key() -> str:
    return "sk-..."


def number_key() -> int:
    return 1


async def all_options(http: aiohttp.ClientSession) -> None:
    AsyncRealtimeClient(
        api_key="sk-...",
        base_url="https://example.com/v1",
        organization="org_1",
        project="proj_1",
        default_headers={"x": "y"},
        safety_identifier="hash",
        timeout=Timeout(connect=1.0, read=None, total=10),
        retry=RetryPolicy(max_retries=1, initial_delay=0.1, max_delay=1, give_up_after=30),
        proxy="http://proxy:3128",
        ssl=ssl.create_default_context(),
        allow_insecure_http=False,
        http_session=http,
    )
    RealtimeClient(api_key=plain_key, ssl=False, timeout=1.5)
    RealtimeClient(azure_endpoint="https://NAME.openai.azure.com", azure_ad_token_provider=plain_key)
    AsyncRealtimeClient(azure_endpoint="https://NAME.openai.azure.com", azure_ad_token_provider=async_key)
    options: ClientOptions = {"api_key": async_key, "base_url": None}
    async with AsyncRealtimeClient(**options) as client, client.with_options(api_key=plain_key) as copy:
        assert_type(client, AsyncRealtimeClient)
        assert_type(copy, AsyncRealtimeClient)
    with RealtimeClient(**options) as blocking, blocking.with_options(api_key="sk-...") as blocking_copy:
        assert_type(blocking, RealtimeClient)
        assert_type(blocking_copy, RealtimeClient)
    AsyncRealtimeClient(object())  # type: ignore[call-arg, arg-type]
    AsyncRealtimeClient(api_key=number_key)  # type: ignore[arg-type]
    AsyncRealtimeClient(api_key=1)  # type: ignore[arg-type]
    RealtimeClient(timeout="5")  # type: ignore[arg-type]
    RealtimeClient(retries=5)  # type: ignore[call-arg]


# --- results ---------------------------------------------------------------------------------------------------------


def secrets(
    secret: RealtimeCreateClientSecretResponse, translation: RealtimeTranslationClientSecretCreateResponse
) -> None:
    assert_type(secret.value, str)
    assert_type(secret.expires_at, int)
    assert_type(secret.session, RealtimeSession | RealtimeTranscriptionSession | UnknownObject)
    assert_type(secret.raw, Mapping[str, Any])
    if isinstance(secret.session, RealtimeSession):
        assert_type(secret.session.id, str)
    assert_type(translation.value, str)
    assert_type(translation.session, RealtimeTranslationSession)
    assert_type(translation.session.audio.output, RealtimeTranslationAudioOutput | Unset)


def beta_sessions(
    beta: RealtimeSessionCreateResponse, transcription: RealtimeTranscriptionSessionCreateResponse
) -> None:
    assert_type(beta.client_secret, BetaClientSecret | None | Unset)
    if beta.client_secret:  # neither absent nor null
        assert_type(beta.client_secret, BetaClientSecret)
    assert_type(transcription.client_secret, BetaClientSecret | None | Unset)
    assert_type(transcription.input_audio_transcription, AudioTranscription | None | Unset)


def calls(call: RealtimeCall, nothing: EmptyResult) -> None:
    assert_type(call.sdp, str)
    assert_type(call.call_id, str)
    assert_type(call.location, str)
    assert_type(call.http, HTTPInfo)
    assert_type(nothing.http, HTTPInfo)


def facts(http: HTTPInfo) -> None:
    assert_type(http.status, int)
    assert_type(http.headers, Mapping[str, str])
    assert_type(http.request_id, str | None)
    assert_type(http.processing_ms, int | None)
    assert_type(http.rate_limits, tuple[RateLimit, ...])
    assert_type(http.attempts, int)
    assert_type(http.elapsed, float)
    for limit in http.rate_limits:
        assert_type(limit.name, str)
        assert_type(limit.limit, int | None)
        assert_type(limit.remaining, int | None)
        assert_type(limit.reset, float | None)


# --- null, absent, unions --------------------------------------------------------------------------------------------


def narrowing(audio: RealtimeAudioInput) -> str:
    turn_detection = audio.turn_detection
    assert_type(turn_detection, ServerVad | SemanticVad | UnknownObject | None | Unset)
    if turn_detection is UNSET:
        assert_type(turn_detection, Literal[Unset.UNSET])
        return "as it is"
    assert_type(turn_detection, ServerVad | SemanticVad | UnknownObject | None)
    if turn_detection is None:
        return "off"
    match turn_detection:
        case ServerVad():
            return turn_detection.type
        case SemanticVad():
            return str(turn_detection.eagerness)
        case UnknownObject():
            return str(turn_detection.raw)
        case _:
            assert_never(turn_detection)


def formats(audio_format: AudioFormat) -> int:
    match audio_format:
        case AudioPcm():
            return 24000
        case AudioPcmu() | AudioPcma():
            return 8000
        case UnknownObject():
            return 0
        case _:
            assert_never(audio_format)


def absent(session: RealtimeSessionConfig) -> None:
    assert_type(session.model or "none", str)
    if session.tools is not UNSET:
        assert_type(session.tools, Sequence[FunctionTool | McpTool | UnknownObject])
    session.instructions.upper()  # type: ignore[union-attr]


def models() -> None:
    changed = attrs.evolve(SESSION, instructions=UNSET, tool_choice=ToolChoiceFunction(name="weather"))
    assert_type(changed, RealtimeSessionConfig)
    assert_type(encode(changed), bytes)
    assert_type(decode(b"{}", RealtimeSession), RealtimeSession)
    assert_type(decode("{}", RealtimeTranscriptionSession), RealtimeTranscriptionSession)
    assert_type(
        structure_request({"session": {}}, RealtimeCreateClientSecretRequest), RealtimeCreateClientSecretRequest
    )
    assert_type(openai_realtime.__version__, str)
    decode(b"{}", dict)  # type: ignore[type-var]
    encode({"type": "realtime"})  # type: ignore[arg-type]


# --- migration -------------------------------------------------------------------------------------------------------


def migration() -> None:
    assert_type(to_client_secret_request(BETA), Migration)
    assert_type(to_client_secret_request(BETA_TRANSCRIPTION).request, RealtimeCreateClientSecretRequest)
    assert_type(to_client_secret_request(request=BETA).dropped, tuple[str, ...])
    to_client_secret_request(SESSION)  # type: ignore[arg-type]


# --- errors ----------------------------------------------------------------------------------------------------------


def all_errors(client: RealtimeClient) -> None:
    try:
        client.create_realtime_client_secret()
    except BetaRetiredError as error:
        assert_type(error.successor, str | None)
    except (
        BadRequestError,
        AuthenticationError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        UnprocessableEntityError,
        RateLimitError,
        InternalServerError,
    ) as error:
        status_error(error)
    except APIResponseError as error:
        assert_type(error.status, int)
        assert_type(error.headers, dict[str, str])
        assert_type(error.request_id, str | None)
    except APITimeoutError as error:
        connection_error(error)
    except InvalidRequestError as error:
        assert_type(error.problems, tuple[Problem, ...])
        for problem in error.problems:
            assert_type((problem.path, problem.kind, problem.choices), tuple[str, str, tuple[str, ...]])
            assert_type(problem.to_json(), dict[str, Any])
    except (ConfigurationError, ClientStateError, DecodeError, APIError) as error:
        root(error)


def status_error(error: APIStatusError) -> None:
    assert_type(error.status, int)
    assert_type(error.headers, dict[str, str])
    assert_type(error.request_id, str | None)
    assert_type(error.message, str)
    assert_type(error.type, str | None)
    assert_type(error.param, str | None)
    assert_type(error.code, str | None)
    root(error)


def connection_error(error: APIConnectionError) -> None:
    root(error)


def root(error: RealtimeError) -> Exception:
    return error


# --- the emulator ----------------------------------------------------------------------------------------------------


def telephone(emulator: Emulator) -> None:
    call = emulator.ring("http://127.0.0.1:9/", sip_headers=[("From", "sip:a@b.test")], audio=b"", keys="1")
    assert_type(call, PhoneCall)
    assert_type((call.answered.result(1), call.ended.result(1)), tuple[bool, str])
    assert_type((call.heard, call.deliveries), tuple[bytes, list[int | None]])
    assert_type(emulator.calls, Sequence[PhoneCall])
    assert_type(emulator.webhook_secret, str)
    call.talk(b"").result(1)
    call.send_dtmf("1")
    call.hang_up()


async def emulator() -> None:
    async with Emulator(host="127.0.0.1", port=0, beta_retired=True) as running:
        assert_type(running, Emulator)
        assert_type(running.base_url, str)
        assert_type(running.api_key, str)
        assert_type(running.client_options, EmulatorOptions)
        assert_type(list(running.requests), list[ReceivedRequest])
        async with AsyncRealtimeClient(**running.client_options) as client:
            await all_operations(client)
            await sessions(client)
    with (
        Emulator(beta=True, speed=1.0) as blocking,
        RealtimeClient(**blocking.client_options, timeout=5) as client_of_thread,
    ):
        blocking.inject_fault(
            faults.HTTPResponse(status=429, headers={"retry-after": "1"}), operation="create_realtime_call"
        )
        blocking.inject_fault(faults.Drop(), operation="create_realtime_call")
        blocking.inject_fault(faults.HTTPResponse(body={"a": 1}), operation="create_realtime_call")
        blocking.inject_fault(
            faults.HTTPResponse(body="<html>", content_type="text/html"), operation="create_realtime_call"
        )
        blocking.inject_fault(faults.Delay(0.1), operation="create_realtime_call")
        blocking.inject_fault(faults.Silence(), operation="create_realtime_call")
        blocking.inject_fault(faults.HTTPResponse(truncate=True), operation="create_realtime_call")
        assert_type(blocking.incoming_call(), str)
        telephone(blocking)
        blocking.inject_fault(faults.HTTPResponse(status=503), operation="connect")
        blocking.advance(600)
        blocking.reply("One", Reply(text="Two", audio=SPEECH, pause_after=1))
        blocking.reply(Reply(tool_calls=[ToolCall(name="weather", arguments="{}")]), when="weather")
        blocking.reply("Three", when=re.compile("th.*"))
        blocking.reply(Reply(failure=FailureDetails(code="c"), incomplete="content_filter"), when=str.isdigit)
        blocking.reply(Reply(tool_calls=[McpToolCall(server_label="docs", name="search", output="{}")]))
        blocking.mcp_server("docs", McpListedTool(name="search", input_schema={}), reachable=False)
        blocking.queue_transcripts("One", "Two")
        blocking.resume()
        blocking.send_dtmf("rtc_1", "12#")
        blocking.inject_fault(faults.Drop(at="response.done"), faults.Delay(at=3, seconds=0.1))
        blocking.inject_fault(faults.Close(code=1011, reason="r"), now=True)
        blocking.inject_fault(faults.Close(error=ErrorDetails(type="server_error", message="m")), now=True)
        blocking.inject_fault(faults.Message(message=b""), now=True)
        blocking_sessions(client_of_thread)
        all_blocking_operations(client_of_thread)
    for received in running.requests:
        assert_type((received.method, received.path, received.body), tuple[str, str, bytes])
        assert_type(received.headers, Mapping[str, str])
        assert_type(received.content_type, str)
    assert_type(Emulator().start(), Emulator)
    Emulator(8080)  # type: ignore[call-arg, arg-type]
    Emulator(speed="fast")  # type: ignore[arg-type]
    faults.HTTPResponse(statsu=429)  # type: ignore[call-arg]
    faults.Drop(kind="fire")  # type: ignore[call-arg]
    faults.Delay("long")  # type: ignore[arg-type]
    Reply("text")  # type: ignore[call-arg]
