"""The page in a real browser, whose microphone repeats a WAV file: two seconds of a tone, four of silence."""

import asyncio
import math
import os
import shutil
import struct
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect
from support.hearing import likeness
from support.sound import packed
from support.speech import say
from support.web import under_aiohttp

from openai_realtime import (
    AsyncRealtimeClient,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeSessionConfig,
)
from openai_realtime.emulator import Emulator
from openai_realtime.models import AudioTranscription
from openai_realtime.web.broker import Broker, BrokerSettings
from openai_realtime.web.messages import WebRequest

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs: apt-get install chromium"),
]
DEADLINE = 60_000  # milliseconds
expect.set_options(timeout=DEADLINE)
SESSION = RealtimeSessionConfig(
    model="gpt-realtime-2.1",
    audio=RealtimeAudioConfig(input=RealtimeAudioInput(transcription=AudioTranscription(model="gpt-4o-transcribe"))),
)
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]
# Keeps what comes in over WebRTC, as samples of 24 kHz, and takes the microphone as it is, without a browser's filters.
EAR = """
window.heard = [];
const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const open = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = function () { return open.call(this, { audio: raw }); };
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) {
    super(...options);
    this.addEventListener("track", ({ track }) => {
      const audio = new AudioContext({ sampleRate: 24000 });
      const ear = audio.createScriptProcessor(4096, 1, 1);
      ear.onaudioprocess = ({ inputBuffer }) => {
        for (const sample of inputBuffer.getChannelData(0)) heard.push((sample * 32767) | 0);
      };
      audio.createMediaStreamSource(new MediaStream([track])).connect(ear).connect(audio.destination);
    });
  }
};
"""


@define
class Visit:
    page: Page
    emulator: Emulator
    broker: Broker
    errors: list[str]

    async def connect(self, transport: str) -> None:
        await self.page.select_option("#transport", transport)
        await self.page.click("#connect")
        await expect(self.page.locator("#status")).to_have_text("connected")

    async def say(self, text: str) -> None:
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def until(self, kind: str) -> None:
        """Return when an event of a type has come or gone."""
        await expect(self.page.locator(f'#log li[data-type="{kind}"]').first).to_be_attached()

    async def events(self, kind: str) -> int:
        return await self.page.locator(f'#log li[data-type="{kind}"]').count()


def microphone(path: Path, speech: bytes = b"") -> Path:
    rate = 24_000
    tone = (int(12_000 * math.sin(2 * math.pi * 300 * at / rate)) for at in range(2 * rate))
    speech = speech or b"".join(struct.pack("<h", sample) for sample in tone)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(speech + bytes(2 * 4 * rate))
    return path


@asynccontextmanager
async def visit(
    tmp_path: Path, *, allowed: bool = True, user: str = "ada", speech: bytes = b"", **context: Any
) -> AsyncIterator[Visit]:
    """A browser at the page of a broker on an emulator that takes the time that the API takes."""
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone(tmp_path / 'microphone.wav', speech)}"]

    def authorize(_: WebRequest) -> str:
        return user

    async with (
        Emulator(speed=1.0) as emulator,
        AsyncRealtimeClient(**emulator.client_options) as client,
        async_playwright() as playwright,
    ):
        settings = BrokerSettings(session=SESSION, authorize=authorize, salt="0123456789abcdef", rate=100)
        broker = Broker(client, settings, page=True)
        permission = ["--use-fake-ui-for-media-stream"] if allowed else ["--deny-permission-prompts"]
        async with under_aiohttp(broker.app) as url:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*flags, *permission])
            page = await (await browser.new_context(**context)).new_page()
            page.set_default_timeout(DEADLINE)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.add_init_script(EAR)
            await page.goto(url + "/")
            yield Visit(page, emulator, broker, errors)
            await browser.close()
            await broker.close()
    assert errors == []


async def test_a_conversation_by_voice_and_in_text(tmp_path: Path) -> None:
    async with visit(tmp_path, bypass_csp=True) as here:  # the policy forbids what reads the meter below
        here.emulator.queue_transcripts("A table for four, please.")
        here.emulator.reply("With pleasure.")
        await here.connect("websocket")
        captions = here.page.locator("#captions li")
        await expect(captions.filter(has_text="YouA table for four, please.")).to_be_visible()
        await expect(captions.filter(has_text="ModelWith pleasure.")).to_be_visible()
        await here.until("response.done")
        await here.say("Thank you")
        await expect(captions.filter(has_text="YouThank you")).to_be_visible()
        await here.page.wait_for_function("document.getElementById('output').value > 0.05")
        assert (await here.page.inner_text("#latency")).endswith(" ms")


async def test_speech_interrupts_and_truncates_at_what_was_heard(tmp_path: Path) -> None:
    async with visit(tmp_path) as here:
        await here.connect("websocket")
        await here.until("response.done")  # the first turn's: one response at a time
        here.emulator.reply("word " * 60)
        await here.say("Tell me a long story")
        await here.until("conversation.item.truncated")
        assert await here.events("error") == 0


async def test_over_webrtc_the_caller_hears_what_he_said(tmp_path: Path) -> None:
    said = say("A table for four, please.")
    async with visit(tmp_path, speech=bytes(2 * 24_000) + said) as here:
        here.emulator.queue_transcripts("A table for four, please.")
        await here.connect("webrtc")
        await here.until("output_audio_buffer.stopped")
        captions = here.page.locator("#captions li")
        await expect(captions.filter(has_text="YouA table for four, please.")).to_be_visible()
        await expect(captions.filter(has_text="ModelA table for four, please.")).to_be_visible()
        heard = packed(await here.page.evaluate("heard"))
        assert likeness(said, heard) > 0.5  # of another speech it is below 0.3
        assert (await here.page.inner_text("#latency")).endswith(" ms")
        assert await here.events("error") == 0


async def test_over_webrtc_the_server_truncates_and_a_call_ends_with_the_page(tmp_path: Path) -> None:
    async with visit(tmp_path, speech=say("Wait, please, wait.")) as here:
        here.emulator.reply("word " * 60)
        await here.connect("webrtc")
        await here.until("conversation.item.truncated")  # the microphone repeats itself
        assert await here.events("output_audio_buffer.cleared") > 0
        assert await here.events("error") == 0
        assert len(here.emulator._sessions.calls) == 1
        await here.page.click("#connect")
        await expect(here.page.locator("#status")).to_have_text("not connected")
        async with asyncio.timeout(DEADLINE / 1000):
            while here.emulator._sessions.connections:  # noqa: ASYNC110 - the call's, and its sideband
                await asyncio.sleep(0.01)


async def test_the_page_is_left_as_it_was_found(tmp_path: Path) -> None:
    async with visit(tmp_path) as here:
        await here.connect("websocket")
        await here.page.click("#mute")
        await expect(here.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await here.page.click("#connect")
        await expect(here.page.locator("#status")).to_have_text("not connected")
        await expect(here.page.locator("#mute")).to_be_disabled()
        await here.connect("websocket")


async def test_each_thing_that_can_go_wrong_says_what_to_do(tmp_path: Path) -> None:
    async with visit(tmp_path, allowed=False) as here:
        await here.page.click("#connect")
        await expect(here.page.locator("#problem")).to_contain_text("Allow it for this page")
    async with visit(tmp_path, user="") as here:
        await here.page.select_option("#transport", "websocket")
        await here.page.click("#connect")
        await expect(here.page.locator("#problem")).to_contain_text("are you signed in")
        await here.page.select_option("#transport", "webrtc")
        await here.page.click("#connect")
        await expect(here.page.locator("#problem")).to_contain_text("Sign in")
    async with visit(tmp_path) as here:
        await here.connect("websocket")
        await here.broker.close()
        await expect(here.page.locator("#problem")).to_contain_text("Connect again")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
async def test_everybody_can_use_it(tmp_path: Path, scheme: str, width: int) -> None:
    async with visit(tmp_path, color_scheme=scheme, viewport={"width": width, "height": 800}) as here:
        await here.connect("websocket")
        await here.say("Hello")
        await expect(here.page.locator("#captions li").nth(0)).to_be_visible()
        found = await Axe().run(here.page)
        assert found.violations_count == 0, found.generate_report()
        wide = await here.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide
        folder = os.environ.get("SCREENSHOTS")  # for people who want to look
        if folder:
            await here.page.screenshot(path=f"{folder}/page-{scheme}-{width}.png")


async def test_it_works_by_keyboard_alone(tmp_path: Path) -> None:
    async with visit(tmp_path) as here:
        reached = []
        for _ in range(8):
            await here.page.keyboard.press("Tab")
            reached.append(await here.page.evaluate("document.activeElement.id"))
        assert [name for name in reached if name][:2] == ["transport", "connect"]
        await here.page.focus("#connect")
        await here.page.keyboard.press("Enter")
        await expect(here.page.locator("#status")).not_to_have_text("not connected")
        await asyncio.sleep(0)
