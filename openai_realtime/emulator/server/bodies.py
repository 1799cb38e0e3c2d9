"""The bodies of requests: JSON that is checked, and the forms that make calls."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

from openai_realtime._codec.converter import structure_request
from openai_realtime._codec.json import load
from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.wire import JSON, ReceivedRequest, has_too_many_values
from openai_realtime.errors import DecodeError, InvalidRequestError
from openai_realtime.models.base import Model
from openai_realtime.models.calls import RealtimeCallCreateRequest

_FORM = "multipart/form-data"
_SDP = "application/sdp"
_JSON = "application/json"


def read(received: ReceivedRequest, cls: type[Model] | None) -> JSON:
    """Give the body, if a request of type `cls` may have it; nothing of that of an operation that takes none.

    Raises Refusal.
    """
    if cls is None:
        return {}
    if cls is not RealtimeCallCreateRequest:
        return _checked(json_body(received.body, received.content_type), cls)
    form = _call_form(received)
    # The offer has an error of its own, so only the rest is checked as a request.
    _checked({**form, "sdp": "v=0"} if "sdp" in form else form, cls)
    return form


def json_body(body: bytes, content_type: str) -> Any:
    """Give the JSON of a body; an empty body is an empty object. Raises Refusal."""
    if not body.strip():
        return {}
    if content_type != _JSON:
        raise api_errors.unsupported_content_type(content_type, [_JSON])
    return _parsed(body)


def _parsed(data: bytes, param: str | None = None) -> Any:
    """Parse JSON; `param` is the form field that it is in, if it is not the body."""
    if has_too_many_values(data):
        raise api_errors.too_many_values()
    try:
        return load(data)
    except DecodeError:
        raise api_errors.not_json(param) from None


def _checked(body: Any, cls: type[Model]) -> JSON:
    if not isinstance(body, dict):
        raise api_errors.not_an_object(body)
    try:
        request = structure_request(body, cls)
    except InvalidRequestError as error:
        raise api_errors.from_problems(error) from None
    api_errors.check_rates(request)
    return body


def _call_form(received: ReceivedRequest) -> JSON:
    """Give the offer and the session, from a form or from a bare offer."""
    if received.content_type == _SDP:
        return {"sdp": received.body.decode("utf-8", "replace")}
    if received.content_type != _FORM:
        raise api_errors.unsupported_content_type(received.content_type, [_FORM, _SDP])
    fields = _form_fields(received)
    form: JSON = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    return {**form, "session": _parsed(fields["session"], "session")} if "session" in fields else form


def _form_fields(received: ReceivedRequest) -> dict[str, bytes]:
    """Give the fields of a multipart form, read by the standard library's parser of such messages."""
    head = f"Content-Type: {received.headers['content-type']}\r\n\r\n".encode("utf-8", "surrogateescape")
    message = message_from_bytes(head + received.body)
    if not message.is_multipart():
        raise api_errors.not_a_form()
    parts = [part for part in message.walk() if not part.is_multipart()]
    return {
        str(part.get_param("name", "", "content-disposition")): _payload(part.get_payload(decode=True))
        for part in parts
    }


def _payload(data: Any) -> bytes:
    return data if isinstance(data, bytes) else b""
