"""The exception tree, the mapping of answers to it, and what its texts say and hide."""

import copy
import inspect
import pickle
import re
from collections.abc import Iterator
from typing import Any

import pytest

import openai_realtime
from openai_realtime import errors
from openai_realtime._redaction import redact
from openai_realtime.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BetaRetiredError,
    ConflictError,
    ConnectionClosedError,
    DecodeError,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    RealtimeError,
    RealtimeEventError,
    UnprocessableEntityError,
    error_from_response,
)
from openai_realtime.models.constraints import Between

HEADERS = {"X-Request-Id": "req_1", "Set-Cookie": "__cf_bm=hidden", "Retry-After": "2"}


def body(**fields: Any) -> dict[str, Any]:
    return {"error": fields}


def text(status: int, answer: Any) -> str:
    return str(error_from_response(status, {}, answer))


# --- the tree --------------------------------------------------------------------------------------------------------

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, Exception) and cls.__name__[0] != "_"
]


def drawn_tree() -> Iterator[tuple[str, str | None]]:
    """Each class in the drawing of the module's docstring, with the class it hangs on."""
    path: list[str] = []
    for prefix, name in re.findall(r"^    ([│├└─ ]*)(\w+)", errors.__doc__ or "", re.MULTILINE):
        path[len(prefix) // 4 :] = [name]
        yield name, path[-2] if len(path) > 1 else None


def public_base(cls: type[Exception]) -> str | None:
    names = (base.__name__ for base in cls.__mro__[1:] if base in CLASSES)
    return next(names, None)


def test_the_drawn_tree_is_the_real_one() -> None:
    assert dict(drawn_tree()) == {cls.__name__: public_base(cls) for cls in CLASSES}
    assert all(issubclass(cls, RealtimeError) for cls in CLASSES)


def test_every_exception_is_public_and_documented() -> None:
    assert {*errors.__all__} == {cls.__name__ for cls in CLASSES} | {"Problem"}
    assert errors.__all__ == sorted(errors.__all__)
    for cls in CLASSES:
        assert getattr(openai_realtime, cls.__name__) is cls
        assert cls.__doc__


def test_errors_of_values_and_state_are_the_built_in_kinds_too() -> None:
    assert issubclass(InvalidRequestError, ValueError)
    assert issubclass(DecodeError, ValueError)
    assert issubclass(errors.ConfigurationError, ValueError)
    assert issubclass(errors.ClientStateError, RuntimeError)


# --- error_from_response ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (302, APIStatusError),
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, APIStatusError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (408, APIStatusError),
        (409, ConflictError),
        (418, APIStatusError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (499, APIStatusError),
        (500, InternalServerError),
        (503, InternalServerError),
        (599, InternalServerError),
    ],
)
def test_the_status_gives_the_class(status: int, cls: type[APIStatusError]) -> None:
    error = error_from_response(status, HEADERS, body(message="No.", code="c"))
    assert type(error) is cls
    assert error.status == status
    assert str(error) == f"HTTP {status} c: No. [request req_1]"


def test_an_error_carries_what_the_api_said() -> None:
    answer = body(message="Unknown.", type="invalid_request_error", param="session.x", code="unknown_parameter")
    error = error_from_response(400, HEADERS, answer)
    assert (error.message, error.type, error.param, error.code) == (
        "Unknown.",
        "invalid_request_error",
        "session.x",
        "unknown_parameter",
    )
    assert error.body == answer
    assert error.request_id == "req_1"
    assert error.headers == {"x-request-id": "req_1", "retry-after": "2"}
    assert str(error) == "HTTP 400 unknown_parameter: Unknown. (param session.x) [request req_1]"


def test_the_type_stands_in_for_a_code_and_azure_has_its_own_request_id() -> None:
    error = error_from_response(500, {"apim-request-id": "a1"}, body(message="Oops.", type="server_error", code=None))
    assert str(error) == "HTTP 500 server_error: Oops. [request a1]"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (None, "HTTP 502: no error body"),
        ("", "HTTP 502: no error body"),
        (" \n\t", "HTTP 502: no error body"),
        (b"", "HTTP 502: no error body"),
        ([], "HTTP 502: no error body"),
        ([{"message": "x"}], "HTTP 502: no error body"),
        ({}, "HTTP 502: no error body"),
        (0, "HTTP 502: no error body"),
        ({"error": None}, "HTTP 502: no error body"),
        ({"error": []}, "HTTP 502: no error body"),
        ({"error": {"message": None, "code": ""}}, "HTTP 502: no error body"),
        ({"error": {"message": None, "code": "c"}}, "HTTP 502 c: no error body"),
        ({"error": "text"}, "HTTP 502: text"),
        ({"error": {"message": {"a": 1}, "code": 7, "param": ["p"]}}, "HTTP 502 7: {'a': 1} (param ['p'])"),
        ({"statusCode": 502, "message": "Access denied."}, "HTTP 502: Access denied."),
        ({"error": "Not Found", "message": "No such path."}, "HTTP 502: Not Found"),
        ({"detail": "Not Found"}, "HTTP 502: Not Found"),
        ({"code": "OperationNotSupported", "message": "No."}, "HTTP 502 OperationNotSupported: No."),
        ("upstream connect error", "HTTP 502: upstream connect error"),
        ("\n\n  first\nsecond", "HTTP 502: first"),
        (
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body></html>",
            "HTTP 502: 502 Bad Gateway",
        ),
        (body(message="Two\nlines  and\tmore."), "HTTP 502: Two lines and more."),
    ],
)
def test_odd_bodies_give_one_useful_line(answer: Any, line: str) -> None:
    assert text(502, answer) == line


@pytest.mark.parametrize(
    "answer", ["x" * 1_000_000, body(message="x y " * 250_000), "<" * 1_000_000, "<p>" * 300_000 + "x"]
)
def test_a_huge_body_gives_a_short_line_and_is_kept(answer: Any) -> None:
    error = error_from_response(500, {}, answer)
    assert len(str(error)) < 600
    assert error.body == answer


def test_the_line_holds_no_control_characters() -> None:
    assert text(400, body(message="a\x1b[31mred\x00", code="c\nd", param="p\nq")).isprintable()


# --- BetaRetiredError ------------------------------------------------------------------------------------------------

RETIRED = body(
    message="The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
    type="invalid_request_error",
    code="beta_api_shape_disabled",
    param="",
)


def test_a_retired_operation_has_its_own_error_that_names_the_successor() -> None:
    error = error_from_response(400, {}, RETIRED)
    assert isinstance(error, BetaRetiredError)
    assert isinstance(error, BadRequestError)
    assert error.param is None
    assert error.successor is None
    plain = "HTTP 400 beta_api_shape_disabled: The Realtime Beta API is no longer supported. "
    plain += "Please use /v1/realtime for the GA API."
    assert str(error) == plain
    error.successor = "create_realtime_client_secret"
    assert str(error) == plain + "; call create_realtime_client_secret instead"
    assert BetaRetiredError.successor is None


# --- redact ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "masked"),
    [
        ("sk-0123456789abcdef", "sk-***"),
        ("sk-proj-a_b-C4d5E6", "sk-***"),
        ("sk-svcacct-a_b-C4d5E6", "sk-***"),
        ("ek_697d1fef0123456789abcdef", "ek_***"),
        ("whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=", "whsec_***"),
        ("sk-proj-****ueba", "sk-***"),
        ("sk-ab***********ueba", "sk-***"),
        ("sk-proj-...ueba", "sk-***"),
        ("sk-proj-…ueba", "sk-***"),
        ("sk-proj-••••ueba", "sk-***"),
        ("Bearer x1", "Bearer ***"),
        ("Bearer my-key", "Bearer ***"),
        ("Bearer my_key", "Bearer ***"),
        ("Bearer aB", "Bearer ***"),
        ("Bearer abcdefghijklmnopqrstuvwxyz", "Bearer ***"),
        ("Bearer ****ueba", "Bearer ***"),
        ("Authorization: Bearer eyJhbGciOi.J9-_~x", "Authorization: Bearer ***"),
        ("http://user:pass-word@proxy:8080/", "http://***@proxy:8080/"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic ***"),
        ("Bearer sk-0123456789", "Bearer ***"),
        ("openai-insecure-api-key.ek_0123456789", "openai-insecure-api-key.ek_***"),
        ("OPENAI_API_KEY=sk-0123456789", "OPENAI_API_KEY=sk-***"),
    ],
)
@pytest.mark.parametrize(
    "frame", ["{}", "key {}. You can", "'{}'", '{{"key": "{}", "a": 1}}', "({}), next", "\n{}\n", "{}?"]
)
def test_secrets_are_masked_and_the_text_around_them_stays(secret: str, masked: str, frame: str) -> None:
    assert redact(frame.format(secret)) == frame.format(masked)


@pytest.mark.parametrize(
    "harmless",
    [
        "task-force",
        "risk-free",
        "seek_out",
        "week_end ask-me desk-top",
        "sk- ek_ whsec_ sk",
        "sk",
        "Missing bearer or basic authentication in header",
        "The bearer of this",
        "Bearer",
        "Bearer ",
        "Bearer authentication is required",
        "Bearer Authentication and/or Basic",
        "Bearer and/or basic",
        "Use a Bearer token.",
        "Basic settings",
        "a key such as sk-... or ek_...",
        "https://api.openai.com:443/v1 and me@example.com",
        "item_0123456789 sess_0123456789 rtc_u1_0123456789",
        "tool_choice 'none' is not allowed, see https://platform.openai.com/account/api-keys.",
        "",
    ],
)
def test_nothing_else_is_masked(harmless: str) -> None:
    assert redact(harmless) == harmless


def test_an_echoed_key_is_nowhere_in_the_error() -> None:
    message = "Incorrect API key provided: sk-proj-****ueba. You can find your API key at https://platform.openai.com."
    answer = body(message=message, code="sk-proj-****ueba", param="sk-proj-****ueba", list=[{"a": "sk-proj-****ueba"}])
    error = error_from_response(401, {"x-echo": "Bearer ****ueba", "x-request-id": "sk-proj-****ueba"}, answer)
    assert (
        error.message == "Incorrect API key provided: sk-***. You can find your API key at https://platform.openai.com."
    )
    shown = (str(error), repr(error), repr(vars(error)), repr(error.args), text(401, "sk-proj-****ueba"))
    assert all("ueba" not in line for line in shown)
    for other in (APIConnectionError("x ek_0123456789"), APIResponseError("ek_0123456789", status=200, headers={})):
        assert "0123" not in str(other) + repr(other) + repr(other.args)


def test_an_invalid_request_error_masks_what_it_quotes() -> None:
    error = InvalidRequestError([Problem("model", "invalid_value", "sk-0123456789", "a string")])
    assert str(error) == "model: 'sk-***' is not a string"
    assert repr(error) == "InvalidRequestError(\"model: 'sk-***' is not a string\")"


# --- pickle and copy -------------------------------------------------------------------------------------------------


def made(cls: type[Exception]) -> Exception:
    """An instance of `cls` with all that it can carry."""
    if issubclass(cls, InvalidRequestError):
        return cls([Problem("a.b", "unknown_parameter", choices=("c",)), Problem("", "x", [1], Between(1, 2))])
    if issubclass(cls, APIStatusError):
        return cls(status=400, headers=HEADERS, body=body(message="No.", type="t", param="p", code="c"))
    if issubclass(cls, APIResponseError):
        return cls("not JSON", status=200, headers=HEADERS, body="<html>")
    if issubclass(cls, ConnectionClosedError):
        return cls(1011, "reason", body(message="No."))
    if issubclass(cls, RealtimeEventError):
        return cls(body(message="No.", type="t", param="p", code="c"))
    return cls("Something went wrong.")


@pytest.mark.parametrize("cls", CLASSES)
def test_every_exception_pickles_and_copies_with_all_it_carries(cls: type[Exception]) -> None:
    error = made(cls)
    error.add_note("a note")
    if isinstance(error, BetaRetiredError):
        error.successor = "create_realtime_client_secret"
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301
        assert type(twin) is cls
        assert vars(twin) == vars(error)
        assert twin.args == error.args
        assert str(twin) == str(error)
        assert repr(twin) == repr(error)


def test_the_text_of_an_answer_that_is_not_what_was_promised() -> None:
    error = APIResponseError("not JSON", status=200, headers=HEADERS, body="<html>")
    assert str(error) == "HTTP 200: not JSON [request req_1]"
    assert error.body == "<html>"
    assert isinstance(error, APIError)
    assert not isinstance(error, APIStatusError)


def test_a_timeout_is_a_connection_error() -> None:
    with pytest.raises(APIConnectionError, match=r"^in time$"):
        raise APITimeoutError("in time")


def test_a_body_nested_too_deeply_is_still_an_error_of_its_status() -> None:
    body: list[Any] = []
    for _ in range(100_000):
        body = [body]
    error = error_from_response(500, {}, body)
    assert isinstance(error, InternalServerError)
    assert error.body == "nested too deeply to be shown"
