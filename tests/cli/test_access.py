import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support.cli import DEADLINE, run

from openai_realtime.cli.access import check_model
from openai_realtime.emulator import Emulator

TOMORROW = datetime.now(UTC) + timedelta(days=1)


@contextlib.contextmanager
def listing(models: Any) -> Iterator[Any]:
    """The options of a client whose server lists `models`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"data": models}).encode()
            self.send_response(200 if self.path == "/v1/models" else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "any", "timeout": DEADLINE}
        finally:
            server.shutdown()
            thread.join(DEADLINE)


@pytest.mark.parametrize(
    ("models", "ok", "found"),
    [
        ([{"id": "m", "shutdown_date": "2026-01-20"}], False, "m ended on 2026-01-20"),
        ([{"id": "m", "shutdown_date": 1_700_000_000}], False, "m ended on 2023-11-14"),
        ([{"id": "m", "shutdown_date": f"{TOMORROW:%Y-%m-%d}T00:00:00Z"}], True, f"m works until {TOMORROW:%Y-%m-%d}"),
        ([{"id": "m", "shutdown_date": None}], True, "no end of m is announced"),
        ([{"id": "m"}, {"id": "n", "shutdown_date": "2026-01-20"}, 5], True, "no end of m is announced"),
        (
            [{"id": "m", "shutdown_date": "soon"}, {"id": "m", "shutdown_date": 10**30}],
            True,
            "no end of m is announced",
        ),
        ({"m": 1}, True, "no end of m is announced"),
        (None, True, "no end of m is announced"),
    ],
)
def test_the_end_of_a_model(models: Any, ok: bool, found: str) -> None:  # noqa: FBT001 - a parameter of the table
    with listing(models) as options:
        check = check_model(options, "m")
    assert (check.ok, bool(check.fix)) == (ok, not ok)
    assert check.found.startswith(found)


def test_a_server_without_a_list_of_models(emulator: Emulator) -> None:
    options: Any = {"base_url": emulator.base_url.removesuffix("/v1"), "api_key": "any"}
    assert check_model(options, "m").ok is None


def test_doctor_takes_the_short_key_of_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234")
    with listing([]) as options:
        result = run("doctor", "--base-url", options["base_url"])
    lines = {line[6:15].strip(): line[:4].strip() for line in result.stdout.splitlines()}
    assert (lines["Key"], lines["Access"], lines["WebSocket"], lines["Model"]) == ("ok", "FAIL", "FAIL", "ok")


def test_doctor_opens_a_session_with_the_model_it_is_given(emulator: Emulator) -> None:
    result = run("doctor", "--model", "gpt-4o")
    assert result.exit_code == 1
    assert "FAIL  WebSocket  " in result.stdout
    assert "ok    Access" in result.stdout
    assert "-> name a model of this server with --model" in result.stdout
