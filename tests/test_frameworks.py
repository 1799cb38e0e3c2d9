"""One client for a process, under the test clients of frameworks: each request may have an event loop of its own."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from openai_realtime import AsyncRealtimeClient
from openai_realtime.emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def test_fastapi_without_a_lifespan_has_a_loop_for_each_request(emulator: Emulator) -> None:
    app, client = FastAPI(), AsyncRealtimeClient(**emulator.client_options)

    @app.post("/token")
    async def token() -> dict[str, str]:
        return {"value": (await client.create_realtime_client_secret()).value}

    @app.post("/ask")
    async def ask() -> dict[str, str]:
        async with client.connect(model="gpt-realtime-2.1") as connection:
            return {"text": (await connection.ask("Hello")).text}

    browser = TestClient(app)  # without `with`: each request runs in a new event loop
    values = {browser.post("/token").json()["value"] for _ in range(3)}
    assert len(values) == 3
    assert [browser.post("/ask").json() for _ in range(2)] == [{"text": "Hello"}] * 2


DJANGO = """
import django
from django.conf import settings
from django.http import JsonResponse
from django.test import Client
from django.urls import path
from openai_realtime import AsyncRealtimeClient, RealtimeClient
from openai_realtime.emulator import Emulator

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], SECRET_KEY="not one")
django.setup()
emulator = Emulator().start()
client, blocking = AsyncRealtimeClient(**emulator.client_options), RealtimeClient(**emulator.client_options)

async def token(request):
    return JsonResponse({"value": (await client.create_realtime_client_secret()).value})

def blocking_token(request):
    return JsonResponse({"value": blocking.create_realtime_client_secret().value})

urlpatterns = [path("token", token), path("blocking", blocking_token)]
browser = Client()
print(len({browser.post(url).json()["value"] for url in ("/token", "/blocking") * 2}))
blocking.close()
emulator.close()
"""


def test_django_views_of_both_colours() -> None:
    """In a process of its own: Django is configured once for all of a process."""
    command = [sys.executable, "-c", DJANGO]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert (done.stdout, done.stderr) == ("4\n", "")
