"""Checks of the settings: versions, key and base URL. They contact nobody."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import attrs

from openai_realtime import __version__
from openai_realtime._config import ClientOptions, resolve_config
from openai_realtime.errors import ConfigurationError

KEYS: Final = "https://platform.openai.com/api-keys"
_OPENAI: Final = "api.openai.com"


@attrs.frozen
class Check:
    """One line of the report. `ok` is None for a check that was left out; `fix` says what to do."""

    name: str
    ok: bool | None
    found: str
    fix: str = ""


def passed(name: str, found: str) -> Check:
    """Make the line of a check that went well."""
    return Check(name, ok=True, found=found)


def failed(name: str, found: str, fix: str) -> Check:
    """Make the line of a check that failed; `fix` says what to do."""
    return Check(name, ok=False, found=found, fix=fix)


def skipped(name: str, why: str = "not tried") -> Check:
    """Make the line of a check that was not made."""
    return Check(name, ok=None, found=why)


def requirements() -> Sequence[str]:
    """Read what the installed package needs; nothing if it is not installed."""
    try:
        return importlib.metadata.requires("openai-realtime") or ()
    except importlib.metadata.PackageNotFoundError:
        return ()  # run from its source without being installed


def required(requirements: Sequence[str]) -> dict[str, str]:
    """Find the least version of each library that the package or its command line needs."""
    pattern = re.compile(r"([\w-]+)>=([\d.]+)(?:;extra==.cli.)?")
    found = (pattern.fullmatch(line.replace(" ", "")) for line in requirements)
    return {match[1]: match[2] for match in found if match}


def check_python() -> Check:
    """Tell the version and the system."""
    return passed("Python", f"{platform.python_version()} on {platform.system()}")


def check_libraries(least: Mapping[str, str], installed: Callable[[str], str]) -> Check:
    """Compare versions with the least ones; `installed` gives the version of a library."""
    found = {name: installed(name) for name in least}
    old = [f"{name}>={least[name]}" for name in least if _numbers(found[name]) < _numbers(least[name])]
    text = ", ".join(f"{name} {version}" for name, version in {"openai-realtime": __version__, **found}.items())
    if old:
        return failed("Libraries", text, "pip install " + " ".join(map(repr, old)))
    return passed("Libraries", text)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def check_key(key: object, host: str = _OPENAI) -> Check:
    """Check that the key is there and looks like one of `host`. Nothing of it is shown."""
    if not key:
        fix = f"export OPENAI_API_KEY=sk-... with a key from {KEYS}; to try it without one: --emulator"
        return failed("Key", "OPENAI_API_KEY is not set", fix)
    text = str(key).strip()
    try:
        resolve_config({"api_key": text}, {})
    except ConfigurationError as error:
        return failed("Key", str(error), "copy the key anew into OPENAI_API_KEY")
    if text.startswith("ek_"):
        return failed(
            "Key",
            "a client secret, which mints no others",
            f"a client secret opens sessions only: set an API key from {KEYS}",
        )
    if host == _OPENAI and text.startswith("sk-") and not re.fullmatch(r"sk-[\w-]{16,}", text):
        return failed("Key", "cut short, or an example", f"copy the whole key, or make one at {KEYS}")
    return passed("Key", "sk-***" if text.startswith("sk-") else "set, in another form than OpenAI's sk-...")


def check_base_url(options: ClientOptions, environ: Mapping[str, str]) -> Check:
    """Check that the base URL in use is one."""
    try:
        # The key has a line of its own; here any will do.
        url = resolve_config({**options, "api_key": "any"}, environ).base_url
    except ConfigurationError as error:
        fix = "correct OPENAI_BASE_URL or --base-url; --insecure-http allows http in a network that you trust"
        return failed("Base URL", str(error), fix)
    parts = urlsplit(url)
    if parts.hostname == _OPENAI and parts.path != "/v1":
        return failed("Base URL", url, f"OpenAI's is https://{_OPENAI}/v1")
    return passed("Base URL", url)
