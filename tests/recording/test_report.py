"""What a recording tells: its turns and where their time went, how it differs from another, and as a page."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright
from support.cli import run

from openai_realtime.audio import pcm_to_alaw, pcm_to_ulaw
from openai_realtime.recording import read
from openai_realtime.recording.diff import compare
from openai_realtime.recording.html import page
from openai_realtime.recording.report import report

CHROMIUM = shutil.which("chromium")
LOUD = base64.b64encode(b"\x00\x40\x00\xc0" * 12_000).decode()  # a second
SAID = "I said: </script><script>alert(1)</script>"


def line(ms: float, sender: str, type: str, **fields: Any) -> str:  # noqa: A002 - the wire's name
    return json.dumps({"ms": ms, "dir": sender, "event": {"type": type, **fields}})


def place(response_id: str, item_id: str) -> dict[str, Any]:
    return {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}


CALL = {"id": "f", "type": "function_call", "name": "look", "call_id": "c1", "arguments": "{}", "status": "completed"}
DETECTION = {"type": "server_vad", "silence_duration_ms": 200}
LINES = [
    '{"version": 1}',
    line(0, "server", "session.created", session={"audio": {"input": {"turn_detection": DETECTION}}}),
    line(5, "client", "session.update", session={"type": "realtime"}),
    line(45, "server", "session.updated", session={"audio": {"input": {"turn_detection": DETECTION}}}),
    line(100, "client", "input_audio_buffer.append", audio=LOUD),
    line(1300, "client", "input_audio_buffer.append", audio=LOUD),
    line(1500, "server", "input_audio_buffer.speech_stopped", audio_end_ms=1200, item_id="u"),
    line(1510, "server", "input_audio_buffer.committed", item_id="u", previous_item_id=None),
    line(1600, "server", "response.created", response={"id": "r1", "conversation_id": "c"}),
    line(1700, "server", "response.output_item.done", response_id="r1", output_index=0, item=CALL),
    line(1710, "server", "response.done", response={"id": "r1", "status": "completed", "usage": {"input_tokens": 9}}),
    line(1950, "client", "conversation.item.create",
         item={"type": "function_call_output", "call_id": "c1", "output": "5"}),
    line(1960, "client", "response.create"),
    line(2000, "server", "response.created", response={"id": "r2", "conversation_id": "c"}),
    line(2010, "server", "response.output_item.added", response_id="r2", output_index=0,
         item={"id": "a", "type": "message", "role": "assistant", "status": "in_progress"}),
    line(2010, "server", "conversation.item.added", item={"id": "a", "type": "message", "role": "assistant"}),
    line(2250, "server", "response.output_audio.delta", **place("r2", "a"), delta=LOUD),
    line(2260, "server", "response.output_audio_transcript.done", **place("r2", "a"), transcript=SAID),
    line(2500, "server", "input_audio_buffer.speech_started", audio_start_ms=2000, item_id="v"),
    line(2510, "server", "response.done", response={"id": "r2", "status": "failed", "status_details": {
        "type": "failed", "error": {"code": "rate_limit_exceeded"}}}),
    line(2520, "server", "conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=250),
    line(2600, "server", "error", error={"type": "server_error", "message": "sorry, sk-secret-1234567890"}),
]  # fmt: skip


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "session.jsonl"
    path.write_text("\n".join(LINES) + "\n")
    return path


def test_each_turn_has_its_latencies_tools_and_tokens(recording: Path) -> None:
    told = report(read(recording))
    first, second = told.turns
    assert (first.detection_ms, first.response_ms, first.model_ms) == (1400, 100, None)
    assert (first.usage.input_tokens, second.status, second.reason) == (9, "failed", "rate_limit_exceeded")
    (tool,) = first.tools
    assert (tool.name, tool.ms, tool.output) == ("look", 250, "5")
    assert (second.response_ms, second.model_ms, second.audio_ms, second.heard_ms) == (40, 250, 1000, 250)
    assert (told.network_ms, told.duration_ms) == (40, 2600)
    assert told.errors == [(2600, "server_error", "sorry, sk-secret-1234567890")]


def test_inspect_prints_what_happened(recording: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"input_text": 1000000}')
    result = run("inspect", str(recording), "--prices", str(prices))
    assert result.exit_code == 0
    latency = "end of speech 1400 ms, response 100 ms, model unknown"
    for text in ("look{}: 250 ms", "250 of 1000 ms were heard", "failed rate_limit_exceeded", "network  40 ms",
                 latency, "cost     9.0000", "sorry, sk-***"):  # fmt: skip
        assert text in result.stdout
    prices.write_text('{"made_up": 1}')
    assert run("inspect", str(recording), "--prices", str(prices)).exit_code == 2
    assert run("inspect", str(prices)).exit_code == 2


def test_diff_tells_types_fields_and_order(recording: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(recording.read_text().replace('"output": "5"', '"outputs": "5"').replace('"error"', '"news"'))
    result = run("diff", str(recording), str(other))
    assert result.exit_code == 1
    assert "+ client conversation.item.create: item.outputs\n" in result.stdout
    assert "- client conversation.item.create: item.output\n" in result.stdout
    assert "+ server news\n" in result.stdout
    assert "-server error" in result.stdout
    assert run("diff", str(recording), str(recording)).exit_code == 0
    assert compare(read(recording), read(recording)).is_empty


@pytest.mark.anyio
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs: apt-get install chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_shows_it_in_a_browser(recording: Path, tmp_path: Path, scheme: Any) -> None:
    html = tmp_path / "page.html"
    assert run("inspect", str(recording), "--html", str(html)).exit_code == 0
    problems: list[str] = []
    requests: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            tab = await browser.new_page(color_scheme=scheme)
            tab.on("pageerror", lambda error: problems.append(str(error)))
            tab.on("dialog", lambda dialog: problems.append(dialog.message))
            tab.on("request", lambda request: requests.append(request.url))
            await tab.goto(html.as_uri())
            text = await tab.inner_text("body")
            await tab.focus("canvas")
            whole = await tab.screenshot()
            for key in ("+", "+", "ArrowRight"):
                await tab.keyboard.press(key)
            zoomed = await tab.screenshot()
            await tab.keyboard.press("0")
            assert await tab.screenshot() == whole != zoomed
            await tab.mouse.move(300, 200)
            await tab.mouse.wheel(0, -300)
            await tab.wait_for_function("span < all")
        finally:
            await browser.close()
    assert (problems, requests) == ([], [html.as_uri()])
    for expected in ("I said:", "250 of 1,000 ms heard", "1,400 + 100 + ", "look{} → 5 (250 ms)"):
        assert expected in text


def test_no_text_of_a_session_ends_the_script_of_the_page(recording: Path) -> None:
    entries = list(read(recording))
    assert page(entries, report(entries)).count("</script>") == 1


@pytest.mark.parametrize(
    ("session", "encode"),
    [({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, pcm_to_ulaw),
     ({"input_audio_format": "g711_alaw"}, pcm_to_alaw)],
)  # fmt: skip
def test_speech_of_the_telephone_has_its_length_and_its_wave(tmp_path: Path, session: Any, encode: Any) -> None:
    path = tmp_path / "call.jsonl"
    audio = base64.b64encode(encode(b"\x00\x40\x00\xc0" * 4_000)).decode()  # a second
    path.write_text("\n".join((
        line(0, "server", "session.created", session=session),
        line(100, "client", "input_audio_buffer.append", audio=audio),
        line(1100, "client", "input_audio_buffer.append", audio="AA=="),
        line(1500, "server", "input_audio_buffer.speech_stopped", audio_end_ms=1000, item_id="u"),
        line(1600, "server", "response.created", response={"id": "r1", "conversation_id": "c"}),
    )))  # fmt: skip
    entries = list(read(path))
    (turn,) = report(entries).turns
    assert turn.detection_ms == 1400
    waves = json.loads(re.search(r'"waves":({.*?})', page(entries, report(entries)))[1])  # type: ignore[index]
    (start, peaks), *_ = waves["user"]
    assert (start, len(peaks)) == (100, 51)
    assert all(48 <= peak <= 52 for peak in peaks[:50])
