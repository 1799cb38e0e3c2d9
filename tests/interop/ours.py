"""Our client in front of servers that others wrote: one line for each turn."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from openai_realtime import AsyncRealtimeClient

DEADLINE = 20.0

Turn: TypeAlias = Callable[[AsyncRealtimeClient], Coroutine[Any, Any, object]]


async def hold(server: str, base_url: str, turns: Sequence[Turn]) -> int:
    """Hold the turns with the server at `base_url`; print what came of each, and give the exit code."""
    failed = False
    async with AsyncRealtimeClient(base_url=base_url, api_key="sk-mock") as client:
        for turn in turns:
            try:
                await asyncio.wait_for(turn(client), DEADLINE)
            except Exception as error:  # noqa: BLE001 - told in the table
                failed = True
                print(f"{server}  {turn.__name__:44} FAILED  {type(error).__name__}: {error}")
            else:
                print(f"{server}  {turn.__name__:44} ok")
    return int(failed)


@asynccontextmanager
async def serving(home: Path, package: str, *command: str) -> AsyncIterator[str]:
    """Run a server of npm's `package`, installed into `home` once, with node; give the URL that it says."""
    await asyncio.to_thread(_install, home, package)
    server = await asyncio.create_subprocess_exec(
        "node", *command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert server.stdout is not None
        while line := await server.stdout.readline():
            if found := re.search(rb"(?:listening|requests) on (http://\S+)", line):
                break
        assert found, f"{package} did not start"
        yield found[1].decode()
    finally:
        server.terminate()
        await server.wait()


def _install(home: Path, package: str) -> None:
    if not (home / "node_modules").exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", package], cwd=home, check=True)
