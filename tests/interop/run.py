"""Independent clients hold conversations with the emulator: a table of who can, and of what went wrong.

Usage: ``python tests/interop/run.py FOLDER [PEER ...]``. What the peers need is installed into FOLDER, once.
Exits with 1 if a turn fails or is not told of, or if the emulator logs an error.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shutil
import ssl
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import trustme
from attrs import evolve, frozen

from openai_realtime.emulator import Emulator, Reply, ToolCall

PEERS = Path(__file__).with_name("peers")
TURNS = ("text", "audio", "tool", "cancel", "barge_in", "transcription", "transcription_session")
_LAST = "errors_of_the_handshake"  # of those that `more` holds
SPEEDS = (math.inf, 3.0)
DEADLINE = 180.0  # of all turns of a peer
STORY = "It was a dark and stormy night, and the rain fell in torrents. " * 12

Reports: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What a peer tells of each turn: `ok`, None for what it has no way to do, and `why`."""


@frozen
class Peer:
    """A client that nobody here wrote: its script, what to install for it, and whether it wants TLS or the beta.

    `more` is a script of more turns, which also wants the beta.
    """

    script: str
    packages: Sequence[str]
    tls: bool = False
    beta: bool = False
    more: str = ""

    @property
    def name(self) -> str:
        """The script's name."""
        return Path(self.script).stem

    @property
    def is_python(self) -> bool:
        """Whether it comes from PyPI; else it comes from npm."""
        return self.script.endswith(".py")

    def install(self, folder: Path) -> Path:
        """Install it below `folder`, unless that is done, and give the place."""
        home = folder / self.name
        if self.is_python and not (home / "bin").exists():
            venv.create(home, with_pip=True)
            subprocess.run([home / "bin" / "python", "-m", "pip", "install", "-q", *self.packages], check=True)
        if not self.is_python and not (home / "node_modules").exists():
            home.mkdir(parents=True, exist_ok=True)
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", *self.packages]
            subprocess.run(command, cwd=home, check=True)
        return home

    def command(self, home: Path) -> list[str]:
        """Give the command that holds the turns."""
        if self.is_python:
            return [str(home / "bin" / "python"), str(PEERS / self.script)]
        for script in PEERS.glob("*.mjs"):  # node looks for modules beside the script
            shutil.copy(script, home)
        return ["node", str(home / self.script)]

    def version(self, home: Path) -> str:
        """Give the name and the version of what is installed."""
        name = self.packages[0][0] + re.split(r"[\[@]", self.packages[0][1:])[0]
        if not self.is_python:
            package = json.loads((home / "node_modules" / name / "package.json").read_bytes())
            return f"npm {name} {package['version']}"
        code = f"import importlib.metadata as m; print(m.version({name!r}))"
        found = subprocess.run([home / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)
        return f"{name} {found.stdout.strip()}"


ALL = (
    Peer("openai_python.py", ["openai[realtime]"], more="openai_python_more.py"),
    Peer("openai_agents.py", ["openai-agents[realtime,voice]"]),
    Peer("livekit_agents.py", ["livekit-plugins-openai[realtime]"]),
    Peer("pipecat_ai.py", ["pipecat-ai[openai]"]),
    Peer("pydantic_ai_realtime.py", ["pydantic-ai-slim[openai,realtime]"]),
    Peer("strands_bidi.py", ["strands-agents[bidi-openai]"]),
    Peer("openai_node.mjs", ["openai@7", "ws"], tls=True),
    Peer("agents_realtime_node.mjs", ["@openai/agents-realtime", "zod"]),
    Peer("reference_node.mjs", ["openai-realtime-api@1"], beta=True),
)


class Complaints(logging.Handler):
    """Keeps what is logged as an error: the emulator has no business to have any."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record as text."""
        self.texts.append(self.format(record))


def main(folder: Path, names: Sequence[str]) -> int:
    """Let the peers with these `names`, or all, hold their turns; print the table, and give the exit code."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    _print_row("", "speed", TURNS)
    reasons: dict[str, list[str]] = {}
    failed = False
    for peer in ALL:
        if names and peer.name not in names:
            continue
        home = peer.install(folder)
        version = peer.version(home)
        for speed in SPEEDS:
            reports = hold(peer, home, speed)
            _print_row(version, f"{speed:g}", [_word(reports[turn]) for turn in TURNS])
            if peer.more:
                more = hold(evolve(peer, script=peer.more, beta=True), home, speed, [_LAST])
                print(f"{'':43}  {sum(bool(report['ok']) for report in more.values())} more turns of {len(more)}")
                reports = {**reports, **more}
            for turn, report in reports.items():
                if not report["ok"]:
                    reasons.setdefault(f"{version}: {report['why']}", []).append(f"{turn} at {speed:g}")
            failed = failed or any(report["ok"] is False for report in reports.values())
    print("", *(f"{why} ({', '.join(turns)})" for why, turns in reasons.items()), *complaints.texts, sep="\n")
    return 1 if failed or complaints.texts else 0


def hold(peer: Peer, home: Path, speed: float, turns: Sequence[str] = TURNS) -> Reports:
    """Let a peer that is installed in `home` hold turns, at least `turns`, with an emulator; give what it tells."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    tls = context if peer.tls else None
    with authority.cert_pem.tempfile() as trusted, Emulator(speed=speed, tls=tls, beta=peer.beta) as emulator:
        prepare(emulator, speed)
        settings = {
            "OPENAI_BASE_URL": emulator.base_url,
            "OPENAI_API_KEY": emulator.api_key,
            "NODE_EXTRA_CA_CERTS": trusted,
        }
        output, log = _run(peer.command(home), settings)
    lines = (json.loads(line) for line in output.splitlines() if line.startswith('{"turn"'))
    untold = {turn: {"ok": False, "why": f"never told: {log[-400:]}"} for turn in turns}
    return untold | {line["turn"]: line for line in lines}


def prepare(emulator: Emulator, speed: float) -> None:
    """Script the model for the texts of ``peers/turns.py``."""
    emulator.reply("Hello there.", when="Say hello")
    emulator.reply(Reply(tool_calls=[ToolCall(name="weather", arguments='{"city": "Rome"}')]), when="weather in Rome?")
    emulator.reply("I heard you.", when="seconds of speech")
    emulator.reply(Reply(text=STORY, pause_after=8 if math.isinf(speed) else None), when="a story")


def _run(command: Sequence[str], settings: Mapping[str, str]) -> tuple[str, str]:
    """Run a peer; give what it printed, and what it logged."""
    environment = {**os.environ, **settings}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False)
    except subprocess.TimeoutExpired as expired:
        return (expired.stdout or b"").decode(), (expired.stderr or b"").decode()
    return done.stdout, done.stderr


def _word(report: Mapping[str, Any]) -> str:
    if report["ok"] is None:
        return "-"
    return "ok" if report["ok"] else "FAILED"


def _print_row(name: str, speed: str, cells: Sequence[str]) -> None:
    columns = (f"{cell:{len(turn)}}" for cell, turn in zip(cells, TURNS, strict=True))
    print(f"{name:36}", f"{speed:5}", *columns, sep="  ", flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
