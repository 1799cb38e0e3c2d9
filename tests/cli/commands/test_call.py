import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.cli import error_line, run, write

from openai_realtime.emulator import Emulator

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-pwd:hidden\r\n"


def open_call() -> str:
    call_id = json.loads(run("call", "create", "-", "--json", input=OFFER).stdout)["call_id"]
    assert isinstance(call_id, str)
    return call_id


def test_a_call_without_settings_sends_the_offer_alone(emulator: Emulator, tmp_path: Path) -> None:
    offer = tmp_path / "offer.sdp"
    offer.write_bytes(OFFER.encode())
    result = run("call", "create", str(offer))
    assert result.exit_code == 0, result.stderr
    assert emulator.requests[0].body == OFFER.encode()
    assert emulator.requests[0].headers["content-type"] == "application/sdp"
    assert re.search(r"^  call +rtc_", result.stdout, re.MULTILINE)
    assert re.search(r"^  SDP answer +\d+ lines; --output FILE or --json gives them$", result.stdout, re.MULTILINE)
    assert "v=0" not in result.stdout


def test_a_call_with_settings_sends_both(emulator: Emulator, tmp_path: Path) -> None:
    config = write(tmp_path / "session.json", {"type": "realtime", "instructions": "Sing."})
    assert run("call", "create", "-", "--config", config, "--voice", "ash", input=OFFER).exit_code == 0
    body = emulator.requests[0].body.decode()
    assert OFFER in body
    assert '"instructions":"Sing."' in body
    assert '"audio":{"output":{"voice":"ash"}}' in body


def test_json_of_a_call_has_the_sdp(emulator: Emulator) -> None:
    answer = json.loads(run("call", "create", "-", "--model", "gpt-realtime", "--json", input=OFFER).stdout)
    assert answer["sdp"].startswith("v=0")
    assert answer["location"].endswith(answer["call_id"])


@pytest.mark.parametrize(
    ("arguments", "action", "body", "title"),
    [
        (
            ["accept", "ID", "--model", "gpt-realtime"],
            "accept",
            {"type": "realtime", "model": "gpt-realtime"},
            "Accepted",
        ),
        (["reject", "ID", "--status-code", "486"], "reject", {"status_code": 486}, "Rejected"),
        (["refer", "ID", "tel:+14155550123"], "refer", {"target_uri": "tel:+14155550123"}, "Referred"),
        (["hangup", "ID"], "hangup", None, "Hung up"),
    ],
)
def test_control_of_calls(emulator: Emulator, arguments: list[str], action: str, body: Any, title: str) -> None:
    call_id = open_call()
    result = run("call", *(call_id if argument == "ID" else argument for argument in arguments))
    assert result.exit_code == 0, result.stderr
    assert emulator.requests[-1].path == f"/v1/realtime/calls/{call_id}/{action}"
    assert emulator.requests[-1].json == body
    assert result.stdout.startswith(f"{title} {call_id}")


def test_json_of_a_call_without_a_body_is_an_empty_object(emulator: Emulator) -> None:
    assert run("call", "hangup", open_call(), "--json").stdout == "{}\n"


def test_an_offer_that_is_no_text(tmp_path: Path) -> None:
    offer = tmp_path / "offer.sdp"
    offer.write_bytes(b"\xff\xfe")
    result = run("call", "create", str(offer))
    assert (result.exit_code, error_line(result)) == (2, f"Error: {offer}: not UTF-8 text, so no SDP offer")
