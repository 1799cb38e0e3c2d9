"""The guides' services under the servers that people run them with: 50 users at once, and an end in the middle."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from attrs import frozen
from support.guides import ROOT, examples

pytestmark = pytest.mark.anyio

DEADLINE = 120
END = 20  # seconds, in which a service ends though its sessions would go on
USERS = 50
GUIDE = ROOT / "openai_realtime" / "web" / "README.rst"
UVICORN = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--fd", "{fd}"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "fd://{fd}", "--workers", "2", "--log-level", "error"]
AIOHTTP = """
import socket, sys
from aiohttp import web
from service import app
web.run_app(app, sock=socket.socket(fileno={fd}), print=None)
"""
SAY = {
    "type": "conversation.item.create",
    "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello there"}]},
}
RESPOND = {"type": "response.create", "response": {"output_modalities": ["text"]}}


@frozen
class Service:
    """A guide's example in a process of its own."""

    process: subprocess.Popen[bytes]
    http: aiohttp.ClientSession
    url: str

    async def token(self, path: str, user: str) -> str:
        async with self.http.post(self.url + path, headers={"x-user": user}) as response:
            assert response.status == 200
            return str((await response.json())["value"])

    async def talk(self, user: str) -> aiohttp.ClientWebSocketResponse:
        """Open a relayed session and have it answer."""
        opened = await self.http.ws_connect(self.url + "/voice/realtime", headers={"x-user": user})
        await opened.send_json(SAY)
        await opened.send_json(RESPOND)
        while (await opened.receive_json())["type"] != "response.done":
            pass
        return opened

    async def end(self, seconds: float = DEADLINE) -> None:
        """Ask it to end, as a deploy does."""
        self.process.send_signal(signal.SIGTERM)
        ended = await asyncio.to_thread(self.process.wait, seconds)
        assert ended in (0, -signal.SIGTERM)  # uvicorn ends as the signal would have it


async def close_code(opened: aiohttp.ClientWebSocketResponse) -> int | None:
    async for _ in opened:
        pass
    return opened.close_code


@asynccontextmanager
async def service(folder: Path, guide: Path, word: str, command: Sequence[str]) -> AsyncIterator[Service]:
    """The example of a guide that has a word, run by a command; it listens before it has begun."""
    (code,) = [str(example.parsed) for example in examples(guide) if word in str(example.parsed)]
    (folder / "service.py").write_text(code)
    with socket.create_server(("127.0.0.1", 0), backlog=2 * USERS) as listening:
        arguments = [part.format(fd=listening.fileno()) for part in command]
        process = subprocess.Popen(arguments, cwd=folder, pass_fds=[listening.fileno()])  # noqa: ASYNC220, S603
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        async with (
            asyncio.timeout(DEADLINE),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        ):
            yield Service(process, http, url)
    finally:
        process.kill()
        process.wait(DEADLINE)


@pytest.mark.parametrize(
    ("word", "command"),
    [
        pytest.param("FastAPI(", [*UVICORN, "service:app"], id="fastapi-uvicorn"),
        pytest.param("get_asgi_application", [*UVICORN, "service:application"], id="django-uvicorn"),
        pytest.param("web.Application()", [sys.executable, "-c", AIOHTTP], id="aiohttp"),
    ],
)
async def test_many_users_and_an_end_in_the_middle(word: str, command: Sequence[str], tmp_path: Path) -> None:
    users = [f"user-{number}" for number in range(USERS)]
    async with service(tmp_path, GUIDE, word, command) as running:
        secrets = await asyncio.gather(*(running.token("/voice/client_secret", user) for user in users))
        assert len({*secrets}) == USERS
        sockets = await asyncio.gather(*(running.talk(user) for user in users))
        _, *codes = await asyncio.gather(running.end(END), *map(close_code, sockets))
        assert {*codes} <= {1001, 1012}  # the broker's, or the server's


@pytest.mark.parametrize("options", ["-k sync", "-k gthread", "-k sync --preload", "-k gthread --preload"])
async def test_the_blocking_client_before_and_after_the_fork(options: str, tmp_path: Path) -> None:
    command = [*GUNICORN, *options.split(), "service:app"]
    async with service(tmp_path, ROOT / "openai_realtime" / "README.rst", "import Flask", command) as running:
        await has_tokens(running)


async def test_the_blocking_client_in_plain_views_under_asgi(tmp_path: Path) -> None:
    async with service(tmp_path, GUIDE, "get_asgi_application", [*UVICORN, "service:application"]) as running:
        await has_tokens(running)


async def has_tokens(running: Service) -> None:
    secrets = await asyncio.gather(*(running.token("/token", "ada") for _ in range(USERS)))
    assert all(secret.startswith("ek_") for secret in secrets)
    await running.end()
