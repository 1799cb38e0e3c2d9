"""One client for a process, under the test clients of frameworks: each request may have an event loop of its own."""

from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from fastapi import FastAPI
from fastapi.testclient import TestClient

from openai_realtime import AsyncRealtimeClient, RealtimeClient
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


urlpatterns: list[object] = []
if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], SECRET_KEY="not one")
    django.setup()


def test_django_views_of_both_colours(emulator: Emulator) -> None:
    client = AsyncRealtimeClient(**emulator.client_options)
    blocking = RealtimeClient(**emulator.client_options)

    async def token(_: HttpRequest) -> JsonResponse:
        return JsonResponse({"value": (await client.create_realtime_client_secret()).value})

    def blocking_token(_: HttpRequest) -> JsonResponse:
        return JsonResponse({"value": blocking.create_realtime_client_secret().value})

    urlpatterns[:] = [path("token", token), path("blocking", blocking_token)]
    browser = Client()
    values = {browser.post(url).json()["value"] for url in ("/token", "/blocking") * 2}
    assert len(values) == 4
    blocking.close()
