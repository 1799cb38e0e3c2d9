# pyright: strict, reportUnnecessaryTypeIgnoreComment=error
"""The whole public API as a user writes it. Never run: mypy --strict and pyright read it.

A line with an ignore comment must be wrong for both: each reports a comment that has become unnecessary.
"""

import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Literal, assert_never, assert_type

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
    AsyncRealtimeClient,
    AudioFormat,
    AudioPcm,
    AudioPcma,
    AudioPcmu,
    AudioTranscription,
    AuthenticationError,
    BadRequestError,
    BetaAudioFormat,
    BetaClientSecret,
    BetaClientSecretConfig,
    BetaRetiredError,
    BetaTranscriptionClientSecretConfig,
    BetaTurnDetection,
    ClientOptions,
    ClientStateError,
    ConfigurationError,
    ConflictError,
    DecodeError,
    EmptyResponse,
    ExpiresAfter,
    FunctionTool,
    Include,
    InputFileContent,
    InputImageContent,
    InputTextContent,
    InternalServerError,
    InvalidRequestError,
    MaxOutputTokens,
    Maybe,
    McpApprovalFilter,
    McpTool,
    McpToolFilter,
    Migration,
    Model,
    NoiseReduction,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    Prompt,
    PromptCacheBreakpoint,
    RateLimit,
    RateLimitError,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeCall,
    RealtimeCallCreateRequest,
    RealtimeCallReferRequest,
    RealtimeCallRejectRequest,
    RealtimeClient,
    RealtimeCreateClientSecretRequest,
    RealtimeCreateClientSecretResponse,
    RealtimeError,
    RealtimeModel,
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeSessionCreateRequest,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionAudioConfig,
    RealtimeTranscriptionSession,
    RealtimeTranscriptionSessionConfig,
    RealtimeTranscriptionSessionCreateRequest,
    RealtimeTranscriptionSessionCreateResponse,
    RealtimeTranslationAudioConfig,
    RealtimeTranslationAudioInput,
    RealtimeTranslationAudioOutput,
    RealtimeTranslationClientSecretCreateRequest,
    RealtimeTranslationClientSecretCreateResponse,
    RealtimeTranslationSession,
    RealtimeTranslationSessionConfig,
    Reasoning,
    Response,
    ResponseInfo,
    RetentionRatioTruncation,
    RetryPolicy,
    SemanticVad,
    ServerVad,
    Timeout,
    TokenLimits,
    Tool,
    ToolChoice,
    ToolChoiceFunction,
    ToolChoiceMcp,
    Tracing,
    TracingConfig,
    TranscriptionModel,
    TranslationNoiseReduction,
    TranslationTranscription,
    Truncation,
    TurnDetection,
    UnknownObject,
    UnprocessableEntityError,
    Unset,
    Voice,
    VoiceId,
    decode,
    encode,
    structure_request,
    to_client_secret_request,
)
from openai_realtime.emulator import Emulator, EmulatorOptions, Fault, ReceivedRequest

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
AudioPcm(rate=16000)  # type: ignore[arg-type]
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
ANSWER: Response = EmptyResponse()
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
    assert_type(await client.accept_realtime_call(call_id="rtc_1", session=SESSION), EmptyResponse)
    assert_type(await client.reject_realtime_call("rtc_1"), EmptyResponse)
    assert_type(await client.reject_realtime_call(call_id="rtc_1", status_code=486), EmptyResponse)
    assert_type(await client.refer_realtime_call(call_id="rtc_1", target_uri="tel:+14155550123"), EmptyResponse)
    assert_type(await client.hangup_realtime_call(call_id="rtc_1"), EmptyResponse)
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
    assert_type(client.accept_realtime_call(call_id="rtc_1", session=SESSION), EmptyResponse)
    assert_type(client.reject_realtime_call("rtc_1"), EmptyResponse)
    assert_type(client.reject_realtime_call(call_id="rtc_1", status_code=486), EmptyResponse)
    assert_type(client.refer_realtime_call(call_id="rtc_1", target_uri="tel:+14155550123"), EmptyResponse)
    assert_type(client.hangup_realtime_call(call_id="rtc_1"), EmptyResponse)
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
    AsyncRealtimeClient("sk-...")  # type: ignore[call-arg, arg-type]
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
    assert_type(secret.raw, Mapping[str, Any] | None)
    if isinstance(secret.session, RealtimeSession):
        assert_type(secret.session.id, str | Unset)
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


def calls(call: RealtimeCall, nothing: EmptyResponse) -> None:
    assert_type(call.sdp, str)
    assert_type(call.call_id, str)
    assert_type(call.location, str)
    assert_type(call.http, ResponseInfo | None)
    assert_type(nothing.http, ResponseInfo | None)


def facts(http: ResponseInfo) -> None:
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
            assert_type((problem.path, problem.code, problem.given, problem.allowed), tuple[str, str, str, str])
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


async def emulator() -> None:
    async with Emulator(host="127.0.0.1", port=0, beta_retired=True) as running:
        assert_type(running, Emulator)
        assert_type(running.base_url, str)
        assert_type(running.api_key, str)
        assert_type(running.client_options, EmulatorOptions)
        assert_type(running.requests, list[ReceivedRequest])
        async with AsyncRealtimeClient(**running.client_options) as client:
            await all_operations(client)
    with Emulator() as blocking, RealtimeClient(**blocking.client_options, timeout=5) as client_of_thread:
        blocking.fail("create_realtime_call", Fault(status=429, headers={"retry-after": "1"}), Fault(reset=True))
        blocking.fail("create_realtime_call", Fault(body={"a": 1}), Fault(body="<html>", content_type="text/html"))
        blocking.fail("create_realtime_call", Fault(delay=0.1), Fault(hang=True), Fault(truncate=True))
        assert_type(blocking.incoming_call(), str)
        blocking.advance(600)
        all_blocking_operations(client_of_thread)
    for received in running.requests:
        assert_type((received.method, received.path, received.body), tuple[str, str, bytes])
        assert_type(received.headers, Mapping[str, str])
        assert_type(received.content_type, str)
    assert_type(Emulator().start(), Emulator)
    Emulator(8080)  # type: ignore[call-arg, arg-type]
    Fault(statsu=429)  # type: ignore[call-arg]
