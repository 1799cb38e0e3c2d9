"""The blocking client in the workers of a real gunicorn."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from support.threads import DEADLINE, KEY, Server

APP = """
import os
from openai_realtime import RealtimeClient, RealtimeError
clients = []
def call():
    if not clients:
        clients.append(RealtimeClient(base_url=os.environ["BASE_URL"]))
    return clients[0].create_realtime_client_secret().value
if "PRELOADED" in os.environ:
    call()
def app(environ, start_response):
    try:
        text = call()
    except RealtimeError as error:
        text = str(error)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
"""


def answers(folder: Path, *options: str, **environ: str) -> list[str]:
    """What three requests to the app get."""
    (folder / "app.py").write_text(APP, encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "2", *options, "app:app"]
    env = {**os.environ, "OPENAI_API_KEY": KEY, **environ}
    with subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "Listening at: " in line)
            url = line.partition("Listening at: ")[2].split()[0]
            return [urllib.request.urlopen(url, timeout=DEADLINE).read().decode() for _ in range(3)]  # noqa: S310 - http
        finally:
            process.terminate()
            process.communicate(timeout=DEADLINE)


@pytest.mark.parametrize("options", [(), ("-k", "gthread", "--threads", "4")], ids=["sync", "gthread"])
def test_workers_with_threads(server: Server, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert answers(tmp_path, *options, BASE_URL=server.base_url) == ["ek_1"] * 3


def test_a_client_that_was_used_before_the_workers_were_forked(server: Server, tmp_path: Path) -> None:
    assert answers(tmp_path, "--preload", BASE_URL=server.base_url, PRELOADED="1") == ["ek_1"] * 3


def test_green_workers_are_refused_with_a_way_out(server: Server, tmp_path: Path) -> None:
    for answer in answers(tmp_path, "-k", "gevent", BASE_URL=server.base_url):
        assert "gevent has replaced" in answer
        assert "gunicorn -k gthread" in answer
    assert server.paths == []
