"""One sound device of miniaudio, with its errors as ours."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Self

from openai_realtime._extras import load_extra
from openai_realtime.errors import ConfigurationError

__all__ = ["Device", "find"]

_PERIOD_MS = 20  # how much audio a device gives or takes at once


class Device:
    """A device of miniaudio's class `kind`, open from the start. Raises ConfigurationError if that does not work."""

    def __init__(self, kind: str, *, rate: int, backend: str | None, **options: Any) -> None:
        miniaudio = _miniaudio()
        try:
            self._device: Any = getattr(miniaudio, kind)(
                sample_rate=rate, buffersize_msec=_PERIOD_MS, backends=_backends(backend), **options
            )
        except miniaudio.MiniaudioError as error:
            raise ConfigurationError(
                f"no sound device opens: {error.args[0]}; backend='null' does without one"
            ) from None
        if self._device.backend == "Null" and backend is None:  # miniaudio's last resort, which is silence
            self._device.close()
            raise ConfigurationError("this machine has no sound device that can be used")

    def start(self, step: Callable[[Any], bytes], failed: Callable[[BaseException], None]) -> Self:
        """Have `step` called in the device's thread; `failed` gets its exception, or that the device went away."""
        self._device.stop_callback = lambda: failed(OSError("the sound device stopped"))
        calls = _calls(step, failed)
        next(calls)
        self._device.start(calls)
        return self

    def close(self) -> None:
        """Stop and close the device. When this returns, `step` is not called any more."""
        self._device.stop_callback = None  # it cannot tell this from a device that was unplugged
        self._device.close()


def _calls(step: Callable[[Any], bytes], failed: Callable[[BaseException], None]) -> Generator[bytes, Any, None]:
    """Make a generator of `step`, as miniaudio wants one. An exception there would be printed, and go no further."""
    given = b""
    while True:
        asked = yield given
        try:
            given = step(asked)
        except BaseException as error:  # noqa: BLE001 - it is raised to whoever uses the device
            failed(error)
            return


def find(name: str | None, kind: str, backend: str | None) -> Any:
    """Find the device of `kind` (``"captures"``, ``"playbacks"``) with `name` in its name; None is the default's."""
    if name is None:
        return None
    devices = getattr(_miniaudio().Devices(_backends(backend)), f"get_{kind}")()
    for device in devices:
        if name.casefold() in device["name"].casefold():
            return device["id"]
    names = ", ".join(device["name"] for device in devices)
    raise ConfigurationError(f"no sound device is called {name!r}; there are: {names}")


def _miniaudio() -> Any:
    return load_extra("miniaudio", need="microphone and loudspeaker need miniaudio", extra="audio")[0]


def _backends(name: str | None) -> list[Any]:
    if name is None:
        return []
    backends = _miniaudio().Backend
    try:
        return [backends[name.upper()]]
    except KeyError:
        names = ", ".join(backend.name.lower() for backend in backends)
        raise ConfigurationError(f"no audio backend is called {name!r}; there are: {names}") from None
