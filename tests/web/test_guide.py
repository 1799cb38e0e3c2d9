"""What the guide's own services let in."""

import asyncio

import aiohttp
import pytest
from support.guides import ROOT, blocks, ran
from support.web import DEADLINE, under_aiohttp
from twilio.request_validator import RequestValidator

pytestmark = pytest.mark.anyio


async def test_the_stream_of_the_guide_lets_in_only_twilio() -> None:
    (param,) = blocks([ROOT / "openai_realtime" / "web" / "README.rst"], "python", "RequestValidator")
    signer = RequestValidator("the auth token of your account")
    signed = signer.compute_signature("wss://voice.example.com/stream", {})
    with ran(param.values[0]) as (names, _):
        async with asyncio.timeout(DEADLINE), under_aiohttp(names["app"]) as url, aiohttp.ClientSession() as http:
            for signature in ("", "made up"):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await http.ws_connect(url + "/stream", headers={"X-Twilio-Signature": signature})
                assert refused.value.status == 403
            async with http.ws_connect(url + "/stream", headers={"X-Twilio-Signature": signed}) as socket:
                await socket.send_json({"event": "stop", "streamSid": "MZ1"})
                assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            await names["client"].close()
