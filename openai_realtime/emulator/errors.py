"""The API's error bodies. `Refusal` carries one up to the server; the functions here make them.

What is a problem of a request, the codec's check decides for client and emulator alike; only the words and codes are
the API's.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openai_realtime._codec.annotations import field_hints
from openai_realtime._problems import Problem, Summary
from openai_realtime.errors import InvalidRequestError
from openai_realtime.models.audio import AudioPcm
from openai_realtime.models.base import Model
from openai_realtime.models.constraints import AnyOf, Between, JsonTypes, Length, Pattern

from .ids import masked_key
from .wire import MAX_VALUES, Answer, json_answer

_KEYS_PAGE = "https://platform.openai.com/account/api-keys"
_MODELS_PAGE = "https://platform.openai.com/docs/models"
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_RATE = Between(24_000, 24_000)
_TYPES = {
    "null": "null",
    "string": "a string",
    "integer": "an integer",
    "number": "a decimal",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
    "any": "a value",
}


class Refusal(Exception):  # noqa: N818 - not a failure of the emulator: it is the answer
    """An error answer of the API."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = headers or {}

    def answer(self) -> Answer:
        """Give the error as the API writes it."""
        message = self.message.encode("utf-8", "replace").decode()  # keys and paths may hold bytes that are no text
        error = {"message": message, "type": self.type, "param": self.param, "code": self.code}
        return json_answer({"error": error}, self.status, self.headers)

    @property
    def type(self) -> str:
        """The API's class of errors."""
        if self.status == _TOO_MANY_REQUESTS:
            return "requests"
        return "server_error" if self.status >= _SERVER_ERRORS else "invalid_request_error"


def missing_key() -> Refusal:
    """No bearer token and no ``api-key`` header."""
    return Refusal("Missing bearer or basic authentication in header", status=401)


def wrong_key(key: str) -> Refusal:
    """Refuse a key that nobody has. The API does show its last four characters."""
    message = f"Incorrect API key provided: {masked_key(key)}. You can find your API key at {_KEYS_PAGE}."
    return Refusal(message, status=401, code="invalid_api_key")


def expired_secret(secret: str) -> Refusal:
    """Refuse a client secret past its time. What the API says to it is not recorded; the code is that of a bad key."""
    message = f"The client secret {masked_key(secret)} has expired. Create a new one and try again."
    return Refusal(message, status=401, code="invalid_api_key")


def beta_retired() -> Refusal:
    """Refuse the beta, as both of its operations have answered since 2026-05-12."""
    message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    return Refusal(message, code="beta_api_shape_disabled", param="")


def not_json(param: str | None = None) -> Refusal:
    """Refuse a body, or the form field `param`, that is not JSON."""
    subject = f"'{param}'" if param else "body"
    hint = "Please check the value to ensure it is valid JSON."
    return Refusal(f"Invalid {subject}: failed to parse JSON value. {hint}", code="invalid_json", param=param)


def not_an_object(value: Any, subject: str = "body") -> Refusal:
    """Refuse a body, or the `subject` of the message, that is JSON and not an object."""
    kind = _TYPES[Problem(subject, "invalid_type", value).value_type]
    return Refusal(f"Invalid type for '{subject}': expected an object, but got {kind} instead.", code="invalid_type")


def not_a_form() -> Refusal:
    """Refuse a body that is not the multipart form its content type promises."""
    return Refusal("Could not parse multipart form.")


def unsupported_content_type(given: str, allowed: Sequence[str]) -> Refusal:
    """Refuse a body of another media type than the operation takes."""
    wanted = " or ".join(f"'{name}'" for name in allowed)
    return Refusal(
        f"Unsupported content type: '{given}'. This API method only accepts {wanted} requests, but you specified the "
        f"header 'Content-Type: {given}'. Please try again with a supported content type.",
        code="unsupported_content_type",
    )


def invalid_offer(reason: str) -> Refusal:
    """Refuse an SDP offer that cannot be read."""
    return Refusal(f"Failed to parse SDP: {reason}", code="invalid_offer", param="")


def no_session_for_call() -> Refusal:
    """Refuse a WebSocket to a call that is not there, or with a client secret, which may not control calls."""
    message = "No session found for the provided call_id"
    return Refusal(message, status=404, code="call_id_not_found", param="")


def defect() -> Refusal:
    """Tell of a bug of the emulator; the traceback is in its log."""
    return Refusal("The server had an error while processing your request.", status=500)


def unsupported_model(model: str, param: str) -> Refusal:
    """Refuse a model that is none of the families that hold realtime sessions."""
    message = f'Model "{model}" is not supported in realtime mode. See {_MODELS_PAGE} for a list of supported models.'
    return Refusal(message, code="invalid_model", param=param)


def unknown_model(model: str) -> Refusal:
    """Refuse to show a model that there is not."""
    return Refusal(f"The model '{model}' does not exist", status=404, code="model_not_found", param="model")


def unsupported_value(value: str, allowed: Sequence[str], param: str) -> Refusal:
    """Refuse a value that is not one of `allowed`."""
    return _unsupported(f"'{value}'", allowed, param)


def _unsupported(shown: str, allowed: Sequence[str], param: str) -> Refusal:
    message = f"Invalid value: {shown}. Supported values are: {listed([*map(repr, allowed)])}."
    return Refusal(message, code="invalid_value", param=param)


def no_turn_detection(param: str) -> Refusal:
    """Refuse to detect turns with a transcription model that has none."""
    message = "Turn detection is not supported for this transcription model."
    return Refusal(message, code="invalid_value", param=param)


def unknown_call(call_id: str) -> Refusal:
    """Refuse a call that never was, or has ended."""
    return Refusal(f"No call found with id '{call_id}'.", status=404, code="call_id_not_found", param="call_id")


def missing_model() -> Refusal:
    """Refuse a WebSocket without `model`, `intent` or `call_id`."""
    example = "wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5"
    return Refusal(f"You must provide a model parameter, for example {example}", code="missing_model")


def model_for_transcription() -> Refusal:
    """Refuse a WebSocket with a model for a session that takes it from its settings."""
    message = "You must not provide a model parameter for transcription sessions."
    return Refusal(message, code="invalid_model", param="model")


def transcription_model(model: str, param: str) -> Refusal:
    """Refuse a model that only listens, where one that speaks is wanted."""
    message = f'Model "{model}" is a transcription model and cannot be used as the realtime session model'
    return Refusal(message, code="invalid_model", param=param)


def wrong_session_type(given: str, actual: str) -> Refusal:
    """Refuse the update of another kind of session."""
    message = f"Passing a {given} session update event to a {actual} session is not allowed."
    return Refusal(message, code="invalid_parameter", param="session.type")


def wrong_event(event_type: str, session_type: str) -> Refusal:
    """Refuse an event that this kind of session does not take."""
    message = f"The event '{event_type}' is not allowed in a {session_type} session."
    return Refusal(message, code="invalid_parameter", param="type")


def not_text() -> Refusal:
    """Refuse a binary message."""
    return Refusal("Expected a text WebSocket message; binary frames are not supported.", code="invalid_event")


def invalid_event() -> Refusal:
    """Refuse a message that is not JSON."""
    hint = "Please check the value to ensure it is valid JSON."
    return Refusal(f"Invalid event: failed to parse JSON value. {hint}", code="invalid_json")


def missing_parameter(param: str) -> Refusal:
    """Refuse the lack of a field that has to be there."""
    return Refusal(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def active_response(response_id: str) -> Refusal:
    """Refuse a second response while the first is running."""
    message = (
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one."
    )
    return Refusal(message, code="conversation_already_has_active_response")


def no_active_response() -> Refusal:
    """Nothing to cancel."""
    message = "Cancellation failed: no active response found"
    return Refusal(message, code="response_cancel_not_active")


def fixed_voice() -> Refusal:
    """Another voice after the model has spoken."""
    message = "Cannot update a conversation's voice if assistant audio is present."
    return Refusal(message, code="cannot_update_voice")


def invalid_function(name: str, given: Any, param: str) -> Refusal:
    """Refuse a function whose parameters are no schema of an object."""
    message = (
        f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"', "
        f"got 'type: {given!r}'."
    )
    return Refusal(message, code="invalid_function_parameters", param=param)


def unknown_item(item_id: str, doing: str) -> Refusal:
    """Refuse an item that is not in the conversation; `doing` is ``delete``, ``retrieve`` or ``truncate``."""
    message = f"Error {doing.removesuffix('e')}ing item: the item with id '{item_id}' does not exist."
    return Refusal(message, code=f"item_{doing}_invalid_item_id", param="item_id")


def unknown_previous_item(item_id: str) -> Refusal:
    """Refuse a place in the conversation that is not there."""
    message = f"Error creating item: the previous item with id '{item_id}' does not exist."
    return Refusal(message, code="item_create_invalid_previous_item_id", param="previous_item_id")


def duplicate_item(item_id: str) -> Refusal:
    """Refuse an id that the conversation has already."""
    message = f"Error creating item: the item with id '{item_id}' already exists."
    return Refusal(message, code="item_create_duplicate_item_id", param="item.id")


def unknown_approval_request(request_id: str) -> Refusal:
    """Refuse the answer to a request that is not there, or was answered."""
    message = f"Error creating item: no approval request with id '{request_id}' is pending."
    return Refusal(message, code="item_create_invalid_approval_request_id", param="item.approval_request_id")


def not_truncatable() -> Refusal:
    """Refuse an item that is not the model's speech."""
    message = "Only model output audio messages can be truncated"
    return Refusal(message, code="unsupported_content_type", param="item_id")


def unknown_tool_call(call_id: str) -> Refusal:
    """Refuse the output of a call that nobody made."""
    return Refusal(f"Tool call ID '{call_id}' not found in conversation.", code="invalid_tool_call_id")


def already_shorter(length_ms: int, wanted_ms: int) -> Refusal:
    """Refuse a cut behind the end of the audio."""
    message = f"Audio content of {length_ms}ms is already shorter than {wanted_ms}ms"
    return Refusal(message, code="invalid_value", param="audio_end_ms")


def buffer_too_small(milliseconds: float) -> Refusal:
    """Refuse a commit of next to nothing."""
    message = (
        "Error committing input audio buffer: buffer too small. "
        f"Expected at least 100ms of audio, but buffer only has {milliseconds:.2f}ms of audio."
    )
    return Refusal(message, code="input_audio_buffer_commit_empty")


def not_base64(param: str) -> Refusal:
    """Audio that cannot be read."""
    message = f"Invalid '{param}'. Expected base64-encoded audio bytes, but got an invalid value."
    return Refusal(message, code="invalid_value", param=param)


def session_expired() -> Refusal:
    """Tell of the end of a session after an hour."""
    return Refusal("Your session hit the maximum duration of 60 minutes.", code="session_expired")


def unknown_route(method: str, path: str) -> Refusal:
    """Refuse a URL the API does not have."""
    return Refusal(f"Invalid URL ({method} {path})", status=404)


def wrong_method(method: str, path: str, allowed: str) -> Refusal:
    """Refuse a URL the API has, with another method."""
    hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
    return Refusal(f"Not allowed to {method} on {path}. {hint}", status=405, headers={"Allow": allowed})


def too_many_values() -> Refusal:
    """Refuse JSON that would take seconds to check."""
    return Refusal(f"The JSON has more than {MAX_VALUES} values.", code="invalid_value")


def too_large() -> Refusal:
    """Refuse a body over the limit."""
    return Refusal("The request body is too large.", status=413)


def with_status(status: int) -> Refusal:
    """Make an error that says no more than `status`, for faults without a body of their own."""
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    return Refusal(http.client.responses.get(status, "Error"), status=status, code=codes.get(status))


def listed(names: Sequence[str]) -> str:
    """Join names: ``'a'``, ``'a' and 'b'``, ``'a', 'b', and 'c'``."""
    if len(names) <= 2:  # noqa: PLR2004 - a comma comes with the third
        return " and ".join(names)
    return ", ".join(names[:-1]) + f", and {names[-1]}"


def from_problems(error: InvalidRequestError) -> Refusal:
    """Make the refusal of a request with problems: the API names the first one only."""
    problem = error.problems[0]
    match problem.kind:
        case "unknown_parameter":
            return Refusal(f"Unknown parameter: '{problem.path}'.", code=problem.kind, param=problem.path)
        case "missing_required_parameter":
            options = problem.constraint  # one of several fields: the first is named
            return missing_parameter(problem.path + (f".{options.names[0]}" if isinstance(options, AnyOf) else ""))
        case "invalid_type":
            return _wrong_type(problem)
        case _:
            return _wrong_value(problem)


def check_rates(request: Model) -> None:
    """Refuse what only OpenAI refuses: PCM without a rate, or of another one than 24 kHz."""
    for path, audio_format in _pcm_formats(request, ""):
        if audio_format.raw is not None and "rate" not in audio_format.raw:
            raise missing_parameter(f"{path}.rate")
        if audio_format.rate != _RATE.low:
            problem = Problem(f"{path}.rate", "invalid_value", audio_format.rate, _RATE)
            raise from_problems(InvalidRequestError([problem]))


def _pcm_formats(value: Any, path: str) -> Iterator[tuple[str, AudioPcm]]:
    """Find all PCM formats in `value`, with their paths."""
    if isinstance(value, AudioPcm):
        yield path, value
    elif isinstance(value, Model):
        cls: Any = type(value)
        for name in field_hints(cls):
            yield from _pcm_formats(getattr(value, name), f"{path}.{name}" if path else name)


def _wrong_type(problem: Problem) -> Refusal:
    names = problem.constraint.names if isinstance(problem.constraint, JsonTypes) else ()
    wanted = [_TYPES[name] for name in names]
    if problem.choices and "string" not in names:
        place = sum(name in ("integer", "number", "boolean") for name in names)
        wanted.insert(place, ", ".join(map(repr, problem.choices)))
    expected = wanted[0] if len(wanted) == 1 else "one of " + " or ".join(wanted)
    given = _TYPES[problem.value_type]
    message = f"Invalid type for '{problem.path}': expected {expected}, but got {given} instead."
    return Refusal(message, code="invalid_type", param=problem.path)


def _wrong_value(problem: Problem) -> Refusal:
    limit = problem.constraint.between if isinstance(problem.constraint, JsonTypes) else problem.constraint
    if isinstance(limit, Between) and problem.value_type in ("integer", "number"):
        return _out_of_range(problem, limit)
    if isinstance(limit, Length):
        return _wrong_length(problem, limit)
    if isinstance(limit, Pattern):
        return _no_match(problem, limit)
    if problem.value_type != "string" or not problem.choices:
        return _wrong_type(problem)
    given = problem.value.text if isinstance(problem.value, Summary) else repr(problem.value)
    return _unsupported(given, problem.choices, problem.path)


def _no_match(problem: Problem, pattern: Pattern) -> Refusal:
    path = problem.path
    message = f"Invalid '{path}': string does not match pattern. Expected a string that matches '{pattern.regex}'."
    return Refusal(message, code="invalid_value", param=path)


def _out_of_range(problem: Problem, limits: Between) -> Refusal:
    # The API's word follows the field's type, which shows in its limits.
    kind = "decimal" if isinstance(limits.low, float) else "integer"
    if problem.value > limits.high:
        side, sign, limit = "above max", "<=", limits.high
    else:
        side, sign, limit = "below min", ">=", limits.low
    return Refusal(
        f"Invalid '{problem.path}': {kind} {side}imum value. "
        f"Expected a value {sign} {limit:g}, but got {problem.value} instead.",
        code=f"{kind}_{side.replace(' ', '_')}_value",
        param=problem.path,
    )


def _wrong_length(problem: Problem, limits: Length) -> Refusal:
    path, value = problem.path, problem.value
    kind, an = ("string", "a string") if problem.value_type == "string" else ("array", "an array")
    length = value.length if isinstance(value, Summary) else len(value)
    if not length:
        text = f"empty {kind}. Expected {an} with minimum length {limits.low}, but got an empty {kind} instead."
        return Refusal(f"Invalid '{path}': {text}", code=f"empty_{kind}", param=path)
    text = f"{kind} too long. Expected {an} with maximum length {limits.high}, but got {an} with length {length}"
    return Refusal(f"Invalid '{path}': {text} instead.", code=f"{kind}_above_max_length", param=path)
