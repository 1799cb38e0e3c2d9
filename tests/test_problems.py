"""A problem as data: what it keeps of a value, its sentence, and its JSON."""

import json
from typing import Any

import orjson
import pytest

from openai_realtime import InvalidRequestError, Problem, structure_request
from openai_realtime._codec.check import check
from openai_realtime._codec.converter import encode
from openai_realtime._problems import Summary
from openai_realtime.models import (
    AudioPcm,
    FunctionTool,
    McpTool,
    RealtimeAudioConfig,
    RealtimeAudioOutput,
    RealtimeSessionConfig,
)
from openai_realtime.models.constraints import AnyOf, Between, JsonTypes, Length

HIDDEN = "hidden-0123456789"


def refusal(settings: dict[str, Any]) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        structure_request({"type": "realtime", **settings}, RealtimeSessionConfig)
    return caught.value


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"audio": {"output": {"speed": 9}}}, ("audio.output.speed", "invalid_value", 9, Between(0.25, 1.5), ())),
        ({"audio": {"output": {"speed": "9"}}}, (
            "audio.output.speed", "invalid_type", "9", JsonTypes(("number",), Between(0.25, 1.5)), ())),
        ({"output_modalities": []}, (
            "output_modalities", "invalid_value", Summary("array", "a list of 0", 0),
            Length(1, 1, '["text"] or ["audio"], which brings its words'), ())),
        ({"truncation": "often"}, (
            "truncation", "invalid_value", "often", JsonTypes(("object",), tags=("retention_ratio",)),
            ("auto", "disabled"))),
        ({"modle": "m"}, ("modle", "unknown_parameter", None, None, ("model",))),
        ({"prompt": {}}, ("prompt.id", "missing_required_parameter", None, JsonTypes(("string",)), ())),
        ({"tools": [{"type": "mcp", "server_label": "s"}]}, (
            "tools[0]", "missing_required_parameter", None, AnyOf(("server_url", "connector_id", "tunnel_id")), ())),
    ],
)  # fmt: skip
def test_the_fields_of_a_problem(settings: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (problem,) = refusal(settings).problems
    assert (problem.path, problem.kind, problem.value, problem.constraint, problem.choices) == expected


def test_a_refusal_in_the_shape_of_the_api() -> None:
    error = refusal({"audio": {"output": {"speed": 9}}, "modle": "x"})
    assert json.loads(json.dumps(error.to_json())) == {
        "error": {
            "message": str(error),
            "type": "invalid_request_error",
            "param": "audio.output.speed",
            "code": "invalid_value",
            "problems": [
                {
                    "path": "audio.output.speed",
                    "kind": "invalid_value",
                    "value": 9,
                    "constraint": {"low": 0.25, "high": 1.5},
                    "choices": [],
                    "message": "audio.output.speed: 9 is not between 0.25 and 1.5",
                },
                {
                    "path": "modle",
                    "kind": "unknown_parameter",
                    "value": None,
                    "constraint": None,
                    "choices": ["model"],
                    "message": "modle: unknown field; did you mean 'model'?",
                },
            ],
        }
    }


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        "\ud800",
        2**70,
        pytest.param(object(), id="object"),
        b"x",
        pytest.param([object()], id="list"),
        {"a": 1},
        "x" * 1000,
        None,
        True,
    ],
    ids=repr,
)
def test_the_json_of_any_problem_is_json(value: Any) -> None:
    problem = Problem("a.\udfff", "invalid_type", value, "a thing")
    assert orjson.loads(orjson.dumps(problem.to_json()))["message"].endswith("is not a thing")


def test_no_secret_is_in_a_problem_or_its_json() -> None:
    tool = McpTool(server_label="s", server_url="u", authorization=[HIDDEN], headers={"a": 5})  # type: ignore[arg-type, dict-item]
    voice = RealtimeAudioConfig(output=RealtimeAudioOutput(speed=f"sk-{HIDDEN}"))  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError) as caught:
        check(RealtimeSessionConfig(tools=[tool], audio=voice))
    error = caught.value
    assert [problem.value for problem in error.problems] == [
        "sk-***",
        Summary("array", "the value"),
        Summary("integer", "the value"),
    ]
    assert HIDDEN not in str(error) + repr(error.problems) + json.dumps(error.to_json())


def test_the_value_under_an_unknown_name_is_not_kept() -> None:
    assert HIDDEN not in json.dumps(refusal({"authorisation": HIDDEN}).to_json())


def test_a_problem_keeps_no_value_alive() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check(FunctionTool(parameters={"a": object()}))
    assert caught.value.problems == (
        Problem("parameters.a", "invalid_type", Summary("object", "a object"), JsonTypes(("any",))),
    )


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 48_000])
def test_pcm_of_the_rates_of_compatible_servers_is_accepted(rate: int) -> None:
    check(RealtimeAudioOutput(format=AudioPcm(rate=rate)))


def test_pcm_says_its_rate_which_the_api_does_not_do_without() -> None:
    assert encode(AudioPcm()) == b'{"type":"audio/pcm","rate":24000}'
    error = refusal({"audio": {"output": {"format": {"type": "audio/pcm"}}}})
    assert str(error) == "audio.output.format.rate: missing; needs an integer between 8000 and 48000"
