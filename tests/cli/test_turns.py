from typing import Any

import click
import pytest

from openai_realtime import decode_server_event
from openai_realtime.cli.turns import ResponseFailedError, _judge, decode_audio


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ('{"status":"failed"}', "the answer is failed"),
        ('{"status":"failed","status_details":{"error":{"code":"c"}}}', "the answer is failed: c"),
    ],
)
def test_a_failure_without_a_reason(response: str, message: str) -> None:
    with pytest.raises(ResponseFailedError) as failed:
        _judge(decode_server_event(f'{{"type":"response.done","response":{response}}}'))
    assert failed.value.message == message


def test_audio_that_is_none_is_the_servers_fault() -> None:
    event: Any = decode_server_event('{"type":"response.output_audio.delta","delta":"no base64!"}')
    with pytest.raises(click.ClickException) as failed:
        decode_audio(event)
    assert (failed.value.message, failed.value.exit_code) == ("the server sent audio that is not base64", 1)
